"""Exercises 1.3 to 1.5: nine functions of the family, three at a time"""

# A plain module, edited here.

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.activations import ACTIVATIONS
from nnlab_course.checks.activations.curves import (
    ALPHA,
    SCALE,
    WITH_ALPHA,
    constant,
    identity,
    judge_curve,
    leaky,
    normal_cdf,
    normal_density,
    tail,
    two_pieces,
)
from nnlab_course.exercises import Exercise, Mistake

_RELU = judge_curve(
    F.relu,
    Mistake(
        "upside-down",
        "this keeps the negative numbers; ReLU keeps the positive ones",
        lambda x: -F.relu(-x),
    ),
    Mistake("absolute", "this is |x|; ReLU turns negative numbers into 0", torch.abs),
    Mistake("no-bend", "this is x itself; negative numbers should become 0", identity),
    Mistake("leak", "for negative x this is 0.1 x, where ReLU is 0", leaky(0.1)),
    forbidden=("relu",),
)
_RELU6 = judge_curve(
    F.relu6,
    Mistake("no-ceiling", "values above 6 are not cut off at 6", F.relu),
    Mistake(
        "no-floor",
        "the upper limit is there, but the lower limit of 0 is missing",
        lambda x: x.clamp(max=6),
    ),
    Mistake("ceiling-of-one", "the upper limit is 1; it should be 6", lambda x: x.clamp(0, 1)),
    Mistake(
        "floor-of-minus-six", "the lower limit is −6; it should be 0", lambda x: x.clamp(-6, 6)
    ),
    forbidden=("relu6", "hardtanh"),  # nn.ReLU6 calls hardtanh
)
_LEAKY_RELU = judge_curve(
    ACTIVATIONS["leaky_relu"],
    Mistake(
        "default-slope",
        "0.01 is PyTorch's default slope for negative x; the lesson's table has another",
        leaky(0.01),
    ),
    Mistake("no-leak", "this is ReLU; the leaky ReLU is not 0 for negative x", F.relu),
    Mistake(
        "sign-of-leak",
        "for negative x the values are positive; a factor of 0.1 keeps the sign of x",
        leaky(-0.1),
    ),
    Mistake("leak-on-both", "positive x is scaled down as well", lambda x: 0.1 * x),
    Mistake(
        "constant-leak",
        "for negative x this is the constant 0.1; it should be 0.1 times x",
        two_pieces(constant(0.1), identity),
    ),
    forbidden=("leaky_relu",),
)

straight = Exercise(
    id="1.3",
    slug="straight",
    title="Three piecewise linear functions by hand",
    judges={"my_relu": _RELU, "my_relu6": _RELU6, "my_leaky_relu": _LEAKY_RELU},
    hints=(
        "The table of the section “The family” has the formulas. Python's `max` "
        "and `if` decide once; here each entry of x needs its own decision.",
        "`torch.clamp` takes `min`, `max` or both. `torch.where(condition, "
        "a, b)` chooses entry by entry.",
        "For the leaky ReLU, the condition is `x > 0`, and the two choices are in the table.",
    ),
    points=3,
)


_TAIL_MISTAKES = (
    Mistake(
        "no-minus-one",
        "the two pieces don't meet at 0: the −1 of the left piece is missing",
        two_pieces(torch.exp, identity),
    ),
    Mistake("no-tail", "this is ReLU: the tail on the left is missing", F.relu),
    Mistake(
        "sign-inside",
        "the left piece grows as x goes to −∞: the exponent has the wrong sign",
        two_pieces(lambda x: torch.expm1(-x), identity),
    ),
    Mistake(
        "sign-of-tail",
        "for negative x the values are positive; they should be negative",
        tail(-1.0),
    ),
    Mistake("sides-swapped", "the two pieces are swapped", two_pieces(identity, torch.expm1)),
)


