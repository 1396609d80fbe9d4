"""Exercises 1.3 to 1.5: nine functions of the family, three at a time"""

# A plain module, edited here.

import math
from functools import partial

import torch
from torch.nn import functional as F

from nnlab_course.activations import ACTIVATIONS
from nnlab_course.checks.activations.curves import (
    ALPHA,
    FUNCTION_IS_SLOPE,
    SCALE,
    constant,
    identity,
    judge_curve,
    leaky,
    normal_cdf,
    normal_density,
    slope_of,
    tail,
    two_pieces,
)
from nnlab_course.exercises import Exercise, Mistake

_RELU = judge_curve(
    F.relu,
    Mistake(
        "upside-down",
        "this keeps the negative numbers: the other half is asked for",
        lambda x: -F.relu(-x),
    ),
    Mistake("absolute", "this is |x|: negative numbers become 0, not positive", torch.abs),
    Mistake("no-bend", "this is x itself, nothing is bent", identity),
    Mistake("leak", "it leaks on the left, where relu is 0", leaky(0.1)),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.relu)),
)
_RELU6 = judge_curve(
    F.relu6,
    Mistake("no-ceiling", "this is relu: the ceiling is missing", F.relu),
    Mistake("no-floor", "there is a ceiling, but no floor at 0", lambda x: x.clamp(max=6)),
    Mistake("ceiling-of-one", "the ceiling is at 1, it should be at 6", lambda x: x.clamp(0, 1)),
    Mistake("floor-of-minus-six", "the floor is at 0, not at −6", lambda x: x.clamp(-6, 6)),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.relu6)),
)
_LEAKY_RELU = judge_curve(
    ACTIVATIONS["leaky_relu"],
    Mistake(
        "default-slope", "a leak of 0.01 is PyTorch's default; the table says another", leaky(0.01)
    ),
    Mistake("no-leak", "this is relu: nothing leaks on the left", F.relu),
    Mistake(
        "sign-of-leak",
        "on the left it rises towards −∞: the leak keeps the sign of x",
        leaky(-0.1),
    ),
    Mistake("leak-on-both", "the right side is scaled down as well", lambda x: 0.1 * x),
    Mistake(
        "constant-leak",
        "on the left it is a constant; it should fall with x",
        two_pieces(constant(0.1), identity),
    ),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(leaky(0.1))),
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


_TAIL_MISTAKES = (
    Mistake(
        "no-minus-one",
        "at 0 the left piece does not meet the right one: something is missing",
        two_pieces(torch.exp, identity),
    ),
    Mistake("no-tail", "this is relu: the tail on the left is missing", F.relu),
    Mistake(
        "sign-inside",
        "the left piece grows towards −∞: the exponent has the wrong sign",
        two_pieces(lambda x: torch.expm1(-x), identity),
    ),
    Mistake("sign-of-tail", "the tail lies above 0, it should lie below", tail(-1.0)),
    Mistake(
        "sides-swapped", "the two pieces have changed places", two_pieces(identity, torch.expm1)
    ),
)
_ELU = judge_curve(
    F.elu,
    *_TAIL_MISTAKES,
    Mistake("selu-for-elu", "this is selu; elu has α = 1 and no λ", F.selu),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.elu)),
)
_CELU = judge_curve(
    F.celu,
    *_TAIL_MISTAKES,
    Mistake("selu-for-celu", "this is selu; celu has α = 1 and no λ", F.selu),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.celu)),
)
_SELU = judge_curve(
    F.selu,
    Mistake("no-scale", "the scale λ is missing on both sides", tail(ALPHA)),
    Mistake(
        "scale-left-only",
        "the scale λ belongs to both sides, on the right it is missing",
        tail(ALPHA, SCALE),
    ),
    Mistake(
        "scale-right-only",
        "the scale λ belongs to both sides, on the left it is missing",
        tail(ALPHA, 1.0, SCALE),
    ),
    Mistake("no-alpha", "the factor α of the tail is missing", tail(1.0, SCALE, SCALE)),
    Mistake("elu-for-selu", "this is elu: λ and α are missing", F.elu),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.selu)),
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


_GELU = judge_curve(
    F.gelu,
    Mistake(
        "logistic-for-normal", "this is x σ(x), which is silu; gelu has Φ in place of σ", F.silu
    ),
    Mistake("factor-x-missing", "this is Φ alone, the factor x is missing", normal_cdf),
    Mistake(
        "no-root",
        "inside erf, x is to be divided by √2",
        lambda x: x * normal_cdf(math.sqrt(2) * x),
    ),
    Mistake("no-half", "twice as large: Φ begins with ½", lambda x: 2 * F.gelu(x)),
    Mistake(
        "density-for-cdf",
        "φ is the density; Φ, the distribution function, is asked for",
        lambda x: x * normal_density(x),
    ),
    Mistake(
        "tanh-approximation",
        "this is the approximation by tanh; the exact formula is asked for",
        partial(F.gelu, approximate="tanh"),
    ),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.gelu)),
)
_TANHSHRINK = judge_curve(
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
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.tanhshrink)),
)
_SOFTPLUS = judge_curve(
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
    Mistake("no-one", "this is x: without the 1 the logarithm undoes the power", identity),
    Mistake("relu-for-softplus", "this is relu; softplus is smooth at 0", F.relu),
    Mistake("slope-for-function", FUNCTION_IS_SLOPE, slope_of(F.softplus)),
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
