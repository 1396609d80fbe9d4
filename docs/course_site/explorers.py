"""Explorers move on the site as they do in JupyterLab, by the same JavaScript.

A notebook stores the picture of an explorer, and beside it what the package computed for it. Where
there is JavaScript, the explorer takes the picture's place.
"""

import json
import shutil
from pathlib import Path

from nnlab_course.explorers.base import STORED, read_script

PLACE = (
    '<div class="nnlab-explorer">{picture}<script type="application/json">{stored}</script></div>'
)


def embed(
    data: dict,  # Of a cell's output
    picture: str,  # The tag of its picture
) -> str:
    """Write a place for an explorer around its still picture; another picture stays as it is."""
    if STORED not in data:
        return picture
    stored = json.dumps(data[STORED], separators=(",", ":")).replace("<", "\\u003c")
    return PLACE.format(picture=picture, stored=stored)


def bring(app):
    """Write the script and the style that pages with explorers load."""
    folder = Path(app.doctreedir, "explorers")
    folder.mkdir(parents=True, exist_ok=True)
    script = f'(() => {{\n"use strict";\n{read_script("page.js")}}})();\n'
    (folder / "explorers.js").write_text(script, encoding="utf-8")
    package = Path(app.config.course_project, "nnlab_course")
    shutil.copy(package / "explorers/explorers.css", folder)
    app.config.html_static_path.append(str(folder))


def setup(app):
    """Register the extension."""
    app.connect("builder-inited", bring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
