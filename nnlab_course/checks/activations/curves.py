"""What the exercises of lesson 1 share: curves, their slopes, and how these are judged"""

# A plain module, edited here.

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.activations import value_and_derivative
from nnlab_course.exercises import Mistake, SameFunction
from nnlab_course.exercises.inputs import Case

INPUTS = torch.linspace(-7, 8, 28, dtype=torch.float64)  # Not symmetric; neither 0 nor 6


WITH_ALPHA = ((INPUTS,), (INPUTS, 2.0), (INPUTS, 0.5))  # At 1, elu and celu are the same


def slope_of(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the derivative of a function with respect to its first argument, by autograd."""
    return lambda x, *others: value_and_derivative(lambda t: function(t, *others), x)[1]


def judge_curve(
    function: Callable[..., Tensor],  # The reference
    *mistakes: Mistake,
    forbidden: Sequence[str] = (),  # What the student mustn't use, as `watching` names it
    cases: Sequence[Case] = ((INPUTS,),),  # The arguments of each call
) -> SameFunction:
    """Judge a function by its values; its slope in its place is a mistake."""
    slope = Mistake(
        "slope-for-function",
        "this is the slope; the task asks for the function itself",
        slope_of(function),
    )
    return SameFunction(function, tuple(cases), (*mistakes, slope), forbidden=tuple(forbidden))


def judge_slope(
    function: Callable[..., Tensor],  # Whose slope is asked for
    *mistakes: Mistake,
    forbidden: Sequence[str] = (),  # Besides autograd
    cases: Sequence[Case] = ((INPUTS,),),
) -> SameFunction:
    """Judge the derivative of `function` by its values; `function` in its place is a mistake."""
    itself = Mistake(
        "function-for-slope",
        "these are the values of the function itself; the task asks for its slope",
        function,
    )
    forbidden = ("autograd", *forbidden)
    return SameFunction(slope_of(function), tuple(cases), (itself, *mistakes), forbidden=forbidden)


SIGMOID_SLOPE = slope_of(torch.sigmoid)
TANH_SLOPE = slope_of(torch.tanh)


def two_pieces(left: Callable[[Tensor], Tensor], right: Callable[[Tensor], Tensor]) -> Callable:
    """Make a function of two pieces that meet at 0."""
    return lambda x: torch.where(x > 0, right(x), left(x))


def constant(value: float) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.full_like(x, value)


def identity(x: Tensor) -> Tensor:
    return x


def leaky(negative_slope: float) -> Callable[[Tensor], Tensor]:
    return partial(F.leaky_relu, negative_slope=negative_slope)


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # of selu, as in torch.nn.SELU


def tail(alpha: float, scale: float = 1.0, right: float = 1.0) -> Callable[[Tensor], Tensor]:
    """Make an elu with any heights on the two sides."""
    return two_pieces(lambda x: scale * alpha * torch.expm1(x), lambda x: right * x)


def normal_cdf(x: Tensor) -> Tensor:
    return torch.special.ndtr(x)


def normal_density(x: Tensor) -> Tensor:
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
