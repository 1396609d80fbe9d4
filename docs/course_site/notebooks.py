"""Show nbdev's notebooks as a reader wants them.

Cells marked `#| hide` are dropped, and the directive lines of the others (`#| export` and the
like) are cut; exercises and plumbing are folded; pictures become files, with the words for them
that their cell's metadata hold as `"alt"`; a page that was built without its data says so. It
happens in memory, as a page is read; the notebooks stay as they are.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from plumbing import describe, plumbing
from sphinx.util import logging

from . import explorers, folding, images, pad

logger = logging.getLogger(__name__)

DIRECTIVE = re.compile(r"^#\|.*\n?", re.M)
SUBSTITUTED = re.compile(r"The course's own (\w+) are used instead")  # by data.load
HIDDEN = re.compile(r"^#\|\s*(hide|default_exp)\b", re.M)
NOTE = """\
<div class="admonition warning built-without-data">
<p class="admonition-title">Built without its data</p>
<p>Where this page was built, the data of the lesson could not be had. Its numbers and pictures come
from the course's own {name}, which are fewer and easier: they differ from what the text tells.</p>
</div>
"""


def load(path: Path) -> dict:
    """Read a notebook; the text of its cells becomes one string each."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def is_notebook(app, docname: str) -> bool:
    """Say whether a page is made of a notebook."""
    return docname in app.project.docnames and app.env.doc2path(docname).suffix == ".ipynb"


def root_of(docname: str) -> str:
    """Return the relative address of the site's root from a page."""
    return "../" * docname.count("/")


def simplify(app, docname, source):
    """Make of the notebook in `source[0]` the one that is shown."""
    if not is_notebook(app, docname):
        return
    notebook = load(app.env.doc2path(docname))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if not any(cell["outputs"] for cell in code):
        logger.warning("no cell of the notebook was executed: make outputs", location=docname)
    visible = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] != "code" or not HIDDEN.search(cell["source"])
    ]
    for cell in plumbing(visible):
        cell["metadata"] |= {
            "tags": [*cell["metadata"].get("tags", []), "hide-input"],
            "mystnb": {"code_prompt_show": describe(cell["source"]), "code_prompt_hide": "Hide"},
        }
    for cell in visible:
        if cell["cell_type"] == "code":
            _illustrate(app, docname, cell)
            cell["source"] = DIRECTIVE.sub("", cell["source"]).strip("\n")
    download = f"{root_of(docname)}notebooks/{docname}.ipynb"
    try:
        cells = folding.arrange(visible, app.config.course_solutions, download)
    except ValueError as error:
        logger.warning("%s", error, location=docname)
        cells = [cell for cell in visible if cell["cell_type"] != "code"]
    if name := _substitute(code):
        cells.insert(1, {"cell_type": "markdown", "metadata": {}, "id": "built-without-data"})
        cells[1]["source"] = NOTE.format(name=name)
    for cell in cells:
        cell["metadata"]["anchor"] = cell["id"]
    source[0] = json.dumps(notebook | {"cells": cells})
    app.emit("course-notebook-read", docname)


def _substitute(code: list[dict]) -> str:
    """Return what the cells computed with where the lesson's data were missing, or nothing."""
    texts = ("".join(output.get("text", "")) for cell in code for output in cell["outputs"])
    found = filter(None, map(SUBSTITUTED.search, texts))
    return next((match[1] for match in found), "")


def _illustrate(app, docname: str, cell: dict) -> None:
    """Replace the PNGs among a cell's outputs by tags of files, and say where something lacks."""
    alt = cell["metadata"].get("alt", "").strip()
    outputs = [o for o in cell["outputs"] if "image/png" in o.get("data", {})]
    if any(output["output_type"] == "error" for output in cell["outputs"]):
        logger.warning("cell %s stores an error: make outputs", cell["id"], location=docname)
    if outputs and not alt:
        message = 'the picture of cell %s lacks a description: add "alt" to the cell\'s metadata'
        logger.warning(message, cell["id"], location=docname)
    if alt and not outputs:
        message = "cell %s describes a picture and shows none: make outputs"
        logger.warning(message, cell["id"], location=docname)
    for output in outputs:
        picture = images.store(output, Path(app.outdir))
        tag = picture.tag(alt, root_of(docname))
        if "pad" in cell["metadata"].get("tags", []):
            tag = pad.place(tag, keep=True)
        output["data"] = {"text/html": explorers.embed(output["data"], tag)}


def anchor_cells(app, doctree):
    """Give each code cell its notebook's id, so that the API reference can point at it."""
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            node["ids"].append(f"cell-{node['cell_metadata']['anchor']}")


def setup(app):
    """Register the extension."""
    app.add_config_value("course_solutions", True, "env", types=bool)
    app.add_event("course-notebook-read")
    app.connect("source-read", simplify)
    app.connect("doctree-read", anchor_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
