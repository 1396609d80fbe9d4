"""Exercises 1.1, 1.2 and 1.11: the logistic, tanh and SiLU, with their slopes"""

# A plain module, edited here.

import torch
from torch.nn import functional as F

from nnlab_course.checks.activations.curves import (
    SIGMOID_SLOPE,
    TANH_SLOPE,
    judge_curve,
    judge_slope,
    slope_of,
)
from nnlab_course.exercises import Exercise, Mistake

logistic = Exercise(
    id="1.1",
    slug="logistic",
    title="The logistic by hand",
    judges={
        "my_logistic": judge_curve(
            torch.sigmoid,
            Mistake(
                "sign-of-exponent",
                "it falls where the logistic rises: look at the sign of the exponent",
                lambda x: torch.sigmoid(-x),
            ),
            Mistake(
                "precedence",
                "this is 1 + exp(−x); `1 / 1 + a` means `(1 "
                "/ 1) + a`, so put the denominator in brackets",
                lambda x: 1 + torch.exp(-x),
            ),
            Mistake(
                "plus-for-minus",
                "the denominator is a sum, not a difference",
                lambda x: 1 / (1 - torch.exp(-x)),
            ),
            Mistake("tanh-for-logistic", "this is tanh, which lies in (−1, 1)", torch.tanh),
            forbidden=(
                "sigmoid",
                "expit",
            ),
        ),
        "my_logistic_slope": judge_slope(
            torch.sigmoid,
            Mistake(
                "argument-for-value",
                "the formula needs the value of the logistic in both places; you used x",
                lambda x: x * (1 - x),
            ),
            Mistake(
                "squared",
                "this is σ²; the second factor is not σ",
                lambda x: torch.sigmoid(x) ** 2,
            ),
            Mistake(
                "one-factor",
                "this is only one of the two factors (or the square in the denominator is missing)",
                lambda x: torch.sigmoid(-x),
            ),
            Mistake(
                "slope-of-tanh",
                "1 − f² is the formula for tanh, not for the logistic",
                lambda x: 1 - torch.sigmoid(x) ** 2,
            ),
            forbidden=(
                "sigmoid",
                "expit",
            ),
        ),
    },
    hints=(
        "Write the fraction of the first section in Python. Which parts need brackets?",
        "The denominator is 1 plus a power of e. `torch.exp` takes the whole tensor at once.",
        "For the slope, compute the value first and give it a name: "
        "the formula of the section on the slope uses nothing else.",
    ),
    points=2,
)


tanh = Exercise(
    id="1.2",
    slug="tanh",
    title="tanh through the logistic",
    judges={
        "my_tanh": judge_curve(
            torch.tanh,
            Mistake(
                "inner-factor",
                "it lies in (−1, 1), but rises too slowly: what happens to x before the logistic?",
                lambda x: 2 * torch.sigmoid(x) - 1,
            ),
            Mistake(
                "not-stretched",
                "the values lie in (0, 1): stretch and shift them",
                lambda x: torch.sigmoid(2 * x),
            ),
            Mistake(
                "not-shifted",
                "the values lie in (0, 2): shift them",
                lambda x: 2 * torch.sigmoid(2 * x),
            ),
            Mistake(
                "only-shifted",
                "the values lie in (−½, ½): stretch them",
                lambda x: torch.sigmoid(2 * x) - 0.5,
            ),
            Mistake("logistic-for-tanh", "this is the logistic", torch.sigmoid),
            forbidden=("tanh",),
        ),
        "my_tanh_slope": judge_slope(
            torch.tanh,
            Mistake(
                "inner-derivative",
                "half of the correct slope: the inner derivative, 2, is missing",
                lambda x: 0.5 * TANH_SLOPE(x),
            ),
            Mistake(
                "slope-of-logistic",
                "f (1 − f) is the formula for the logistic, not for tanh",
                lambda x: torch.tanh(x) * (1 - torch.tanh(x)),
            ),
            Mistake("no-square", "the square is missing", lambda x: 1 - torch.tanh(x)),
            Mistake(
                "square-of-logistic",
                "the square in the formula is that of tanh; you squared the logistic",
                lambda x: 1 - torch.sigmoid(x) ** 2,
            ),
            Mistake("logistic-slope", "this is the slope of the logistic at x", SIGMOID_SLOPE),
            forbidden=("tanh",),
        ),
    },
    hints=(
        "The lesson says how tanh and the logistic are related, just before the slope of tanh.",
        "Three steps: what goes into the logistic, how "
        "much taller tanh is, and how far down it is moved.",
        "For the slope there are two ways: the formula with tanh, through your "
        "own function; or the chain rule, where the 2 inside becomes a factor.",
    ),
    points=2,
)


one_more = Exercise(
    id="1.11",
    slug="one-more",
    title="One more function",
    judges={
        "my_silu": judge_curve(
            F.silu,
            Mistake("factor-x-missing", "this is σ alone; the factor x is missing", torch.sigmoid),
            Mistake("tanh-for-logistic", "this is x tanh(x)", lambda x: x * torch.tanh(x)),
            Mistake("normal-for-logistic", "this is GELU, x Φ(x); SiLU has σ", F.gelu),
            Mistake(
                "sign-inside",
                "this is x σ(−x): the sign inside the logistic is wrong",
                lambda x: x * torch.sigmoid(-x),
            ),
            Mistake(
                "argument-of-logistic",
                "this is σ(x²); x is a factor outside the logistic",
                lambda x: torch.sigmoid(x * x),
            ),
            forbidden=("silu",),
        ),
        "my_silu_slope": judge_slope(
            F.silu,
            Mistake(
                "first-term-only",
                "this is only the first of the two terms of the product rule",
                torch.sigmoid,
            ),
            Mistake(
                "second-term-only",
                "this is only the second of the two terms of the product rule",
                lambda x: x * SIGMOID_SLOPE(x),
            ),
            Mistake(
                "product-of-derivatives",
                "the derivative of a product is not the product of the derivatives",
                SIGMOID_SLOPE,
            ),
            Mistake(
                "sign-of-term",
                "the second term has the wrong sign",
                lambda x: torch.sigmoid(x) - x * SIGMOID_SLOPE(x),
            ),
            Mistake("normal-for-logistic", "this is the slope of GELU", slope_of(F.gelu)),
            forbidden=("silu",),
        ),
    },
    hints=(
        "The function is one line, with `torch.sigmoid`.",
        "Its slope is that of a product: (uv)′ = u′v + uv′, with u = x.",
        "You know σ′ from exercise 1.1.",
    ),
    points=2,
)
