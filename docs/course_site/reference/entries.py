"""The text of an entry of the API reference: tables of parameters, and links to the notebooks.

nbdev documents parameters by comments beside them, which Python does not keep; `docments` reads
them from the source. Docstrings are short Markdown, and with `default_role = "code"` they are
reStructuredText, too.
"""

import ast
import inspect
import re
from functools import cache
from pathlib import Path

from fastcore.docments import docments

from ..notebooks import load
from .stubs import PACKAGE, PUBLIC, cells_of, generated, home_of


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
    path = generated(project).get(home_of(module, name))
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
    if module not in PUBLIC:
        return  # a method, which is developed with its class
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
