"""Links from names in the prose of a page to the API reference."""

import ast
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from ..notebooks import is_notebook, load
from .stubs import PACKAGE, cells_of, generated, public_module


def note_names(app, docname, source):
    """Note what the names of a notebook's code mean: those it exports, those it imports."""
    if not is_notebook(app, docname):
        return
    names = {}
    for module, path in generated(Path(app.config.course_project)).items():
        for notebook, _, defined in cells_of(path):
            if notebook == docname:
                names |= {name: f"{PACKAGE}.{public_module(module)}.{name}" for name in defined}
    for cell in load(app.env.doc2path(docname))["cells"]:
        if cell["cell_type"] == "code":
            names |= _imported(cell["source"])
    app.env.metadata[docname]["course_names"] = names


def _imported(source: str) -> dict[str, str]:
    lines = re.findall(rf"^from {PACKAGE}[\w.]* import (?:\([^)]*\)|.+)$", source, re.M)
    return {
        alias.asname or alias.name: f"{PACKAGE}.{public_module(_inside(node.module))}.{alias.name}"
        for node in ast.parse("\n".join(lines)).body
        for alias in node.names
    }


def _inside(module: str) -> str:
    """Return the name of a module without the package's."""
    return module.removeprefix(PACKAGE).removeprefix(".")


class LinkNames(SphinxPostTransform):
    """Link a name in code type, in prose, to its entry in the API reference."""

    default_priority = 900

    def run(self, **kwargs):
        """Link every name of the page that can mean one thing only."""
        objects = self.env.domains["py"].objects
        names = self.env.metadata[self.env.docname].get("course_names")
        names = _unique(objects) if names is None else names
        for literal in list(self.document.findall(nodes.literal)):
            text = literal.astext().removesuffix("()")
            entry = objects.get(names.get(text, text))
            if entry and not _is_within(literal, nodes.title | nodes.reference):
                link = make_refnode(
                    self.app.builder, self.env.docname, entry.docname, entry.node_id, literal.copy()
                )
                link[0].extend(literal.children)
                literal.replace_self(link)


def _is_within(node: nodes.Node, kinds: type) -> bool:
    return node is not None and (isinstance(node, kinds) or _is_within(node.parent, kinds))


def _unique(objects: dict) -> dict[str, str]:
    """Return the functions and classes whose name the package has once."""
    homes = {}
    for full, entry in objects.items():
        if entry.objtype in ("function", "class", "exception"):
            homes.setdefault(full.rpartition(".")[2], []).append(full)
    return {name: full[0] for name, full in homes.items() if len(full) == 1}
