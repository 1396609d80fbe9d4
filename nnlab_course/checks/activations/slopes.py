"""Exercises 1.6 to 1.8: the slopes of the nine functions"""

# A plain module, edited here.

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.activations import ACTIVATIONS
from nnlab_course.checks.activations.curves import (
    ALPHA,
    SCALE,
    SIGMOID_SLOPE,
    TANH_SLOPE,
    WITH_ALPHA,
    constant,
    identity,
    judge_slope,
    leaky,
    normal_cdf,
    normal_density,
    slope_of,
    tail,
    two_pieces,
)
from nnlab_course.exercises import Exercise, Mistake

_RELU_SLOPE = judge_slope(
    F.relu,
    Mistake("upside-down", "the 0 and the 1 are swapped", slope_of(lambda x: F.relu(-x).neg())),
    Mistake("constant", "this is 1 everywhere; for negative x the function is flat", constant(1.0)),
    Mistake(
        "sign-for-slope",
        "for negative x the function is flat, so its slope there is not −1",
        torch.sign,
    ),
    Mistake("zero", "this is 0 everywhere; for positive x the function rises", constant(0.0)),
)
_RELU6_SLOPE = judge_slope(
    F.relu6,
    Mistake("no-ceiling", "above 6 the function is flat again", slope_of(F.relu)),
    Mistake("no-floor", "below 0 the function is flat as well", lambda x: (x < 6).to(x.dtype)),
    Mistake(
        "value-at-ceiling",
        "above 6 you return the value, 6; what is the slope of a constant?",
        lambda x: torch.where(x > 6, 6.0, (x > 0).double()),
    ),
    Mistake(
        "scaled",
        "the middle piece is x itself, so its slope isn't 6",
        lambda x: 6 * slope_of(F.relu6)(x),
    ),
)
_LEAKY_RELU_SLOPE = judge_slope(
    ACTIVATIONS["leaky_relu"],
    Mistake(
        "zero-left",
        "for negative x the function is 0.1 x, so its slope there is not 0",
        slope_of(F.relu),
    ),
    Mistake(
        "default-slope",
        "0.01 is PyTorch's default slope for negative x; the lesson's table has another",
        slope_of(leaky(0.01)),
    ),
    Mistake(
        "sign-of-leak",
        "0.1 x rises with x, so the slope for negative x is positive",
        slope_of(leaky(-0.1)),
    ),
    Mistake(
        "value-left",
        "for negative x you return the value, 0.1 x; the slope of a straight line is a constant",
        two_pieces(lambda x: 0.1 * x, constant(1.0)),
    ),
)

straight_slopes = Exercise(
    id="1.6",
    slug="straight-slopes",
    title="The slopes of the piecewise linear functions",
    judges={
        "my_relu_slope": _RELU_SLOPE,
        "my_relu6_slope": _RELU6_SLOPE,
        "my_leaky_relu_slope": _LEAKY_RELU_SLOPE,
    },
    hints=(
        "A straight piece has one slope. How many pieces does each function have?",
        "A comparison such as `x > 0` gives True and False; `.double()` "
        "makes 1 and 0 of them, and `torch.where` takes two numbers as well.",
        "ReLU6 has three pieces. Join two conditions by `&`, with brackets around each.",
    ),
    points=3,
)


def _tail_slope(left: Callable[[Tensor], Tensor], right: float = 1.0) -> Callable:
    return two_pieces(left, constant(right))


_TAIL_SLOPE_MISTAKES = (
    Mistake(
        "value-left",
        "for negative x you return the value of the function; "
        "what happens to the −1 when you differentiate?",
        _tail_slope(torch.expm1),
    ),
    Mistake(
        "zero-left",
        "for negative x the function is not flat, so its slope there is not 0",
        _tail_slope(constant(0.0)),
    ),
    Mistake(
        "value-right",
        "for positive x you return x; what is the slope of x?",
        two_pieces(torch.exp, identity),
    ),
    Mistake(
        "sign-inside",
        "the slope goes to 0 as x goes to −∞: look at the sign of the exponent",
        _tail_slope(lambda x: torch.exp(-x)),
    ),
)
_ELU_SLOPE = judge_slope(
    F.elu,
    *_TAIL_SLOPE_MISTAKES,
    Mistake("selu-for-elu", "this is the slope of SELU", slope_of(F.selu)),
)


