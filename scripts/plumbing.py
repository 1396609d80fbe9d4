"""Tell which cells of a lesson are plumbing: the site and the student edition show them folded.

Imports are, functions that draw, and what only the module itself uses. A cell's tag overrides the
rule: `plumbing` folds it, `idea` leaves it open.
"""

import ast
import re

MAGIC = re.compile(r"^\s*[%!].*$", re.M)
HELPER = ("plot_", "_")  # How the names begin of what draws, and of what only this module uses


def plumbing(
    cells: list[dict],  # Of a notebook
) -> list[dict]:  # Those to fold; none in a notebook without exercises, where helpers are the topic
    """Find the plumbing of a lesson."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    if not any("nbgrader" in cell["metadata"] for cell in code):
        return []
    return [cell for cell in code if is_plumbing("".join(cell["source"]), cell["metadata"])]


def describe(
    source: str,  # Of a cell of plumbing
) -> str:
    """Say what is folded: the names that a cell defines, or that it imports."""
    names = re.findall(r"^(?:def|class) (\w+)", source, re.M)
    return f"Show {', '.join(names)}" if names else "Show the imports"


def is_plumbing(
    source: str,  # Of a code cell, directives included
    metadata: dict,  # Of the same cell
) -> bool:
    """Say whether a cell is folded."""
    tags = metadata.get("tags", [])
    if "idea" in tags or "nbgrader" in metadata:
        return False
    if "plumbing" in tags or re.search(r"^#\|\s*hide\b", source, re.M):
        return True
    statements = ast.parse(MAGIC.sub("", source)).body
    return bool(statements) and all(map(_is_helper, statements))


def _is_helper(statement: ast.stmt) -> bool:
    """Say whether a statement imports, or defines what draws or what only its module uses."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name.startswith(HELPER)
    if isinstance(statement, ast.Assign):  # a constant of the module
        return all(isinstance(t, ast.Name) and t.id.startswith("_") for t in statement.targets)
    if isinstance(statement, ast.Expr):  # the seed, which stands by the imports
        return ast.unparse(statement).startswith("torch.manual_seed(")
    return isinstance(statement, ast.Import | ast.ImportFrom)
