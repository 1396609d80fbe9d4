"""Exercises 3.1 to 3.3: the factors of the chain rule, their bound, and a dead unit"""

# A plain module, edited here.

import math
from collections.abc import Callable, Sequence

import torch

from nnlab_course.exercises import Exercise, Mistake, SameValue
from nnlab_course.gradients import chain, chain_factors

_X, _WEIGHTS = 2.0, (0.5, -1.0, 2.0)
_NODES = {name: v.item() for name, v in chain(_X, _WEIGHTS).items()}
_FACTORS = [v.item() for v in chain_factors(_X, _WEIGHTS).values()]
_SLOPES, _OTHERS = _FACTORS[::2], _FACTORS[1::2]


def _interleave(slopes: Sequence[float], others: Sequence[float]) -> list[float]:
    """Put six factors in the order of the exercise."""
    return [factor for pair in zip(slopes, others, strict=True) for factor in pair]


def _slope(z: float) -> float:
    y = 1 / (1 + math.exp(-z))
    return y * (1 - y)


_ACTIVATIONS = [_NODES[name] for name in ("y", "a2", "a1")]
_BOUNDS = _interleave([0.25] * 3, _OTHERS)
_VALUE_FOR_SLOPE = "you used σ(z) where the slope σ′(z) is needed"

_FACTOR_MISTAKES = (
    Mistake("reversed", "the factors are right, but listed from w₁ to y", _FACTORS[::-1]),
    Mistake("value-for-slope", _VALUE_FOR_SLOPE, _interleave(_ACTIVATIONS, _OTHERS)),
    Mistake(
        "slope-at-activation",
        "the slope is taken at the pre-activation z; you took it at the activation a",
        _interleave([_slope(a) for a in _ACTIVATIONS], _OTHERS),
    ),
    Mistake(
        "slope-without-one-minus",
        "the slope is a (1 − a), with the a of that layer; you used 1 − a",
        _interleave([1 - a for a in _ACTIVATIONS], _OTHERS),
    ),
    Mistake(
        "weights-shifted",
        "∂z₃/∂a₂ is w₃: your weights are shifted by one layer",
        _interleave(_SLOPES, [-1.0, 0.5, 2.0]),
    ),
    Mistake(
        "w1-for-x",
        "z₁ = w₁ x, so its derivative with respect to w₁ is x, not w₁",
        _interleave(_SLOPES, [2.0, -1.0, 0.5]),
    ),
    Mistake("bound-for-slope", "0.25 is the largest slope; compute the slope at each z", _BOUNDS),
    Mistake("sign-of-weight", "w₂ is negative", _interleave(_SLOPES, [2.0, 1.0, 2.0])),
    Mistake("slopes-missing", "three of the six factors are slopes σ′(z)", [1, 2, 1, -1, 1, 2]),
)


def _partial_product(number: int, derivative: str) -> Mistake:
    """Describe a product of the last `number` factors."""
    message = f"this is {derivative}: the product stops too early; which factors lead on to y?"
    return Mistake("partial-product", message, math.prod(_FACTORS[-number:]))


def _without(index: int) -> Mistake:
    """Describe a product that lacks one factor."""
    names = "∂y/∂z₃", "w₃ or x, both 2,", "∂a₂/∂z₂", "w₂", "∂a₁/∂z₁"
    product = math.prod(f for i, f in enumerate(_FACTORS) if i != index)
    return Mistake("factor-missing", f"the factor {names[index]} is missing", product)


_GRADIENT_MISTAKES = (
    _partial_product(5, "∂z₃/∂w₁"),
    _partial_product(4, "∂a₂/∂w₁"),
    _partial_product(3, "∂z₂/∂w₁"),
    _partial_product(2, "∂a₁/∂w₁"),
    Mistake(
        "weights-missing",
        "these are the slopes alone; multiply by the weights and x as well",
        math.prod(_SLOPES),
    ),
    Mistake(
        "slopes-missing",
        "these are the weights and x alone; multiply by the slopes as well",
        math.prod(_OTHERS),
    ),
    Mistake("value-for-slope", _VALUE_FOR_SLOPE, math.prod(_interleave(_ACTIVATIONS, _OTHERS))),
    Mistake("sum-for-product", "this is the sum of the factors", sum(_FACTORS)),
    Mistake("other-weight", "this is ∂y/∂w₂", math.prod(_FACTORS[:3]) * _NODES["a1"]),
    Mistake("other-weight", "this is ∂y/∂w₃", _FACTORS[0] * _NODES["a2"]),
    Mistake("bound-for-slope", "this is the bound, with 0.25 for every slope", math.prod(_BOUNDS)),
    *(_without(index) for index in (1, 2, 4)),
)

