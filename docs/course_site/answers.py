"""Exercises that can be answered on the page: those whose answers are numbers or small tables.

The page gets what a check says of the right answer, of each known mistake and of what is related to
the right answer; `answer.js` compares. It says no more than the folded solution above which it
stands, and without solutions there is nothing of it.
"""

import html
import json
from functools import cache
from importlib import import_module

import torch

from nnlab_course.exercises import Exercise, SameValue, as_tensor

LESSONS = ("activations", "autograd", "gradients", "lenet", "cifar10")
MOST_ENTRIES = 12  # of an answer: what somebody types
# What a slip makes of a right answer, besides the known mistakes.
RELATED = (
    torch.neg,
    lambda right: 2 * right,
    lambda right: right / 2,
    lambda right: 10 * right,
    lambda right: right / 10,
    lambda right: 100 * right,
    lambda right: right / 100,
    lambda right: right + 1,
    lambda right: right - 1,
    lambda right: right**2,
    torch.sqrt,
    torch.reciprocal,
    torch.zeros_like,
    torch.ones_like,
)


@cache
def _exercises() -> dict[str, Exercise]:
    modules = [import_module(f"nnlab_course.checks.{lesson}") for lesson in LESSONS]
    return {exercise.slug: exercise for module in modules for exercise in module.EXERCISES}


def _is_typed(judge) -> bool:
    return isinstance(judge, SameValue) and as_tensor(judge.expected).numel() <= MOST_ENTRIES


def _verdicts(judge: SameValue) -> list:
    """Return pairs of values and what the check says of them, the right answer's first."""
    right = as_tensor(judge.expected)
    wrong = [answer for mistake in judge.mistakes for answer in mistake.answers]
    answers = [right, *map(as_tensor, wrong), *(change(right) for change in RELATED)]
    answers = [answer for answer in answers if answer.shape == right.shape]
    results = [(answer, judge(answer)) for answer in answers if answer.isfinite().all()]
    told = [(a, r) for a, r in results if r or r.mistake not in (None, "value")]
    return [[_entries(answer), result.message] for answer, result in told]


def _entries(answer: torch.Tensor) -> list[float]:
    return [float(f"{entry:.7g}") for entry in answer.flatten().tolist()]


def form(slug: str) -> str:
    """Return the place of a form for the exercise, or nothing if it can't be answered so."""
    exercise = _exercises().get(slug)
    if exercise is None or not all(map(_is_typed, exercise.judges.values())):
        return ""
    answers = [
        {
            "name": name,
            "shape": list(as_tensor(judge.expected).shape),
            "atol": judge.atol,
            "rtol": judge.rtol,
            "verdicts": _verdicts(judge),
        }
        for name, judge in exercise.judges.items()
    ]
    facts = json.dumps({"id": exercise.id, "answers": answers}, ensure_ascii=False)
    return f'<div class="answer-here" data-exercise="{html.escape(facts)}"></div>'
