"""Draw a digit in the browser: the pad of `nnlab_course.explorers.drawing`, its network as ONNX.

A page asks for it by the comment `<!-- draw a digit -->`. The network is the one that the package
carries, exported together with the centring of the drawing; nothing a reader draws leaves the page.
"""

import json
import shutil
from hashlib import sha256
from pathlib import Path

from safetensors import safe_open

FOLDER = "_draw"  # In the site
MARK = "<!-- draw a digit -->"
ACCURACY = "<!-- accuracies of the pad's network -->"
PAD = """\
<div id="draw">
<p class="course-start"><button type="button" id="draw-start"
data-model="{folder}/{model}" data-pad="{folder}/drawing.js" data-style="{folder}/drawing.css"
>Load the network ({megabytes} MB)</button></p>
<p id="draw-status" role="status"></p>
<noscript><p>This needs JavaScript. Lesson 4 shows a picture of it.</p></noscript>
</div>
"""


def accuracies(package: Path) -> list[float]:
    """Return what three networks like the one the package carries got right on MNIST's test set."""
    with safe_open(package / "lenet.safetensors", "np") as weights:
        return json.loads(weights.metadata()["accuracies"])


def export(package: Path, folder: Path) -> Path:
    """Write the reader of drawings as ONNX, unless it is there already; return the file."""
    sources = ("lenet.safetensors", "lenet.py", "explorers/drawing.py")
    digest = sha256(b"".join((package / name).read_bytes() for name in sources)).hexdigest()[:16]
    path = folder / f"reader-{digest}.onnx"
    if not path.exists():
        import torch  # which takes seconds

        from nnlab_course.explorers.drawing import SIDE, DigitReader, trained_lenet

        for old in folder.glob("reader-*.onnx"):
            old.unlink()
        reader = DigitReader(trained_lenet())
        names = ["digits", "image", *(f"maps{n + 1}" for n in range(len(reader.depths)))]
        beside = path.with_suffix(".new")
        torch.onnx.export(
            reader,
            (torch.zeros(1, 1, SIDE, SIDE),),
            beside,
            input_names=["drawing"],
            output_names=names,
            external_data=False,
            verbose=False,
        )
        beside.replace(path)
    return path


def bring(app):
    """Put the pad and the network into the site."""
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(app.config.course_project, "nnlab_course")
    for name in ("drawing.js", "drawing.css"):
        shutil.copy(package / "explorers" / name, folder / name)
    app.course_model = export(package, folder)


def size(app) -> int:
    """Return how many bytes a reader's browser loads when asked to."""
    runtime = Path(app.config.course_project, "docs/_static/onnxruntime").glob("ort*")
    return sum(path.stat().st_size for path in [*runtime, *app.course_model.parent.iterdir()])


def fill(app, docname, source):
    """Replace the comments of a page by the pad, and by how good its network is."""
    if MARK in source[0]:
        megabytes = f"{size(app) / 1e6:.1f}"
        pad = PAD.format(folder=FOLDER, model=app.course_model.name, megabytes=megabytes)
        source[0] = source[0].replace(MARK, pad)
        app.env.note_dependency(str(app.course_model), docname=docname)
    if ACCURACY in source[0]:
        package = Path(app.config.course_project, "nnlab_course")
        shares = [f"{100 * accuracy:.1f} %" for accuracy in accuracies(package)]
        text = f"{shares[0]} (and {shares[1]} and {shares[2]} from two other random starts)"
        source[0] = source[0].replace(ACCURACY, text)


def load_where_needed(app, pagename, templatename, context, doctree):
    """Add the script to the page with the pad alone."""
    if 'id="draw"' in context.get("body", ""):
        app.add_js_file("draw.js", loading_method="defer")


def setup(app):
    """Register the extension."""
    app.connect("builder-inited", bring)
    app.connect("source-read", fill)
    app.connect("html-page-context", load_where_needed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
