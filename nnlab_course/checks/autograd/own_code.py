"""Exercises 2.7 and 2.8: the gradient of a bias, and a function for the engine"""

# A plain module, edited here.

import math
from typing import Any

import torch
from torch import Tensor

from nnlab_course.exercises import AnswerError, Exercise, Mistake, Result, SameFunction


def _random(*shape: int) -> tuple[Tensor]:
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(0)),)


bias = Exercise(
    id="2.7",
    slug="bias",
    title="A bias that serves every row",
    judges={
        "bias_gradient": SameFunction(
            lambda G: G.sum(dim=0),
            (_random(5, 3), _random(3, 3)),
            (
                Mistake(
                    "rows-for-columns",
                    "you summed over the columns, within each row; "
                    "b is used once in each row, so sum over the rows",
                    lambda G: G.sum(dim=1),
                ),
                Mistake(
                    "mean-for-sum",
                    "the contributions of the rows are added, not averaged",
                    lambda G: G.mean(dim=0),
                ),
                Mistake(
                    "not-summed",
                    "this is the gradient of the result; b has only one entry for each column",
                    lambda G: G,
                ),
                Mistake(
                    "everything-summed",
                    "every entry of b has a gradient of its own",
                    lambda G: G.sum(),
                ),
                Mistake(
                    "first-row",
                    "the first row is only one of the uses of b; all of them count",
                    lambda G: G[0],
                ),
                Mistake(
                    "last-row",
                    "the last row is only one of the uses of b; all of them count",
                    lambda G: G[-1],
                ),
                Mistake(
                    "one-dimension-more",
                    "the sum is correct, but b has one dimension: shape (m,), not (1, m)",
                    lambda G: G.sum(dim=0, keepdim=True),
                ),
                Mistake(
                    "counted",
                    "this counts the uses; each contributes its entry of G",
                    lambda G: torch.full_like(G[0], len(G)),
                ),
            ),
        )
    },
    hints=(
        "Write down a result of two rows. Where does b₀ occur?",
        "A tensor that is used several times receives the sum of the contributions.",
        "Over which of the two dimensions of G do the uses of one entry of b run?",
    ),
    points=2,
)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _pair(x: float) -> list[float]:
    s = _logistic(x)
    return [s, s * (1 - s)]


_NO_VALUE = "`sigmoid` returns a plain number; return a `Value`, so that a gradient can flow back"
_NO_PAIR = (
    "the parents of a `Value` are pairs (value, slope): `Value(s, "
    "((value, slope),))`, with a comma after the pair"
)


class _SameEngineFunction(SameFunction):
    """Judge what the answer cell returns, and explain what only the engine can raise."""

    def __call__(self, answer: Any) -> Result:
        try:
            return super().__call__(answer)
        except AnswerError as error:
            text = str(error)
            if "unpack" in text or "'Value' object is not iterable" in text:
                raise AnswerError(_NO_PAIR, "no-pair") from error
            if "no attribute 'backward'" in text:
                raise AnswerError(_NO_VALUE, "no-value") from error
            raise


engine = Exercise(
    id="2.8",
    slug="engine",
    title="Teach the engine a function",
    judges={
        "sigmoid_and_slope": _SameEngineFunction(
            _pair,
            tuple((x,) for x in (-4.0, -1.5, -0.2, 0.0, 0.7, 2.0, 4.0)),
            (
                Mistake("no-value", _NO_VALUE, _logistic),
                Mistake(
                    "no-parents",
                    "the value is correct, but no gradient arrives at the input: the "
                    "new `Value` has no parents, or was computed from `value.data`",
                    lambda x: [_logistic(x), 0.0],
                ),
                Mistake(
                    "slope-of-one",
                    "the value is correct; the slope with respect to the input is not 1",
                    lambda x: [_logistic(x), 1.0],
                ),
                Mistake(
                    "value-for-slope",
                    "the value is correct, but the slope is equal to it: either you noted the "
                    "value as the slope, or computed a factor from `value.data`, which cuts the "
                    "graph",
                    lambda x: [_logistic(x)] * 2,
                ),
                Mistake(
                    "argument-for-value",
                    "the value is correct; in the slope, use "
                    "the value of the logistic instead of "
                    "x",
                    lambda x: [_logistic(x), x * (1 - x)],
                ),
                Mistake(
                    "one-factor",
                    "the value is correct; its slope has two factors, and you noted one",
                    lambda x: [_logistic(x), 1 - _logistic(x)],
                ),
                Mistake(
                    "squared",
                    "the value is correct; the second factor of the slope is not σ",
                    lambda x: [_logistic(x), _logistic(x) ** 2],
                ),
                Mistake(
                    "sign-of-slope",
                    "the value is correct; the slope has the wrong sign",
                    lambda x: [_logistic(x), -_pair(x)[1]],
                ),
                Mistake(
                    "slope-of-tanh",
                    "the value is correct; 1 − s² is the formula for the slope of tanh",
                    lambda x: [_logistic(x), 1 - _logistic(x) ** 2],
                ),
                Mistake(
                    "sign-of-exponent",
                    "it falls where the logistic rises: look at the sign of the exponent",
                    lambda x: [_pair(-x)[0], -_pair(x)[1]],
                ),
                Mistake(
                    "not-stretched",
                    "tanh(x) / 2 + 1 / 2 rises twice as fast as the logistic",
                    lambda x: [_pair(2 * x)[0], 2 * _pair(2 * x)[1]],
                ),
                Mistake(
                    "tanh-for-logistic",
                    "this is tanh",
                    lambda x: [math.tanh(x), 1 - math.tanh(x) ** 2],
                ),
            ),
        )
    },
    hints=(
        "Two ways: note the slope yourself, as `tanh` does in the "
        "class; or build the logistic from what the engine has.",
        "The first way needs the number `value.data`, the slope of the logistic "
        "(lesson 1), and a new `Value` with one pair as its parents.",
        "The second way: the engine has `exp`, `+` and `/`. Compute "
        "with `value` itself: `value.data` would cut the graph.",
    ),
    points=3,
)