def _celu_pieces(left: Callable[[Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Make a function with another left piece than celu's."""
    return lambda x, alpha=1.0: torch.where(x > 0, x, left(x, alpha))


_ELU = judge_curve(
    F.elu,
    *_TAIL_MISTAKES,
    Mistake("selu-for-elu", "this is SELU; ELU has α = 1 and no λ", F.selu),
    forbidden=("elu",),
)
_CELU = judge_curve(
    F.celu,
    Mistake(
        "elu-for-celu",
        "this is ELU: CELU divides x by α inside the exponential (try another α than 1)",
        F.elu,
    ),
    Mistake(
        "alpha-unused",
        "correct for α = 1 only: the values should depend on `alpha`",
        lambda x, alpha=1.0: F.celu(x),
    ),
    Mistake(
        "no-factor-alpha",
        "the factor α in front of the left piece is missing",
        _celu_pieces(lambda x, alpha: torch.expm1(x / alpha)),
    ),
    Mistake(
        "times-alpha",
        "inside the exponential x must be divided by α; you multiplied",
        _celu_pieces(lambda x, alpha: alpha * torch.expm1(x * alpha)),
    ),
    Mistake(
        "no-minus-one",
        "the two pieces don't meet at 0: the −1 of the left piece is missing",
        _celu_pieces(lambda x, alpha: alpha * torch.exp(x / alpha)),
    ),
    Mistake(
        "minus-alpha-missing",
        "the two pieces don't meet at 0: the factor α belongs to the −1 as well",
        _celu_pieces(lambda x, alpha: alpha * torch.exp(x / alpha) - 1),
    ),
    Mistake(
        "no-tail",
        "this is ReLU: the tail on the left is missing",
        lambda x, alpha=1.0: F.relu(x),
    ),
    Mistake(
        "sign-inside",
        "the left piece grows as x goes to −∞: the exponent has the wrong sign",
        _celu_pieces(lambda x, alpha: alpha * torch.expm1(-x / alpha)),
    ),
    Mistake(
        "sign-of-tail",
        "for negative x the values are positive; they should be negative",
        _celu_pieces(lambda x, alpha: -alpha * torch.expm1(x / alpha)),
    ),
    Mistake(
        "sides-swapped",
        "the two pieces are swapped",
        lambda x, alpha=1.0: torch.where(x > 0, alpha * torch.expm1(x / alpha), x),
    ),
    Mistake(
        "selu-for-celu",
        "this is SELU; CELU has no λ, and its α is an argument",
        lambda x, alpha=1.0: F.selu(x),
    ),
    forbidden=("celu",),
    cases=WITH_ALPHA,
)
_SELU = judge_curve(
    F.selu,
    Mistake("no-scale", "the scale λ is missing on both sides", tail(ALPHA)),
    Mistake(
        "scale-left-only",
        "the scale λ belongs to both pieces; it is missing on the right",
        tail(ALPHA, SCALE),
    ),
    Mistake(
        "scale-right-only",
        "the scale λ belongs to both pieces; it is missing on the left",
        tail(ALPHA, 1.0, SCALE),
    ),
    Mistake("no-alpha", "the factor α of the tail is missing", tail(1.0, SCALE, SCALE)),
    Mistake("elu-for-selu", "this is ELU: λ and α are missing", F.elu),
    forbidden=("selu",),
)

exponential = Exercise(
    id="1.4",
    slug="exponential",
    title="Three functions with an exponential tail by hand",
    judges={"my_elu": _ELU, "my_selu": _SELU, "my_celu": _CELU},
    hints=(
        "Each has a straight piece and a tail; `torch.where` puts the two together.",
        "At 0 the tail must be 0. Try your left piece there.",
        "λ is a factor of both pieces of SELU, α of the left "
        "one only. The four digits of the table are enough.",
    ),
    points=3,
)


_GELU = judge_curve(
    F.gelu,
    Mistake(
        "logistic-for-normal", "this is x σ(x), which is SiLU; GELU has Φ in place of σ", F.silu
    ),
    Mistake("factor-x-missing", "this is Φ alone; the factor x is missing", normal_cdf),
    Mistake(
        "no-root",
        "inside erf, x must be divided by √2",
        lambda x: x * normal_cdf(math.sqrt(2) * x),
    ),
    Mistake(
        "no-half", "twice the correct value: the factor ½ of Φ is missing", lambda x: 2 * F.gelu(x)
    ),
    Mistake(
        "density-for-cdf",
        "you used the density φ; GELU has the distribution function Φ",
        lambda x: x * normal_density(x),
    ),
    Mistake(
        "tanh-approximation",
        "this is the approximation by tanh; use the exact formula",
        partial(F.gelu, approximate="tanh"),
    ),
    forbidden=("gelu",),
)
_TANHSHRINK = judge_curve(
    F.tanhshrink,
    Mistake("sign", "the difference is the wrong way round", lambda x: torch.tanh(x) - x),
    Mistake(
        "sum-for-difference", "tanh must be subtracted; you added it", lambda x: x + torch.tanh(x)
    ),
    Mistake(
        "product-for-difference",
        "tanh must be subtracted; you multiplied by it",
        lambda x: x * torch.tanh(x),
    ),
    Mistake("tanh-alone", "this is tanh itself; tanhshrink subtracts it from x", torch.tanh),
    forbidden=("tanhshrink",),
)
_SOFTPLUS = judge_curve(
    F.softplus,
    Mistake(
        "base-two",
        "this is the logarithm to base 2; ln is the natural logarithm",
        lambda x: F.softplus(x) / math.log(2),
    ),
    Mistake(
        "base-ten",
        "this is the logarithm to base 10; ln is the natural logarithm",
        lambda x: F.softplus(x) / math.log(10),
    ),
    Mistake(
        "sign-of-exponent",
        "it falls where softplus rises: look at the sign of the exponent",
        lambda x: F.softplus(-x),
    ),
    Mistake("no-one", "this is x: without the 1, the logarithm undoes the exponential", identity),
    Mistake("relu-for-softplus", "this is ReLU; softplus is smooth at 0", F.relu),
    forbidden=("softplus",),
)

smooth = Exercise(
    id="1.5",
    slug="smooth",
    title="Three smooth functions by hand",
    judges={"my_gelu": _GELU, "my_tanhshrink": _TANHSHRINK, "my_softplus": _SOFTPLUS},
    hints=(
        "None of them has a kink, so none needs `torch.where`.",
        "GELU is a product. Write Φ first, with `torch.erf`, then multiply.",
        "ln is `torch.log`. If yours is large where x is negative, look at the exponent.",
    ),
    points=3,
)
