"""Exercises 2.7 and 2.8: the gradient of a bias, and a function for the engine"""

# A plain module, edited here.

import math

import torch
from torch import Tensor

from nnlab_course.exercises import Exercise, Mistake, SameFunction


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
                    "you added up along the rows; b is used once in each row",
                    lambda G: G.sum(dim=1),
                ),
                Mistake(
                    "mean-for-sum",
                    "the contributions of the rows are added, not averaged",
                    lambda G: G.mean(dim=0),
                ),
                Mistake(
                    "not-summed",
                    "this is the gradient of the result; b has only one row",
                    lambda G: G,
                ),
                Mistake(
                    "everything-summed",
                    "every entry of b has a gradient of its own",
                    lambda G: G.sum(),
                ),
                Mistake(
                    "first-row",
                    "the first row is one of the uses of b, all of them count",
                    lambda G: G[0],
                ),
                Mistake(
                    "last-row",
                    "the last row is one of the uses of b, all of them count",
                    lambda G: G[-1],
                ),
                Mistake(
                    "one-dimension-more",
                    "the sum is right, but b has one dimension",
                    lambda G: G.sum(dim=0, keepdim=True),
                ),
                Mistake(
                    "counted",
                    "this counts the uses; each brings its entry of G",
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


engine = Exercise(
    id="2.8",
    slug="engine",
    title="Teach the engine a function",
    judges={
        "sigmoid_and_slope": SameFunction(
            _pair,
            tuple((x,) for x in (-4.0, -1.5, -0.2, 0.0, 0.7, 2.0, 4.0)),
            (
                Mistake(
                    "no-parents",
                    "the value is right, but no gradient arrives at the input: the new `Value` "
                    "has no parents",
                    lambda x: [_logistic(x), 0.0],
                ),
                Mistake(
                    "slope-of-one",
                    "the value is right, the slope towards the input is not 1",
                    lambda x: [_logistic(x), 1.0],
                ),
                Mistake(
                    "value-for-slope",
                    "the value is right, but you noted it as the slope, too",
                    lambda x: [_logistic(x)] * 2,
                ),
                Mistake(
                    "argument-for-value",
                    "in the slope, put the value of the logistic, not x",
                    lambda x: [_logistic(x), x * (1 - x)],
                ),
                Mistake(
                    "slope-of-tanh",
                    "1 − s² is the slope of tanh",
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
        "Two roads: note the slope yourself, as `tanh` does in the class; or build the logistic "
        "from "
        "functions that the engine has already.",
        "The first road needs the number `value.data`, the slope of the logistic (lesson 1), and "
        "a new "
        "`Value` with one pair as its parents.",
        "The second road: lesson 1 says how tanh and the logistic are related. Solve that for σ.",
    ),
    points=3,
)
