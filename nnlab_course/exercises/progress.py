"""How far a student has come, kept in a small file beside the notebook"""

# A plain module, edited here.

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab_course.exercises.result import SYMBOLS, Result, as_html, link_to
from nnlab_course.files import write_whole

if TYPE_CHECKING:
    from nnlab_course.exercises.exercise import Exercise


class _Memory:
    """The results so far: in a small file, and those of this process in its memory, too.

    They are kept where the file can't be written, and where another notebook writes it at once.
    """

    path = Path("nnlab-progress.json")

    def __init__(self):
        self.own: dict[str, dict] = {}
        self.problem = ""

    def load(self) -> dict[str, dict]:
        """Read the results; an unreadable file is an empty one."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            stored = {}
            if not self.problem:
                self.own = {}  # somebody deleted it, to begin anew
        except (OSError, ValueError, RecursionError):
            stored = {}
        entries = stored.items() if isinstance(stored, dict) else ()
        return {slug: entry for slug, entry in entries if _is_entry(entry)} | self.own

    def keep(self, slug: str, result: Result) -> None:
        """Add one result."""
        mine = {slug: {"verdict": result.verdict, "points": result.points}}
        entries = self.load() | mine
        self.own |= mine
        try:
            write_whole(self.path, json.dumps(entries, indent=1), sync=False)
            self.problem = ""
        except OSError as error:
            self.problem = error.strerror or type(error).__name__


def _is_entry(entry: Any) -> bool:
    """Tell whether something read from the file is a result."""
    if not isinstance(entry, dict) or entry.get("verdict") not in list(SYMBOLS):
        return False
    points = entry.get("points")
    return isinstance(points, int | float) and 0 <= points <= 1


def in_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this code."""
    ipython = sys.modules.get("IPython")
    return "ipykernel" in sys.modules and ipython is not None and ipython.get_ipython() is not None


MEMORY = _Memory()


class Progress:
    """How far a lesson's exercises have come; shows itself as a table."""

    def __init__(self, exercises: Sequence["Exercise"]):
        self.exercises, entries = tuple(exercises), MEMORY.load()
        self.problem = MEMORY.problem
        blank = {"verdict": "unanswered", "points": 0.0}
        self.entries = [entries.get(exercise.slug, blank) for exercise in self.exercises]

    @property
    def earned(self) -> float:
        """Points earned so far."""
        return sum(
            entry["points"] * exercise.points
            for entry, exercise in zip(self.entries, self.exercises, strict=True)
        )

    def _lines(self) -> list[tuple[str, str, str]]:
        return [
            (
                SYMBOLS[entry["verdict"]],
                f"{exercise.id} {exercise.title}",
                f": {entry['points'] * exercise.points:.3g} of {exercise.points}",
            )
            for entry, exercise in zip(self.entries, self.exercises, strict=True)
        ]

    def _summary(self) -> str:
        right = sum(entry["verdict"] == "right" for entry in self.entries)
        total = sum(exercise.points for exercise in self.exercises)
        saved = f" (not saved: {self.problem})" if self.problem else ""
        return f"{right} of {len(self.entries)} right, {self.earned:g} of {total} points{saved}"

    def __repr__(self) -> str:
        lines = (f"{symbol} {name}{points}" for symbol, name, points in self._lines())
        return "\n".join([self._summary(), *lines])

    def _repr_html_(self) -> str:
        total = sum(exercise.points for exercise in self.exercises)
        bar = f'<progress value="{self.earned:g}" max="{total}"></progress>'
        column = '<span style="display:inline-block;width:1.5em">'
        lines = "".join(
            f"<div>{column}{symbol}</span> {link_to(name)}{points}</div>"
            for symbol, name, points in self._lines()
        )
        return f"<div><b>{as_html(self._summary())}</b> {bar}</div>{lines}"
