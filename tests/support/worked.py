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


def _resolve(tree: ast.AST, above: list[ast.stmt], given: dict[str, Any]) -> None:
    """Run the statements above that define what a piece of code uses, and no others."""
    for name in sorted(_used(tree) - set(given)):
        for number in range(len(above) - 1, -1, -1):
            if isinstance(above[number], _DEFINITIONS) and name in defined(above[number]):
                _resolve(above[number], above[:number], given)
                code = ast.Module([above[number]], type_ignores=[])
                exec(compile(code, "lesson", "exec"), given)
                break


def worked_solutions(lesson: str) -> Iterator[Worked]:
    """Yield the worked solutions of a lesson that don't train."""
    checks = importlib.import_module(f"nnlab_course.checks.{lesson}")
    exercises = {exercise.slug: exercise for exercise in checks.EXERCISES}
    above: list[ast.stmt] = []
    for cell in _cells(lesson):
        if cell["cell_type"] != "code":
            continue
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution") and marks["grade_id"] in exercises.keys() - TRAINED:
            tree, given = _parse(cell["source"]), {"__name__": "solution"}
            _resolve(tree, above, given)
            source = ast.unparse(tree)
            yield Worked(lesson, exercises[marks["grade_id"]], source, given)
        above += _parse(cell["source"]).body
