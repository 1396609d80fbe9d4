"""The worked solutions of the lessons, each with the names that it needs."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NBS = Path(__file__).parents[2] / "nbs"
LESSONS = {path.stem.partition("_")[2]: path for path in sorted(NBS.glob("0*.ipynb"))}
TRAINED = {"trained-lenet", "trained-network"}  # training each mutant would take an hour


@dataclass
class Worked:
    """A worked solution, and the names that it needs."""

    lesson: str
    exercise: Any
    source: str
    given: dict[str, Any]

    def answers(self, source: str | None = None) -> list:
        """Run it, or another source in its place, and return the answers."""
        names = dict(self.given)
        exec(compile(self.source if source is None else source, "solution", "exec"), names)
        return [names[name] for name in self.exercise.names]


def _cells(lesson: str) -> list[dict]:
    cells = json.loads(LESSONS[lesson].read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def _parse(source: str) -> ast.Module:
    """Parse a cell without the lines that only IPython understands."""
    return ast.parse(re.sub(r"^([ \t]*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))


def defined(statement: ast.stmt) -> set[str]:
    if hasattr(statement, "name"):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(name.asname or name.name).partition(".")[0] for name in statement.names}
    stored = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def _used(tree: ast.AST) -> set[str]:
    """Return the names that a piece of code takes from above."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names - own - stored


_DEFINITIONS = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign


def _needed(tree: ast.AST, above: list[ast.stmt], known: set[str]) -> list[ast.stmt]:
    """Return the statements above that define what a piece of code uses, and no others."""
    found = []
    for name in sorted(_used(tree) - known):
        for number in range(len(above) - 1, -1, -1):
            if isinstance(above[number], _DEFINITIONS) and name in defined(above[number]):
                found += _needed(above[number], above[:number], known)
                found.append(above[number])
                known |= defined(above[number])
                break
    return found


def _solutions(lesson: str) -> Iterator[tuple[str, ast.Module, list[ast.stmt]]]:
    """Yield of each exercise its slug, its worked solution, and every statement above it."""
    above: list[ast.stmt] = []
    for cell in _cells(lesson):
        if cell["cell_type"] != "code":
            continue
        tree, marks = _parse(cell["source"]), cell["metadata"].get("nbgrader", {})
        if marks.get("solution"):
            yield marks["grade_id"], tree, above
        above += tree.body


def worked_solutions(lesson: str) -> Iterator[Worked]:
    """Yield the worked solutions of a lesson that don't train."""
    checks = importlib.import_module(f"nnlab_course.checks.{lesson}")
    exercises = {exercise.slug: exercise for exercise in checks.EXERCISES}
    for slug, tree, above in _solutions(lesson):
        if slug in exercises.keys() - TRAINED:
            given = {"__name__": "solution"}
            needed = ast.Module(_needed(tree, above, set(given)), type_ignores=[])
            exec(compile(needed, "lesson", "exec"), given)
            yield Worked(lesson, exercises[slug], ast.unparse(tree), given)


def answered(lesson: str) -> list[str]:
    """Return the cells of a student who hands in the worked solutions, and what they need."""
    cells, known = [], set()
    for _, tree, above in _solutions(lesson):
        cells += map(ast.unparse, [*_needed(tree, above, known), tree])
        for statement in tree.body:
            known |= defined(statement)
    return cells