by_hand = Exercise(
    id="3.1",
    slug="by-hand",
    title="The chain rule by hand",
    judges={
        "my_factors": SameValue(_FACTORS, _FACTOR_MISTAKES, atol=1e-3),
        "my_gradient": SameValue(math.prod(_FACTORS), _GRADIENT_MISTAKES, rtol=1e-2),
    },
    hints=(
        "Go forward first: z₁, a₁, z₂, a₂, z₃, y, to four decimals. All slopes follow from them.",
        "The slope of the logistic is a (1 − a), with the activation a of that layer.",
        "Of the other three factors, two are weights. Which weight leads from a₂ to z₃? And what "
        "does w₁ multiply?",
    ),
    points=2,
)


def _first_below(bound: Callable[[int], float]) -> int:
    """Return the first depth at which the bound is below a millionth."""
    return next(n for n in range(1, 100) if bound(n) < 1e-6)


_CERTAIN = _first_below(lambda n: 0.25**n * 2 ** (n - 1))

depth = Exercise(
    id="3.2",
    slug="depth",
    title="How deep is a millionth?",
    judges={
        "my_depth": SameValue(
            _CERTAIN,
            (
                Mistake(
                    "one-weight-too-many",
                    "w₁ itself is not a factor of ∂y/∂w₁, so there are n − 1 weights, not n",
                    _first_below(lambda n: 0.5**n),
                ),
                Mistake(
                    "weights-missing",
                    "the weights are missing from the bound; each can be as large as 2",
                    _first_below(lambda n: 0.25**n),
                ),
                Mistake(
                    "one-slope-too-few",
                    "the output layer has a slope as well, so there are n slopes",
                    _first_below(lambda n: 0.5 ** (n - 1)),
                ),
                Mistake(
                    "weights-and-slope-missing",
                    "the weights and the slope of the output layer are missing from the bound",
                    _first_below(lambda n: 0.25 ** (n - 1)),
                ),
                Mistake(
                    "not-yet-below",
                    "at this depth the bound is still above a millionth",
                    _CERTAIN - 1,
                ),
                Mistake("not-whole", "a depth is a whole number; round up", math.log2(1e6) - 1),
            ),
            atol=0.005,
            rtol=0.0,
        )
    },
    hints=(
        "The bound is a product: 0.25 for each slope, 2 for each weight in it.",
        "A chain of n layers has n slopes. How many weights does the gradient of the first one "
        "contain?",
        "Write the bound as a power of 2, and compare it with 2^(−20), which is just below a "
        "millionth.",
    ),
    points=1,
)


_DEAD = chain_factors(-1.0, (-2.0, 0.5, 3.0, -1.0, -0.5), torch.relu)
_CULPRIT = next(int(name[-1]) for name, factor in _DEAD.items() if "/dz" in name and factor == 0)

culprit = Exercise(
    id="3.3",
    slug="culprit",
    title="Which weight kills it?",
    judges={
        "my_culprit": SameValue(
            _CULPRIT,
            (
                Mistake("two-negatives", "w₁ is negative, but so is x: what sign has z₁?", 1),
                Mistake("positive", "z₂ is positive: a₁ and w₂ both are", 2),
                Mistake("positive", "z₃ is positive (the weights are numbered from 1)", 3),
                Mistake("logistic-output", "the output is logistic: its slope is never 0", 5),
                Mistake(
                    "value-for-number", "this is the weight's value; give its number, 1 to 5", -1
                ),
                Mistake("counted-from-zero", "the weights are numbered from 1 to 5", 0),
            ),
            atol=0.0,
            rtol=0.0,
        )
    },
    hints=(
        "ReLU has the slope 0 where its pre-activation is negative. Follow the signs.",
        "Write + or − under z₁, z₂, z₃ … until you reach the first −.",
    ),
    points=1,
)
