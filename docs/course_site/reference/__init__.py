"""The API reference: a page for each public module, tables of parameters, links from and to."""

from pathlib import Path

from .entries import describe, skip_fields, source_lines
from .names import LinkNames, note_names
from .stubs import PACKAGE, home_of, path_of, write_stubs


def source_address(
    project: Path,
    module: str,  # "nnlab_course.data"
    name: str,  # "Split" or "Split.split"
) -> str:  # "nnlab_course/data/dataset.py#L20-L41"
    """Return where the source of an entry is, relative to the project."""
    path = path_of(project, home_of(module.removeprefix(f"{PACKAGE}."), name))
    return f"{path.relative_to(project).as_posix()}#{source_lines(path, name)}"


def setup(app):
    """Register the extension."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.linkcode")
    app.connect("builder-inited", write_stubs)
    app.connect("source-read", note_names)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("autodoc-process-docstring", describe)
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
