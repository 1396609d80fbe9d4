"""Exercises 1.9 and 1.10: where the logistic saturates, and how many units are dead"""

# A plain module, edited here.

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.activations import dead_units
from nnlab_course.exercises import Exercise, Mistake, SameFunction, SameValue


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _slope_reaches(limit: float) -> float:
    """Return the positive x at which the slope of the logistic is `limit`."""
    return _logit((1 + math.sqrt(1 - 4 * limit)) / 2)


saturation = Exercise(
    id="1.9",
    slug="saturation",
    title="Where the logistic saturates",
    judges={
        "my_limit": SameValue(
            _slope_reaches(0.01),
            (
                Mistake(
                    "near",
                    "close, but not to two decimals: was it rounded too early, "
                    "or found from an approximation (σ = 0.99, or σ′ ≈ exp(−x))?",
                    _logit(0.99),
                    4.6,
                    math.log(100),
                ),
                Mistake(
                    "rounded",
                    "this is rounded to a whole number; two decimals are needed",
                    round(_slope_reaches(0.01)),
                    int(_slope_reaches(0.01)),
                ),
                Mistake("sign", "the task asks for |x|, which is positive", -_slope_reaches(0.01)),
                Mistake(
                    "tenfold", "at this x the slope is 0.1, ten times as much", _slope_reaches(0.1)
                ),
                Mistake(
                    "tenth", "at this x the slope is 0.001, a tenth as much", _slope_reaches(0.001)
                ),
                Mistake(
                    "tanh-for-logistic", "this is where tanh saturates", math.atanh(math.sqrt(0.99))
                ),
                Mistake(
                    "value-at-limit",
                    "this is the value of σ there; which x belongs to it?",
                    1 / (1 + math.exp(-_slope_reaches(0.01))),
                ),
                Mistake(
                    "slope-for-limit",
                    "this is the slope; which x belongs to it?",
                    0.01,
                ),
                Mistake(
                    "half-slope",
                    "at this x the slope is 0.02 or 0.005: a factor of two",
                    _slope_reaches(0.02),
                    _slope_reaches(0.005),
                ),
            ),
            atol=0.0055,
            rtol=0.0,
        )
    },
    hints=(
        "Write s for σ(x): s (1 − s) = 0.01 is a quadratic equation for s.",
        "It has two solutions that add up to 1, one for x and one for −x. Take the larger.",
        "From s back to x: solve s = 1 / (1 + exp(−x)) for x. Or search: evaluate "
        "the slope on a fine grid and look where it falls below 0.01.",
    ),
    points=1,
)


def _layers(generator: torch.Generator) -> tuple[tuple[Tensor], ...]:
    """Draw the pre-activations of two layers, (inputs, units)."""
    first = torch.randn(8, 30, generator=generator) - 1
    second = torch.randn(5, 7, generator=generator) - 0.5
    second[:, 2] = torch.tensor([-1.0, 0.0, -2.0, -0.5, -3.0])
    first[:3], second[1] = -first[:3].abs(), -second[1].abs()  # inputs at which no unit is active
    return (first,), (second,)


def _other_layers(generator: torch.Generator) -> tuple[tuple[Tensor], ...]:
    """Draw two layers, and silence some units of each, so that no count is known beforehand."""
    layers = _layers(generator)
    for (layer,) in layers:
        count = int(torch.randint(1, layer.shape[1] - 1, (), generator=generator))
        layer[:, :count] = -layer[:, :count].abs()
    return layers


dead = Exercise(
    id="1.10",
    slug="dead",
    title="Count the dead units",
    judges={
        "my_dead_count": SameFunction(
            lambda z: dead_units(F.relu, z).sum(),
            _layers(torch.Generator().manual_seed(1)),
            (
                Mistake(
                    "entries",
                    "you count single outputs; a unit is a whole column",
                    lambda z: (z <= 0).sum(),
                ),
                Mistake(
                    "any-input",
                    "an output of 0 on some input is normal; dead means 0 on every input",
                    lambda z: (z <= 0).any(dim=0).sum(),
                ),
                Mistake(
                    "inputs-for-units",
                    "you count inputs (rows); the units are the columns",
                    lambda z: (z <= 0).all(dim=1).sum(),
                ),
                Mistake(
                    "alive",
                    "you count the units that are not dead",
                    lambda z: (z > 0).any(dim=0).sum(),
                ),
                Mistake(
                    "zero-missed",
                    "at a pre-activation of exactly 0 the output of ReLU is 0 as well",
                    lambda z: (z < 0).all(dim=0).sum(),
                ),
                Mistake(
                    "mask",
                    "this tells which units are dead; how many are there?",
                    lambda z: dead_units(F.relu, z),
                ),
                Mistake(
                    "fraction",
                    "this is a fraction; the task asks for the number of units",
                    lambda z: dead_units(F.relu, z).double().mean(),
                ),
                Mistake(
                    "mean-is-negative",
                    "a unit whose mean is negative may still be positive on some input",
                    lambda z: (z.mean(dim=0) <= 0).sum(),
                ),
            ),
            draw=_other_layers,
            forbidden=("lesson.dead_units",),
        )
    },
    hints=(
        "When is the output of ReLU 0? Ask that of every entry first.",
        "You have a table of True and False, (inputs, units). "
        "A unit is dead if its column is True throughout.",
        "`all` and `any` take `dim`. Along which dimension do the inputs run?",
    ),
    points=2,
)
