"""The API reference: a page for each module, tables of parameters, links to and from notebooks.

nbdev documents parameters by comments beside them, which Python does not keep; `docments` reads
them from the source. Docstrings are short Markdown, and with `default_role = "code"` they are
reStructuredText, too.
"""

import ast
import inspect
import re
from functools import cache
from pathlib import Path

from docutils import nodes
from fastcore.docments import docments
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from .notebooks import is_notebook, load

PACKAGE = "nnlab_course"
FOLDER = "api"
EXPORTED = re.compile(r"^# %% (?:\.\./)+nbs/(\S+)\.ipynb #(\S+)$", re.M)
STUB = """# {module}

{developed}

```{{eval-rst}}
.. automodule:: {package}.{module}
   :members:
   :member-order: bysource
```
"""


def module_paths(project: Path) -> dict[str, Path]:
    """Return the public modules of the package and their files.

    Not the checks: they name every known mistake, no reading for somebody who is about to answer.
    Not the command line: its commands are no functions to call, and have a page of their own.
    """
    paths = {}
    for path in sorted((project / PACKAGE).rglob("*.py")):
        parts = path.relative_to(project / PACKAGE).with_suffix("").parts
        if not any(part.startswith("_") or part in ("checks", "cli") for part in parts):
            paths[".".join(parts)] = path
    return paths


def cells_of(path: Path) -> list[tuple[str, str, list[str]]]:
    """Return the exported cells of a module: notebook, id, and the names that the cell defines."""
    pieces = EXPORTED.split(path.read_text(encoding="utf-8"))[1:]
    cells = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return [(notebook, cell, _defined(source)) for notebook, cell, source in cells]


def _defined(source: str) -> list[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [node.name for node in ast.parse(source).body if isinstance(node, kinds)]


def write_stubs(app):
    """Write a page for each module, and their list; leave what has not changed."""
    folder = Path(app.srcdir, FOLDER)
    pages = {"index": _index(Path(app.config.course_project))}
    for module, path in module_paths(Path(app.config.course_project)).items():
        notebooks = dict.fromkeys(notebook for notebook, _, _ in cells_of(path))
        developed = ", ".join(f"[](/{notebook}.ipynb)" for notebook in notebooks)
        pages[module] = STUB.format(
            package=PACKAGE, module=module, developed=developed and f"Developed in {developed}."
        )
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.md"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _index(project: Path) -> str:
    """List the modules, each with the first line of its docstring."""
    rows = []
    for module, path in module_paths(project).items():
        summary = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        rows.append(f"[`{PACKAGE}.{module}`]({module}.md)\n: {summary.partition(chr(10))[0]}\n")
    entries = "\n".join(module_paths(project))
    return "\n".join(
        [
            "# API reference\n",
            "> What the lessons and the helper notebooks export as a Python package.\n",
            *rows,
            f"```{{toctree}}\n:hidden:\n\n{entries}\n```\n",
        ]
    )


# --- the text of an entry ---------------------------------------------------------------


def _type(annotation: object) -> str:
    """Write an annotation without the names of modules."""
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b[a-z_][\w.]*\.(?=\w)", "", text.strip("'\""))


def _escape(text: str) -> str:
    """Protect what reStructuredText would read as markup, save for `code`."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*|_\\])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def parameter_rows(obj: object) -> list[tuple[str, str, str]]:
    """Return name, type and meaning of each parameter of a function or class, and of its result."""
    rows = []
    for name, entry in docments(obj, full=True).items():
        if name in ("self", "cls") or (name == "return" and isinstance(obj, type)):
            continue
        kind, meaning = _type(entry.anno), " ".join((entry.docment or "").split())
        if name == "return" and (kind in ("", "None") and not meaning):
            continue
        label = "returns" if name == "return" else f"**{name}**"
        rows.append((label, f"`{kind}`" if kind else "", _escape(meaning)))
    return rows


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    lines = [".. list-table::", "   :class: parameters", "   :header-rows: 1", ""]
    for row in [("parameter", "type", "meaning"), *rows]:
        lines += [f"   {'* -' if i == 0 else '  -'} {text}" for i, text in enumerate(row)]
    return [*lines, ""]


@cache
def _home(project: Path, module: str, name: str) -> tuple[str, str] | None:
    """Return the notebook and the cell in which a name is developed."""
    path = module_paths(project).get(module)
    for notebook, cell, names in cells_of(path) if path else ():
        if name in names:
            return notebook, cell
    return None


@cache
def _title(path: Path) -> str:
    """Return the title of a notebook, which begins with it."""
    return load(path)["cells"][0]["source"].splitlines()[0].removeprefix("# ")


def skip_fields(app, what, name, obj, skip, options):
    """Leave the fields of a named tuple to its table."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def describe(app, what, name, obj, options, lines):
    """Add to a docstring the table of its parameters, and where the thing is developed."""
    if what not in ("function", "method", "class"):
        return
    if not getattr(obj, "__module__", None) or not obj.__module__.startswith(PACKAGE):
        return  # met on the way, and left out by autodoc afterwards
    if rows := parameter_rows(obj):
        lines += ["", *_table(rows)]
    module, _, qualified = name.removeprefix(f"{PACKAGE}.").rpartition(".")
    if home := _home(Path(app.config.course_project), module, qualified):
        title = _title(Path(app.srcdir, f"{home[0]}.ipynb"))
        lines += ["", f"Developed in `{title} <../{home[0]}.html#cell-{home[1]}>`__.", ""]


def source_lines(
    path: Path,  # Of a module
    name: str,  # "LeNet" or "LeNet.forward"
) -> str:  # "L20-L41", or nothing where the module does not define it
    """Say in which lines a thing is defined, as the addresses of code hosts do."""
    node = ast.parse(path.read_text(encoding="utf-8"))
    for part in name.split("."):
        node = next((child for child in node.body if getattr(child, "name", "") == part), None)
        if node is None:
            return ""
    return f"L{node.lineno}-L{node.end_lineno}"


def protect_stars(app, context, lines):
    """Keep the stars in the help of commands, as in `part-*.json`, from becoming emphasis."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


# --- links from prose -------------------------------------------------------------------


def note_names(app, docname, source):
    """Note what the names of a notebook's code mean: those it exports, those it imports."""
    if not is_notebook(app, docname):
        return
    names = {}
    for module, path in module_paths(Path(app.config.course_project)).items():
        for notebook, _, defined in cells_of(path):
            if notebook == docname:
                names |= {name: f"{PACKAGE}.{module}.{name}" for name in defined}
    for cell in load(app.env.doc2path(docname))["cells"]:
        if cell["cell_type"] == "code":
            names |= _imported(cell["source"])
    app.env.metadata[docname]["course_names"] = names


def _imported(source: str) -> dict[str, str]:
    lines = re.findall(rf"^from {PACKAGE}[\w.]* import (?:\([^)]*\)|.+)$", source, re.M)
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.parse("\n".join(lines)).body
        for alias in node.names
    }


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


def setup(app):
    """Register the extension."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.linkcode")
    app.connect("builder-inited", write_stubs)
    app.connect("source-read", note_names)
    app.setup_extension("sphinx_click")
    app.connect("sphinx-click-process-description", protect_stars)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("autodoc-process-docstring", describe)
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
