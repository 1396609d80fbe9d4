"""A page of the API reference for each public module, and their list."""

import ast
import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

PACKAGE = "nnlab_course"
FOLDER = "api"
# What programs import; a package's page tells what its `__init__` offers. Not the checks: they name
# every known mistake, no reading for somebody who is about to answer. Not the command line: its
# commands have a page of their own.
LESSONS = ("activations", "autograd", "gradients", "lenet", "cifar10")
PUBLIC = (
    *LESSONS,
    *("data", "training", "plots.images", "exercises", "grading"),
    *(f"explorers.{lesson}" for lesson in ("activations", "autograd", "gradients")),
    *("explorers.convolution", "explorers.drawing"),
)
EXPORTED = re.compile(r"^# %% (?:\.\./)+nbs/(\S+)\.ipynb #(\S+)$", re.M)
STUB = """# {module}

{developed}

```{{eval-rst}}
.. automodule:: {package}.{module}
   :members:
   :member-order: bysource
```
"""


def path_of(
    project: Path,
    module: str,  # "data.store", without the package's name
) -> Path:
    """Return the file of a module or of a package."""
    path = project.joinpath(PACKAGE, *module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def public_module(module: str) -> str:
    """Return the public module that offers what `module`, or a part of it, defines; or nothing."""
    while module and module not in PUBLIC:
        module = module.rpartition(".")[0]
    return module


def home_of(
    module: str,  # Public, without the package's name
    name: str,  # "Split" or "Split.split"
) -> str:  # The module that defines it
    """Find the module in which a thing that a package offers is written."""
    thing = getattr(import_module(f"{PACKAGE}.{module}"), name.partition(".")[0])
    home = getattr(thing, "__module__", None) or ""
    return home.removeprefix(f"{PACKAGE}.") if home in sys.modules else module


@cache
def generated(project: Path) -> dict[str, Path]:
    """Return the modules that notebooks export, and their files."""
    paths = sorted((project / PACKAGE).rglob("*.py"))
    paths = [
        p for p in paths if not p.name.startswith("_") and EXPORTED.search(p.read_text("utf-8"))
    ]
    parts = [path.relative_to(project / PACKAGE).with_suffix("").parts for path in paths]
    return {".".join(part): path for part, path in zip(parts, paths, strict=True)}


@cache
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
    project = Path(app.config.course_project)
    notebooks: dict[str, dict[str, None]] = {}
    for module, path in generated(project).items():
        of_page = notebooks.setdefault(public_module(module), {})
        of_page |= dict.fromkeys(notebook for notebook, _, _ in cells_of(path))
    pages = {"index": _index(project)}
    for module in PUBLIC:
        developed = ", ".join(f"[](/{name}.ipynb)" for name in notebooks.get(module, {}))
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
    for module in PUBLIC:
        text = path_of(project, module).read_text(encoding="utf-8")
        summary = ast.get_docstring(ast.parse(text)) or ""
        rows.append(f"[`{PACKAGE}.{module}`]({module}.md)\n: {summary.partition(chr(10))[0]}\n")
    entries = "\n".join(PUBLIC)
    return "\n".join(
        [
            "# API reference\n",
            "> What programs import from the package `nnlab_course`.\n",
            *rows,
            f"```{{toctree}}\n:hidden:\n\n{entries}\n```\n",
        ]
    )
