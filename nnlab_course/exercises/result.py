"""What a check says: verdicts, their symbols, and how they show themselves"""

# A plain module, edited here.

import html
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SYMBOLS = {"right": "✔", "partly": "◐", "wrong": "✘", "unanswered": "…"}
_COLORS = {"right": "#009E73", "partly": "#E69F00", "wrong": "#D55E00", "unanswered": "#888888"}


def as_html(text: str) -> str:
    """Escape a text, and show what stands between backticks as code."""
    escaped = html.escape(text).replace("\n", "<br>")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def link_to(
    exercise: str,  # "1.2 Its title"
) -> str:
    """Return an exercise's name, as a link to its task where JupyterLab shows the notebook."""
    notebook = Path(os.environ.get("JPY_SESSION_NAME", "")).name  # set by Jupyter's server
    if not notebook.endswith(".ipynb"):
        return as_html(exercise)
    cell = "exercise-" + exercise.split()[0].replace(".", "-")  # as the student edition names it
    return f'<a href="{quote(notebook)}#cell-id={cell}">{as_html(exercise)}</a>'


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    `verdict` is `"right"`, `"partly"`, `"wrong"` or `"unanswered"`; `points` the fraction earned, 0
    to 1; `mistake` the slug of the mistake that was recognised, or None. `name` says what was
    judged. `parts` are the results for the single answers, if there are several; `next` names the
    exercise that follows.
    """

    verdict: str
    message: str
    points: float = 0.0
    mistake: str | None = None
    name: str = ""
    parts: tuple["Result", ...] = ()
    next: str = ""

    @classmethod
    def right(cls, message: str = "right") -> "Result":
        return cls("right", message, 1.0)

    @classmethod
    def wrong(cls, message: str, mistake: str | None = None) -> "Result":
        return cls("wrong", message, 0.0, mistake)

    @classmethod
    def unanswered(cls, message: str = "not answered yet") -> "Result":
        return cls("unanswered", message)

    def __bool__(self) -> bool:
        return self.verdict == "right"

    def __repr__(self) -> str:
        head = f"{SYMBOLS[self.verdict]} {self.name + ': ' if self.name else ''}{self.message}"
        next_one = [f"next: {self.next}"] if self.next else []
        return "\n  ".join([head, *(repr(part) for part in self._listed()), *next_one])

    def _repr_html_(self) -> str:
        def line(result):
            name = f"<b>{as_html(result.name)}</b>: " if result.name else ""
            return f"{SYMBOLS[result.verdict]} {name}{as_html(result.message)}"

        indent = "margin-left:1.2em"
        lines = "".join(f'<div style="{indent}">{line(part)}</div>' for part in self._listed())
        if self.next:
            lines += f'<div style="{indent}">next: {link_to(self.next)}</div>'
        style = f"border-left:4px solid {_COLORS[self.verdict]};padding:0.2em 0.8em;margin:0.3em 0"
        return f'<div role="status" style="{style}">{line(self)}{lines}</div>'

    def _listed(self) -> tuple["Result", ...]:
        """Return the parts, unless there is only one, which says the same as the whole."""
        return self.parts if len(self.parts) > 1 else ()


def combine(
    parts: Sequence[Result],  # One for each answer, at least one
    name: str = "",  # What they belong to
) -> Result:
    """Sum up the results for the answers of one exercise."""
    points = sum(part.points for part in parts) / len(parts)
    verdicts = {part.verdict for part in parts}
    verdict = verdicts.pop() if len(verdicts) == 1 else ("partly" if points else "wrong")
    count = sum(part.verdict == "right" for part in parts)
    mistakes = [part.mistake for part in parts if part.mistake]
    message = parts[0].message
    if len(parts) > 1:
        fixed = {"right": "right", "unanswered": "not answered yet"}
        message = fixed.get(verdict, f"{count} of {len(parts)} right")
    return Result(verdict, message, points, mistakes[0] if mistakes else None, name, tuple(parts))
