"""A judge that asks a second one, once the first is content"""

# A plain module, edited here.

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from nnlab_course.exercises import AnswerError, Mistake, NotAnswered, Result


@dataclass(frozen=True)
class InTurn:
    """Judge by `first`; what it finds right has to be right for `second` as well.

    `mistake` is what is said of an answer that is right for the first one only.
    """

    first: Any  # A judge with mistakes, such as `SameFunction`
    second: Callable[[Any], Result]
    mistake: Mistake

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """Those that the first judge knows."""
        return self.first.mistakes

    def __call__(self, answer: Any) -> Result:
        result = self.first(answer)
        if not result:
            return result
        try:
            also = bool(self.second(answer))
        except (AnswerError, NotAnswered):
            also = False
        return result if also else Result.wrong(self.mistake.message, self.mistake.slug)

    def redrawn(self, generator: torch.Generator) -> "InTurn":
        """Judge by other inputs."""
        drawn = {
            name: judge.redrawn(generator)
            for name, judge in (("first", self.first), ("second", self.second))
            if hasattr(judge, "redrawn")
        }
        return replace(self, **drawn)
