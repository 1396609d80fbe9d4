"""The exercises on activation functions: what is right, which mistakes are known, what helps"""

# A plain module, edited here.

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.activations import ACTIVATIONS, dead_units, value_and_derivative
from nnlab_course.exercises import Exercise, Mistake, Progress, SameFunction, SameValue

__all__ = [
    "EXERCISES",
    "dead",
    "exponential",
    "exponential_slopes",
    "logistic",
    "one_more",
    "progress",
    "saturation",
    "smooth",
    "smooth_slopes",
    "straight",
    "straight_slopes",
    "tanh",
]

_INPUTS = torch.linspace(-7, 7, 28, dtype=torch.float64)


def _curve(reference: Callable[[Tensor], Tensor], *mistakes: Mistake) -> SameFunction:
    """Judge a curve by its values."""
    return SameFunction(reference, ((_INPUTS,),), mistakes)


def _slope(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the derivative of a function, by autograd."""
    return lambda x: value_and_derivative(function, x)[1]


def _slope_curve(function: Callable[[Tensor], Tensor], *mistakes: Mistake) -> SameFunction:
    """Judge the derivative of `function` by its values."""
    itself = Mistake(
        "function-for-slope",
        "these are the values of the function itself; asked for is its slope",
        function,
    )
    return _curve(_slope(function), itself, *mistakes)


_sigmoid_slope = _slope(torch.sigmoid)
_tanh_slope = _slope(torch.tanh)


def _pieces(left: Callable[[Tensor], Tensor], right: Callable[[Tensor], Tensor]) -> Callable:
    """Make a function of two pieces that meet at 0."""
    return lambda x: torch.where(x > 0, right(x), left(x))


def _constant(value: float) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.full_like(x, value)


def _identity(x: Tensor) -> Tensor:
    return x


_FUNCTION_IS_SLOPE = "this is the slope; asked for is the function itself"

logistic = Exercise(
    id="1.1",
    slug="logistic",
    title="The logistic by hand",
    judges={
        "my_logistic": _curve(
            torch.sigmoid,
            Mistake(
                "sign-of-exponent",
                "it falls where the logistic rises: look at the sign of the exponent",
                lambda x: torch.sigmoid(-x),
            ),
            Mistake(
                "precedence",
                "`1 / 1 + a` is `(1 / 1) + a`: the sum below the line needs brackets",
                lambda x: 1 + torch.exp(-x),
            ),
            Mistake(
                "plus-for-minus",
                "below the line stands a sum, not a difference",
                lambda x: 1 / (1 - torch.exp(-x)),
            ),
            Mistake("tanh-for-logistic", "this is tanh, which lies in (−1, 1)", torch.tanh),
            Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _sigmoid_slope),
        ),
        "my_logistic_slope": _slope_curve(
            torch.sigmoid,
            Mistake(
                "argument-for-value",
                "the formula wants the value of the logistic in both places, you put in x",
                lambda x: x * (1 - x),
            ),
            Mistake(
                "squared",
                "this is σ², the second factor is another",
                lambda x: torch.sigmoid(x) ** 2,
            ),
            Mistake(
                "one-factor",
                "this is only one of the two factors (or the square below the line is missing)",
                lambda x: torch.sigmoid(-x),
            ),
            Mistake(
                "slope-of-tanh",
                "1 − f² is the formula for tanh; the logistic has another",
                lambda x: 1 - torch.sigmoid(x) ** 2,
            ),
        ),
    },
    hints=(
        "Write the fraction of the first section in Python. Which parts need brackets?",
        "Below the line stand 1 and a power of e. `torch.exp` takes the whole tensor at once.",
        "For the slope compute the value first and give it a name: the formula of the section on "
        "the slope uses nothing else.",
    ),
    points=2,
)


tanh = Exercise(
    id="1.2",
    slug="tanh",
    title="tanh through the logistic",
    judges={
        "my_tanh": _curve(
            torch.tanh,
            Mistake(
                "inner-factor",
                "it lies in (−1, 1), but rises too slowly: what happens to x before the logistic?",
                lambda x: 2 * torch.sigmoid(x) - 1,
            ),
            Mistake(
                "not-stretched",
                "it lies in (0, 1): stretch it and shift it",
                lambda x: torch.sigmoid(2 * x),
            ),
            Mistake(
                "not-shifted", "it lies in (0, 2): shift it", lambda x: 2 * torch.sigmoid(2 * x)
            ),
            Mistake(
                "only-shifted", "it is half as tall as tanh", lambda x: torch.sigmoid(2 * x) - 0.5
            ),
            Mistake("logistic-for-tanh", "this is the logistic", torch.sigmoid),
            Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _tanh_slope),
        ),
        "my_tanh_slope": _slope_curve(
            torch.tanh,
            Mistake(
                "inner-derivative",
                "half of what it should be: the chain rule has an inner derivative, too",
                lambda x: 0.5 * _tanh_slope(x),
            ),
            Mistake(
                "slope-of-logistic",
                "f (1 − f) is the formula for the logistic, not for tanh",
                lambda x: torch.tanh(x) * (1 - torch.tanh(x)),
            ),
            Mistake("no-square", "the square is missing", lambda x: 1 - torch.tanh(x)),
            Mistake(
                "square-of-logistic",
                "the square is that of tanh, you squared the logistic",
                lambda x: 1 - torch.sigmoid(x) ** 2,
            ),
            Mistake("logistic-slope", "this is the slope of the logistic at x", _sigmoid_slope),
        ),
    },
    hints=(
        "The lesson says how tanh and the logistic are related, just before the slope of tanh.",
        "Three steps: what goes into the logistic, how much taller tanh is, and how far down it "
        "is moved.",
        "For the slope you have two roads: the formula with tanh, through your own function; or "
        "the chain rule, where the 2 inside comes out as a factor.",
    ),
    points=2,
)


def _leaky(negative_slope: float) -> Callable[[Tensor], Tensor]:
    return partial(F.leaky_relu, negative_slope=negative_slope)


_RELU = _curve(
    F.relu,
    Mistake(
        "upside-down",
        "this keeps the negative numbers: the other half is asked for",
        lambda x: -F.relu(-x),
    ),
    Mistake("absolute", "this is |x|: negative numbers become 0, not positive", torch.abs),
    Mistake("no-bend", "this is x itself, nothing is bent", _identity),
    Mistake("leak", "it leaks on the left, where relu is 0", _leaky(0.1)),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.relu)),
)
_RELU6 = _curve(
    F.relu6,
    Mistake("no-ceiling", "this is relu: the ceiling is missing", F.relu),
    Mistake("no-floor", "there is a ceiling, but no floor at 0", lambda x: x.clamp(max=6)),
    Mistake("ceiling-of-one", "the ceiling is at 1, it should be at 6", lambda x: x.clamp(0, 1)),
    Mistake("floor-of-minus-six", "the floor is at 0, not at −6", lambda x: x.clamp(-6, 6)),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.relu6)),
)
_LEAKY_RELU = _curve(
    ACTIVATIONS["leaky_relu"],
    Mistake(
        "default-slope", "a leak of 0.01 is PyTorch's default; the table says another", _leaky(0.01)
    ),
    Mistake("no-leak", "this is relu: nothing leaks on the left", F.relu),
    Mistake(
        "sign-of-leak",
        "on the left it rises towards −∞: the leak keeps the sign of x",
        _leaky(-0.1),
    ),
    Mistake("leak-on-both", "the right side is scaled down as well", lambda x: 0.1 * x),
    Mistake(
        "constant-leak",
        "on the left it is a constant; it should fall with x",
        _pieces(_constant(0.1), _identity),
    ),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(_leaky(0.1))),
)

straight = Exercise(
    id="1.3",
    slug="straight",
    title="Three straight ones by hand",
    judges={"my_relu": _RELU, "my_relu6": _RELU6, "my_leaky_relu": _LEAKY_RELU},
    hints=(
        "The table of the section “The family” has the formulas. Python's `max` and `if` decide "
        "once; here each entry of x needs its own decision.",
        "`torch.clamp` takes `min`, `max` or both. `torch.where(condition, a, b)` chooses entry by "
        "entry.",
        "For the leaky one, the condition is `x > 0`, and the two choices stand in the table.",
    ),
    points=3,
)


_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805  # of selu, as in torch.nn.SELU


def _tail(alpha: float, scale: float = 1.0, right: float = 1.0) -> Callable[[Tensor], Tensor]:
    """Make an elu with any heights on the two sides."""
    return _pieces(lambda x: scale * alpha * torch.expm1(x), lambda x: right * x)


_TAIL_MISTAKES = (
    Mistake(
        "no-minus-one",
        "at 0 the left piece does not meet the right one: something is missing",
        _pieces(torch.exp, _identity),
    ),
    Mistake("no-tail", "this is relu: the tail on the left is missing", F.relu),
    Mistake(
        "sign-inside",
        "the left piece grows towards −∞: the exponent has the wrong sign",
        _pieces(lambda x: torch.expm1(-x), _identity),
    ),
    Mistake("sign-of-tail", "the tail lies above 0, it should lie below", _tail(-1.0)),
    Mistake("sides-swapped", "the two pieces have changed places", _pieces(_identity, torch.expm1)),
)
_ELU = _curve(
    F.elu,
    *_TAIL_MISTAKES,
    Mistake("selu-for-elu", "this is selu; elu has α = 1 and no λ", F.selu),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.elu)),
)
_CELU = _curve(
    F.celu,
    *_TAIL_MISTAKES,
    Mistake("selu-for-celu", "this is selu; celu has α = 1 and no λ", F.selu),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.celu)),
)
_SELU = _curve(
    F.selu,
    Mistake("no-scale", "the scale λ is missing on both sides", _tail(_ALPHA)),
    Mistake(
        "scale-left-only",
        "the scale λ belongs to both sides, on the right it is missing",
        _tail(_ALPHA, _SCALE),
    ),
    Mistake(
        "scale-right-only",
        "the scale λ belongs to both sides, on the left it is missing",
        _tail(_ALPHA, 1.0, _SCALE),
    ),
    Mistake("no-alpha", "the factor α of the tail is missing", _tail(1.0, _SCALE, _SCALE)),
    Mistake("elu-for-selu", "this is elu: λ and α are missing", F.elu),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.selu)),
)

exponential = Exercise(
    id="1.4",
    slug="exponential",
    title="Three with an exponential tail by hand",
    judges={"my_elu": _ELU, "my_selu": _SELU, "my_celu": _CELU},
    hints=(
        "Each has a straight piece and a tail; `torch.where` puts the two together.",
        "At 0 the tail must be 0. Try your left piece there.",
        "λ stands in front of both pieces of selu, α in front of the tail only. "
        "More digits than the table's: `torch.nn.SELU` documents them; four are enough here.",
    ),
    points=3,
)


def _normal_cdf(x: Tensor) -> Tensor:
    return torch.special.ndtr(x)


def _normal_density(x: Tensor) -> Tensor:
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


_GELU = _curve(
    F.gelu,
    Mistake(
        "logistic-for-normal", "this is x σ(x), which is silu; gelu has Φ in place of σ", F.silu
    ),
    Mistake("factor-x-missing", "this is Φ alone, the factor x is missing", _normal_cdf),
    Mistake(
        "no-root",
        "inside erf, x is to be divided by √2",
        lambda x: x * _normal_cdf(math.sqrt(2) * x),
    ),
    Mistake("no-half", "twice as large: Φ begins with ½", lambda x: 2 * F.gelu(x)),
    Mistake(
        "density-for-cdf",
        "φ is the density; Φ, the distribution function, is asked for",
        lambda x: x * _normal_density(x),
    ),
    Mistake(
        "tanh-approximation",
        "this is the approximation by tanh; the exact formula is asked for",
        partial(F.gelu, approximate="tanh"),
    ),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.gelu)),
)
_TANHSHRINK = _curve(
    F.tanhshrink,
    Mistake("sign", "the difference is turned round", lambda x: torch.tanh(x) - x),
    Mistake(
        "sum-for-difference", "tanh is to be taken away, you added it", lambda x: x + torch.tanh(x)
    ),
    Mistake(
        "product-for-difference",
        "tanh is to be taken away, you multiplied by it",
        lambda x: x * torch.tanh(x),
    ),
    Mistake("tanh-alone", "this is tanh: what does it shrink?", torch.tanh),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.tanhshrink)),
)
_SOFTPLUS = _curve(
    F.softplus,
    Mistake(
        "base-two",
        "this is a logarithm to the base 2, ln is the natural one",
        lambda x: F.softplus(x) / math.log(2),
    ),
    Mistake(
        "base-ten",
        "this is a logarithm to the base 10, ln is the natural one",
        lambda x: F.softplus(x) / math.log(10),
    ),
    Mistake(
        "sign-of-exponent",
        "it falls where softplus rises: look at the sign of the exponent",
        lambda x: F.softplus(-x),
    ),
    Mistake("no-one", "this is x: without the 1 the logarithm undoes the power", _identity),
    Mistake("relu-for-softplus", "this is relu; softplus is smooth at 0", F.relu),
    Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.softplus)),
)

smooth = Exercise(
    id="1.5",
    slug="smooth",
    title="Three smooth ones by hand",
    judges={"my_gelu": _GELU, "my_tanhshrink": _TANHSHRINK, "my_softplus": _SOFTPLUS},
    hints=(
        "None of them has a kink, so none needs `torch.where`.",
        "gelu is a product. Write Φ first, with `torch.erf`, then multiply.",
        "ln is `torch.log`. If yours is large where x is negative, look at the exponent.",
    ),
    points=3,
)


_RELU_SLOPE = _slope_curve(
    F.relu,
    Mistake(
        "upside-down", "the 0 and the 1 have changed sides", _slope(lambda x: F.relu(-x).neg())
    ),
    Mistake("constant", "the slope of the right piece holds on the right only", _constant(1.0)),
    Mistake(
        "sign-for-slope", "on the left the function is flat: its slope there isn't −1", torch.sign
    ),
    Mistake("zero", "it is 0 everywhere; on the right the function rises", _constant(0.0)),
)
_RELU6_SLOPE = _slope_curve(
    F.relu6,
    Mistake("no-ceiling", "above 6 the function is flat again", _slope(F.relu)),
    Mistake("no-floor", "below 0 the function is flat as well", lambda x: (x < 6).to(x.dtype)),
    Mistake(
        "value-at-ceiling",
        "above 6 you give the value 6; the slope of a constant is another",
        lambda x: torch.where(x > 6, 6.0, (x > 0).double()),
    ),
    Mistake(
        "scaled",
        "the middle piece is x itself, its slope isn't 6",
        lambda x: 6 * _slope(F.relu6)(x),
    ),
)
_LEAKY_RELU_SLOPE = _slope_curve(
    ACTIVATIONS["leaky_relu"],
    Mistake("zero-left", "on the left it leaks, so its slope there is not 0", _slope(F.relu)),
    Mistake(
        "default-slope",
        "a leak of 0.01 is PyTorch's default; the table says another",
        _slope(_leaky(0.01)),
    ),
    Mistake(
        "sign-of-leak", "the leak rises with x as well: its slope is positive", _slope(_leaky(-0.1))
    ),
    Mistake(
        "value-left",
        "on the left you give the value; a straight line has one slope",
        _pieces(lambda x: 0.1 * x, _constant(1.0)),
    ),
)

straight_slopes = Exercise(
    id="1.6",
    slug="straight-slopes",
    title="The slopes of the straight ones",
    judges={
        "my_relu_slope": _RELU_SLOPE,
        "my_relu6_slope": _RELU6_SLOPE,
        "my_leaky_relu_slope": _LEAKY_RELU_SLOPE,
    },
    hints=(
        "A straight piece has one slope. How many pieces has each function?",
        "A comparison such as `x > 0` gives True and False; `.double()` makes 1 and 0 of them, and "
        "`torch.where` takes two numbers as well.",
        "relu6 has three pieces. Two conditions are joined by `&`, with brackets round each.",
    ),
    points=3,
)


def _tail_slope(left: Callable[[Tensor], Tensor], right: float = 1.0) -> Callable:
    return _pieces(left, _constant(right))


_TAIL_SLOPE_MISTAKES = (
    Mistake(
        "value-left",
        "on the left you give the value; differentiate: what becomes of the −1?",
        _tail_slope(torch.expm1),
    ),
    Mistake("zero-left", "the tail is not flat: its slope isn't 0", _tail_slope(_constant(0.0))),
    Mistake(
        "value-right", "on the right you give x; what is its slope?", _pieces(torch.exp, _identity)
    ),
    Mistake(
        "sign-inside",
        "the slope of the tail dies out towards −∞: look at the exponent",
        _tail_slope(lambda x: torch.exp(-x)),
    ),
)
_ELU_SLOPE = _slope_curve(
    F.elu, *_TAIL_SLOPE_MISTAKES, Mistake("selu-for-elu", "this belongs to selu", _slope(F.selu))
)
_CELU_SLOPE = _slope_curve(
    F.celu, *_TAIL_SLOPE_MISTAKES, Mistake("selu-for-celu", "this belongs to selu", _slope(F.selu))
)
_SELU_SLOPE = _slope_curve(
    F.selu,
    Mistake("no-scale", "the scale λ is missing on both sides", _slope(_tail(_ALPHA))),
    Mistake(
        "scale-left-only", "the scale λ is missing on the right", _slope(_tail(_ALPHA, _SCALE))
    ),
    Mistake(
        "scale-right-only", "the scale λ is missing on the left", _slope(_tail(_ALPHA, 1.0, _SCALE))
    ),
    Mistake("no-alpha", "the factor α of the tail is missing", _slope(_tail(1.0, _SCALE, _SCALE))),
    Mistake("elu-for-selu", "this belongs to elu: λ and α are missing", _slope(F.elu)),
)

exponential_slopes = Exercise(
    id="1.7",
    slug="exponential-slopes",
    title="The slopes of the ones with a tail",
    judges={
        "my_elu_slope": _ELU_SLOPE,
        "my_selu_slope": _SELU_SLOPE,
        "my_celu_slope": _CELU_SLOPE,
    },
    hints=(
        "Differentiate the two pieces one by one, and put them together as before.",
        "A constant that is added disappears, a factor stays. The exponential is its own slope.",
        "In celu the exponent is x / α: the inner derivative 1 / α cancels the α in front.",
    ),
    points=3,
)


_GELU_SLOPE = _slope_curve(
    F.gelu,
    Mistake("first-term-only", "the product rule has two terms, this is the first", _normal_cdf),
    Mistake(
        "second-term-only",
        "the product rule has two terms, this is the second",
        lambda x: x * _normal_density(x),
    ),
    Mistake(
        "product-of-derivatives",
        "the derivative of a product isn't the product of the derivatives",
        _normal_density,
    ),
    Mistake(
        "sign-of-term",
        "the second term has the wrong sign",
        lambda x: _normal_cdf(x) - x * _normal_density(x),
    ),
    Mistake("logistic-for-normal", "this is the slope of silu, x σ(x)", _slope(F.silu)),
)
_TANHSHRINK_SLOPE = _slope_curve(
    F.tanhshrink,
    Mistake(
        "slope-of-tanh", "this is the slope of tanh; the x before it has one, too", _tanh_slope
    ),
    Mistake(
        "sum-for-difference", "the slope of tanh is to be taken away", lambda x: 1 + _tanh_slope(x)
    ),
    Mistake("no-square", "the square is missing", torch.tanh),
    Mistake(
        "value-for-slope-of-tanh", "you took away tanh, not its slope", lambda x: 1 - torch.tanh(x)
    ),
)
_SOFTPLUS_SLOPE = _slope_curve(
    F.softplus,
    Mistake(
        "inner-derivative",
        "this is one over what stands in the logarithm; its inner derivative is missing",
        lambda x: torch.sigmoid(-x),
    ),
    Mistake("inner-only", "this is the inner derivative alone", torch.exp),
    Mistake(
        "slope-of-logistic",
        "this is the slope of the logistic, the second derivative of softplus",
        _sigmoid_slope,
    ),
    Mistake("step", "this is the slope of relu, which softplus smooths", _slope(F.relu)),
)

smooth_slopes = Exercise(
    id="1.8",
    slug="smooth-slopes",
    title="The slopes of the smooth ones",
    judges={
        "my_gelu_slope": _GELU_SLOPE,
        "my_tanhshrink_slope": _TANHSHRINK_SLOPE,
        "my_softplus_slope": _SOFTPLUS_SLOPE,
    },
    hints=(
        "gelu is a product: (uv)′ = u′v + uv′. The derivative of Φ is the density φ.",
        "softplus is a logarithm of something: one over that something, times its own derivative.",
        "Simplify the slope of softplus. You know the function that comes out from this lesson's "
        "first section.",
    ),
    points=3,
)


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
                    "value-for-slope",
                    "close, but this is where σ is 0.99; asked for, to two decimals, is where its "
                    "slope is 0.01",
                    _logit(0.99),
                ),
                Mistake("sign", "asked for is |x|, which is positive", -_slope_reaches(0.01)),
                Mistake(
                    "tenfold", "there the slope is 0.1, ten times as much", _slope_reaches(0.1)
                ),
                Mistake("tenth", "there the slope is 0.001, a tenth", _slope_reaches(0.001)),
                Mistake(
                    "tanh-for-logistic", "this is the limit of tanh", math.atanh(math.sqrt(0.99))
                ),
                Mistake(
                    "value-at-limit",
                    "this is σ at the limit; which x belongs to it?",
                    1 / (1 + math.exp(-_slope_reaches(0.01))),
                ),
                Mistake(
                    "approximation",
                    "to two decimals the approximation σ′ ≈ exp(−x) is not enough",
                    math.log(100),
                ),
            ),
            atol=0.0055,
            rtol=0.0,
        )
    },
    hints=(
        "Put s for σ(x): s (1 − s) = 0.01 is a quadratic equation for s.",
        "It has two solutions that add up to 1, one for x and one for −x. Take the larger.",
        "From s back to x: solve s = 1 / (1 + exp(−x)) for x. Or search: evaluate the slope on a "
        "fine grid and look where it falls below 0.01.",
    ),
    points=1,
)


def _layers(generator: torch.Generator) -> tuple[tuple[Tensor], ...]:
    """Draw the pre-activations of two layers, (inputs, units)."""
    first = torch.randn(8, 30, generator=generator) - 1
    second = torch.randn(5, 7, generator=generator) - 0.5
    second[:, 2] = torch.tensor([-1.0, 0.0, -2.0, -0.5, -3.0])
    return (first,), (second,)


dead = Exercise(
    id="1.10",
    slug="dead",
    title="Count the dead",
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
                    "0 on some input is normal life; dead means on every input",
                    lambda z: (z <= 0).any(dim=0).sum(),
                ),
                Mistake(
                    "inputs-for-units",
                    "you count inputs (rows); the units are the columns",
                    lambda z: (z <= 0).all(dim=1).sum(),
                ),
                Mistake("alive", "these are the living ones", lambda z: (z > 0).any(dim=0).sum()),
                Mistake(
                    "zero-missed",
                    "at a pre-activation of exactly 0 the output is 0, too",
                    lambda z: (z < 0).all(dim=0).sum(),
                ),
                Mistake(
                    "mask",
                    "this tells which units are dead; how many are there?",
                    lambda z: dead_units(F.relu, z),
                ),
                Mistake(
                    "fraction",
                    "this is a fraction; asked for is the number",
                    lambda z: dead_units(F.relu, z).double().mean(),
                ),
                Mistake(
                    "mean-is-negative",
                    "a unit with a negative mean may still fire on some input",
                    lambda z: (z.mean(dim=0) <= 0).sum(),
                ),
            ),
            draw=_layers,
        )
    },
    hints=(
        "When is the output of relu 0? Ask that of every entry first.",
        "You have a table of True and False, (inputs, units). A unit is dead if its column is True "
        "throughout.",
        "`all` and `any` take `dim`. Along which dimension do the inputs run?",
    ),
    points=2,
)


one_more = Exercise(
    id="1.11",
    slug="one-more",
    title="One more function",
    judges={
        "my_silu": _curve(
            F.silu,
            Mistake("factor-x-missing", "this is σ alone, the factor x is missing", torch.sigmoid),
            Mistake("tanh-for-logistic", "this is x tanh(x)", lambda x: x * torch.tanh(x)),
            Mistake("normal-for-logistic", "this is gelu, x Φ(x); silu has σ", F.gelu),
            Mistake(
                "sign-inside", "this is x σ(−x), turned round", lambda x: x * torch.sigmoid(-x)
            ),
            Mistake(
                "argument-of-logistic",
                "this is σ(x²): x stands outside",
                lambda x: torch.sigmoid(x * x),
            ),
            Mistake("slope-for-function", _FUNCTION_IS_SLOPE, _slope(F.silu)),
        ),
        "my_silu_slope": _slope_curve(
            F.silu,
            Mistake(
                "first-term-only",
                "the product rule has two terms, this is the first",
                torch.sigmoid,
            ),
            Mistake(
                "second-term-only",
                "the product rule has two terms, this is the second",
                lambda x: x * _sigmoid_slope(x),
            ),
            Mistake(
                "product-of-derivatives",
                "the derivative of a product isn't the product of the derivatives",
                _sigmoid_slope,
            ),
            Mistake(
                "sign-of-term",
                "the second term has the wrong sign",
                lambda x: torch.sigmoid(x) - x * _sigmoid_slope(x),
            ),
            Mistake("normal-for-logistic", "this is the slope of gelu", _slope(F.gelu)),
        ),
    },
    hints=(
        "The function is one line, with `torch.sigmoid`.",
        "Its slope is that of a product: (uv)′ = u′v + uv′, with u = x.",
        "You know σ′ from exercise 1.1.",
    ),
    points=2,
)


EXERCISES = (
    logistic,
    tanh,
    straight,
    exponential,
    smooth,
    straight_slopes,
    exponential_slopes,
    smooth_slopes,
    saturation,
    dead,
    one_more,
)
progress = partial(Progress, EXERCISES)
