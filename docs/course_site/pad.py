"""Draw a digit in the browser: the pad of `nnlab_course.explorers.drawing`, LeNet in JavaScript.

A page asks for it by the comment `<!-- draw a digit -->`, with "and keep it" for a download of what
was drawn; a notebook by the tag `pad` of a cell that shows a picture. The network is the one that
the package carries. It is live at once, from a folder too; nothing a reader draws leaves the page.
"""

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

MARK = re.compile("<!-- draw a digit( and keep it)? -->")
ACCURACY = "<!-- accuracies of the pad's network -->"
WITHOUT = "<noscript><p>This needs JavaScript. Lesson 4 shows a picture of it.</p></noscript>"
SCRIPTS = ("lenet.js", "centring.js", "drawing.js")


def place(
    still: str,  # What stands there without JavaScript
    keep: bool,  # Whether one can keep drawings
) -> str:
    """Write a place for a pad."""
    return f'<div class="nnlab-drawing"{" data-keep" if keep else ""}>{still}</div>'


def accuracies(package: Path) -> list[float]:
    """Return what three networks like the one the package carries got right on MNIST's test set."""
    with safe_open(package / "lenet.safetensors", "np") as weights:
        return json.loads(weights.metadata()["accuracies"])


def weights(package: Path) -> str:
    """Return the network's numbers, float32, as base64: features first, then the classifier."""
    tensors = load_file(package / "lenet.safetensors")

    def order(name: str) -> tuple:
        part, layer, kind = name.split(".")
        return part != "features", int(layer), kind != "weight"

    numbers = [tensors[name].astype("<f4").ravel() for name in sorted(tensors, key=order)]
    return base64.b64encode(np.concatenate(numbers).tobytes()).decode()


def bring(app):
    """Write the script, with the network in it, and the style of pages with a pad."""
    folder = Path(app.doctreedir, "pad")
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(app.config.course_project, "nnlab_course")
    scripts = [package / "explorers" / name for name in SCRIPTS] + [
        Path(__file__).with_name("pad.js")
    ]
    code = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
    text = f'(() => {{\n"use strict";\nconst WEIGHTS = "{weights(package)}";\n{code}}})();\n'
    (folder / "draw.js").write_text(text, encoding="utf-8")
    shutil.copy(package / "explorers/drawing.css", folder / "draw.css")
    app.config.html_static_path.append(str(folder))


def fill(app, docname, source):
    """Replace the comments of a page by the pad, and by how good its network is."""
    source[0] = MARK.sub(lambda mark: place(WITHOUT, bool(mark[1])), source[0])
    if ACCURACY in source[0]:
        package = Path(app.config.course_project, "nnlab_course")
        shares = [f"{100 * accuracy:.1f} %" for accuracy in accuracies(package)]
        text = f"{shares[0]} (and {shares[1]} and {shares[2]} from two other random starts)"
        source[0] = source[0].replace(ACCURACY, text)


def setup(app):
    """Register the extension."""
    app.connect("builder-inited", bring)
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
