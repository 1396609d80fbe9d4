"""Hints and solutions, folded until they are asked for"""

# A plain module, edited here.

import html
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab_course.exercises.result import as_html

if TYPE_CHECKING:
    from nnlab_course.exercises.exercise import Exercise


@dataclass(frozen=True)
class Hints:
    """What `Exercise.hint` shows."""

    exercise: "Exercise"
    number: int = 1

    def __repr__(self) -> str:
        hints = self.exercise.hints
        number = self.number if self.number in range(1, len(hints) + 1) else len(hints)
        more = (
            f"The next one: hint({number + 1})." if number < len(hints) else "It is the last one."
        )
        return f"Hint {number} of {len(hints)}: {hints[number - 1]}\n{more}"

    def _repr_html_(self) -> str:
        folded = []
        for number, hint in enumerate(self.exercise.hints, start=1):
            opened = " open" if 1 < number == self.number else ""
            summary = f"Hint {number} of {len(self.exercise.hints)}"
            body = f'<div style="margin:0.2em 1.2em">{as_html(hint)}</div>'
            folded.append(f"<details{opened}><summary>{summary}</summary>{body}</details>")
        return "\n".join(folded)


_SITE = "https://nnlab-course.github.io/nnlab-course/dev/"
_LINK, _TAG = re.compile(r"https://\S+"), r'<a href="\g<0>" target="_blank">\g<0></a>'
_PAGES = {"1": "activations", "2": "autograd", "3": "gradients", "4": "lenet", "5": "cifar10"}


def page_of(
    id: str,  # Of an exercise
    title: str,
) -> str:
    """Return where the site shows an exercise; nothing for one that is in no lesson."""
    number = id.partition(".")[0]
    if number not in _PAGES:
        return ""
    plain = unicodedata.normalize("NFKD", f"Exercise {id} {title}".lower())
    anchor = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")
    return f"{_SITE}0{number}_{_PAGES[number]}.html#{anchor}"


@dataclass(frozen=True)
class Solution:
    """What `Exercise.solution` shows: the published solution, or where there may be one."""

    id: str
    slug: str
    page: str = ""  # Where the site shows the exercise

    def _find(self) -> tuple[str | None, str]:
        """Return the code, or None, and a sentence."""
        try:
            published = json.loads(Path("solutions.json").read_text(encoding="utf-8"))
            return str(published[self.slug]), f"Exercise {self.id}, a worked solution"
        except (FileNotFoundError, KeyError):
            where = f" Where the site shows solutions, it is at {self.page}" if self.page else ""
            told = f"Your teacher hasn't published the solution of exercise {self.id} yet."
            return None, told + where
        except (OSError, ValueError, TypeError) as error:
            return None, f"solutions.json can't be read ({type(error).__name__}); ask your teacher."

    def __repr__(self) -> str:
        code, sentence = self._find()
        return sentence if code is None else f"{sentence}:\n\n{code}"

    def _repr_html_(self) -> str:
        code, sentence = self._find()
        if code is None:
            return f"<p>{_LINK.sub(_TAG, as_html(sentence))}</p>"
        code = f"<pre>{html.escape(code)}</pre>"
        return f"<details><summary>{as_html(sentence)}</summary>{code}</details>"