def _celu_slope(left: Callable[[Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Make a slope of 1 for positive x, and something else for negative x."""
    return lambda x, alpha=1.0: torch.where(x > 0, 1.0, left(x, alpha))


_CELU_SLOPE = judge_slope(
    F.celu,
    Mistake(
        "elu-for-celu",
        "this is the slope of ELU: in CELU x is divided by α inside the "
        "exponential, and the inner derivative cancels the α in front",
        slope_of(F.elu),
    ),
    Mistake(
        "alpha-not-cancelled",
        "the inner derivative is missing: it cancels the α in front",
        _celu_slope(lambda x, alpha: alpha * torch.exp(x / alpha)),
    ),
    Mistake(
        "factor-alpha-missing",
        "the inner derivative is there, the factor α in front of the left piece is missing",
        _celu_slope(lambda x, alpha: torch.exp(x / alpha) / alpha),
    ),
    Mistake(
        "alpha-unused",
        "correct for α = 1 only: the slope on the left should depend on `alpha`",
        _celu_slope(lambda x, alpha: torch.exp(x)),
    ),
    Mistake(
        "value-left",
        "for negative x you return the value of the function; "
        "what happens to the −1 when you differentiate?",
        _celu_slope(lambda x, alpha: alpha * torch.expm1(x / alpha)),
    ),
    Mistake(
        "zero-left",
        "for negative x the function is not flat, so its slope there is not 0",
        _celu_slope(lambda x, alpha: torch.zeros_like(x)),
    ),
    Mistake(
        "value-right",
        "for positive x you return x; what is the slope of x?",
        lambda x, alpha=1.0: torch.where(x > 0, x, torch.exp(x / alpha)),
    ),
    Mistake(
        "sign-inside",
        "the slope goes to 0 as x goes to −∞: look at the sign of the exponent",
        _celu_slope(lambda x, alpha: torch.exp(-x / alpha)),
    ),
    Mistake("selu-for-celu", "this is the slope of SELU", lambda x, alpha=1.0: slope_of(F.selu)(x)),
    cases=WITH_ALPHA,
)
_SELU_SLOPE = judge_slope(
    F.selu,
    Mistake("no-scale", "the scale λ is missing on both sides", slope_of(tail(ALPHA))),
    Mistake("scale-left-only", "the scale λ is missing on the right", slope_of(tail(ALPHA, SCALE))),
    Mistake(
        "scale-right-only", "the scale λ is missing on the left", slope_of(tail(ALPHA, 1.0, SCALE))
    ),
    Mistake("no-alpha", "the factor α of the tail is missing", slope_of(tail(1.0, SCALE, SCALE))),
    Mistake("elu-for-selu", "this is the slope of ELU: λ and α are missing", slope_of(F.elu)),
)

exponential_slopes = Exercise(
    id="1.7",
    slug="exponential-slopes",
    title="The slopes of the functions with a tail",
    judges={
        "my_elu_slope": _ELU_SLOPE,
        "my_selu_slope": _SELU_SLOPE,
        "my_celu_slope": _CELU_SLOPE,
    },
    hints=(
        "Differentiate the two pieces one by one, and put them together as before.",
        "A constant that is added disappears, a factor stays. The exponential is its own slope.",
        "In CELU the exponent is x / α: the inner derivative 1 / α cancels the α in front.",
    ),
    points=3,
)


_GELU_SLOPE = judge_slope(
    F.gelu,
    Mistake(
        "first-term-only", "this is only the first of the two terms of the product rule", normal_cdf
    ),
    Mistake(
        "second-term-only",
        "this is only the second of the two terms of the product rule",
        lambda x: x * normal_density(x),
    ),
    Mistake(
        "product-of-derivatives",
        "the derivative of a product is not the product of the derivatives",
        normal_density,
    ),
    Mistake(
        "sign-of-term",
        "the second term has the wrong sign",
        lambda x: normal_cdf(x) - x * normal_density(x),
    ),
    Mistake("logistic-for-normal", "this is the slope of SiLU, x σ(x)", slope_of(F.silu)),
)
_TANHSHRINK_SLOPE = judge_slope(
    F.tanhshrink,
    Mistake(
        "slope-of-tanh",
        "this is the slope of tanh; the x in front of it has a slope as well",
        TANH_SLOPE,
    ),
    Mistake(
        "sum-for-difference", "the slope of tanh must be subtracted", lambda x: 1 + TANH_SLOPE(x)
    ),
    Mistake("no-square", "the square is missing", torch.tanh),
    Mistake(
        "value-for-slope-of-tanh", "you subtracted tanh, not its slope", lambda x: 1 - torch.tanh(x)
    ),
)
_SOFTPLUS_SLOPE = judge_slope(
    F.softplus,
    Mistake(
        "inner-derivative",
        "this is 1 over the argument of the logarithm; the inner derivative is missing",
        lambda x: torch.sigmoid(-x),
    ),
    Mistake("inner-only", "this is only the inner derivative", torch.exp),
    Mistake(
        "slope-of-logistic",
        "this is the slope of the logistic, the second derivative of softplus",
        SIGMOID_SLOPE,
    ),
    Mistake("step", "this is the slope of ReLU; softplus is smooth", slope_of(F.relu)),
)

smooth_slopes = Exercise(
    id="1.8",
    slug="smooth-slopes",
    title="The slopes of the smooth functions",
    judges={
        "my_gelu_slope": _GELU_SLOPE,
        "my_tanhshrink_slope": _TANHSHRINK_SLOPE,
        "my_softplus_slope": _SOFTPLUS_SLOPE,
    },
    hints=(
        "GELU is a product: (uv)′ = u′v + uv′. The derivative of Φ is the density φ.",
        "softplus is a logarithm of something: one over that something, times its own derivative.",
        "Simplify the slope of softplus. The result is "
        "a function that you know from the first section.",
    ),
    points=3,
)
