"""What the exercises of lesson 1 share: curves, their slopes, and how these are judged"""

# A plain module, edited here.

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.activations import value_and_derivative
from nnlab_course.exercises import Mistake, SameFunction

INPUTS = torch.linspace(-7, 7, 28, dtype=torch.float64)


def judge_curve(reference: Callable[[Tensor], Tensor], *mistakes: Mistake) -> SameFunction:
    """Judge a curve by its values."""
    return SameFunction(reference, ((INPUTS,),), mistakes)


def slope_of(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the derivative of a function, by autograd."""
    return lambda x: value_and_derivative(function, x)[1]


def judge_slope(function: Callable[[Tensor], Tensor], *mistakes: Mistake) -> SameFunction:
    """Judge the derivative of `function` by its values."""
    itself = Mistake(
        "function-for-slope",
        "these are the values of the function itself; asked for is its slope",
        function,
    )
    return judge_curve(slope_of(function), itself, *mistakes)


SIGMOID_SLOPE = slope_of(torch.sigmoid)
TANH_SLOPE = slope_of(torch.tanh)


def two_pieces(left: Callable[[Tensor], Tensor], right: Callable[[Tensor], Tensor]) -> Callable:
    """Make a function of two pieces that meet at 0."""
    return lambda x: torch.where(x > 0, right(x), left(x))


def constant(value: float) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.full_like(x, value)


def identity(x: Tensor) -> Tensor:
    return x


FUNCTION_IS_SLOPE = "this is the slope; asked for is the function itself"


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
