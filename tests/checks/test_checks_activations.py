"""The checks of lesson 1 know right answers in many forms, and the classic mistakes by name."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from checking import CasesOfLesson
from torch.nn import functional as F

from nnlab_course.activations import dead_units, value_and_derivative
from nnlab_course.checks import activations

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772


def sigma(x):
    return 1 / (1 + torch.exp(-x))


def cdf(x):
    return (1 + torch.erf(x / math.sqrt(2))) / 2


def density(x):
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def hyperbolic(x):
    return 2 * sigma(2 * x) - 1


def leaky(x):
    return torch.maximum(x, 0.1 * x)


def tail(x, alpha=1.0):
    return torch.where(x > 0, x, alpha * (torch.exp(x) - 1))


def celu(x, alpha=1.0):
    return torch.where(x > 0, x, alpha * (torch.exp(x / alpha) - 1))


def celu_slope(x, alpha=1.0):
    return torch.where(x > 0, 1.0, torch.exp(x / alpha))


def selu(x):
    return SCALE * tail(x, ALPHA)


def by_autograd(function):
    return lambda x, *others: value_and_derivative(lambda t: function(t, *others), x)[1]


def in_numpy(*functions):
    """The same functions on arrays: what a student writes who knows numpy better."""
    return tuple(lambda x, *a, f=f: f(np.asarray(x), *a) for f in functions)


def in_float32(*functions):
    return tuple(lambda x, *a, f=f: f(x.float(), *a) for f in functions)


def as_lists(*functions):
    return tuple(lambda x, *a, f=f: f(x, *a).tolist() for f in functions)


def with_a_graph(*functions):
    return tuple(lambda x, *a, f=f: f(x.requires_grad_(), *a) for f in functions)


STRAIGHT = (lambda x: x.clamp(min=0), lambda x: x.clamp(0, 6), leaky)
EXPONENTIAL = (tail, selu, celu)
SMOOTH = (lambda x: x * cdf(x), lambda x: x - torch.tanh(x), lambda x: torch.log(1 + torch.exp(x)))


def dead_by_loop(z):
    return sum(all(row[unit] <= 0 for row in z.tolist()) for unit in range(z.shape[1]))


RIGHT = {
    "logistic": [
        (sigma, lambda x: sigma(x) * (1 - sigma(x))),
        (lambda x: torch.exp(x) / (1 + torch.exp(x)), lambda x: sigma(x) - sigma(x) ** 2),
        (lambda x: 1 / (1 + math.e**-x), lambda x: torch.exp(-x) / (1 + torch.exp(-x)) ** 2),
        in_numpy(lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
        as_lists(sigma, lambda x: sigma(x) * sigma(-x)),
        in_float32(sigma, lambda x: sigma(x) * sigma(-x)),
        with_a_graph(sigma, lambda x: sigma(x) * sigma(-x)),
    ],
    "tanh": [
        (hyperbolic, lambda x: 4 * torch.sigmoid(2 * x) * (1 - torch.sigmoid(2 * x))),
        (lambda x: sigma(2 * x) - sigma(-2 * x), lambda x: 1 - (2 * sigma(2 * x) - 1) ** 2),
        in_numpy(np.tanh, lambda x: 1 / np.cosh(x) ** 2),
        as_lists(hyperbolic, lambda x: 1 - hyperbolic(x) ** 2),
    ],
    "straight": [
        (
            lambda x: x.clamp(min=0),
            lambda x: x.clamp(0, 6),
            lambda x: torch.where(x > 0, x, 0.1 * x),
        ),
        (
            lambda x: (x + x.abs()) / 2,
            lambda x: torch.minimum(torch.maximum(x, 0 * x), 0 * x + 6),
            leaky,
        ),
        in_numpy(
            lambda x: np.maximum(x, 0),
            lambda x: np.clip(x, 0, 6),
            lambda x: np.where(x > 0, x, 0.1 * x),
        ),
        as_lists(*STRAIGHT),
        (lambda x: x * (x > 0), lambda x: F.relu(x) - F.relu(x - 6), leaky),
    ],
    "exponential": [
        (
            tail,
            lambda x: 1.0507 * torch.where(x > 0, x, 1.6733 * (torch.exp(x) - 1)),
            lambda x, alpha=1.0: torch.where(x > 0, x, alpha * torch.expm1(x / alpha)),
        ),
        (
            lambda x: torch.relu(x) + torch.expm1(x.clamp(max=0)),
            lambda x: SCALE * (torch.relu(x) + ALPHA * torch.expm1(x.clamp(max=0))),
            lambda x, alpha=1.0: alpha * F.elu(x / alpha),
        ),
        in_float32(*EXPONENTIAL),
        as_lists(*EXPONENTIAL),
        in_numpy(
            lambda x: np.where(x > 0, x, np.expm1(x)),
            lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)),
            lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
        ),
    ],
    "smooth": [
        SMOOTH,
        (
            lambda x: x * torch.distributions.Normal(0, 1).cdf(x),
            lambda x: -(torch.tanh(x) - x),
            lambda x: x + torch.log1p(torch.exp(-x)),
        ),
        as_lists(*SMOOTH),
        in_float32(*SMOOTH),
        (*SMOOTH[:2], lambda x: np.logaddexp(0, x.numpy())),
    ],
    "straight-slopes": [
        (
            lambda x: (x > 0).float(),
            lambda x: (x > 0) * (x < 6) * 1.0,
            lambda x: 0.1 + 0.9 * (x > 0),
        ),
        (lambda x: x > 0, lambda x: (x > 0) & (x < 6), lambda x: torch.where(x > 0, 1.0, 0.1)),
        (
            lambda x: torch.heaviside(x, 0 * x),
            lambda x: torch.where((x > 0) & (x < 6), 1, 0),
            lambda x: 1 - 0.9 * (x <= 0),
        ),
        in_numpy(
            lambda x: (x > 0).astype(int),
            lambda x: np.logical_and(x > 0, x < 6),
            lambda x: np.where(x > 0, 1, 0.1),
        ),
    ],
    "exponential-slopes": [
        (
            lambda x: torch.exp(x.clamp(max=0)),
            lambda x: SCALE * torch.where(x > 0, 1.0, ALPHA * torch.exp(x)),
            celu_slope,
        ),
        (
            lambda x: torch.where(x > 0, 1, tail(x) + 1),
            lambda x: torch.where(x > 0, SCALE, selu(x) + SCALE * ALPHA),
            lambda x, alpha=1.0: torch.where(x > 0, 1, celu(x, alpha) / alpha + 1),
        ),
    ],
    "smooth-slopes": [
        (lambda x: cdf(x) + x * density(x), lambda x: torch.tanh(x) ** 2, sigma),
        (
            lambda x: F.gelu(x) / x + x * density(x),
            lambda x: 1 - (1 - torch.tanh(x) ** 2),
            lambda x: torch.exp(x) / (1 + torch.exp(x)),
        ),
        as_lists(lambda x: cdf(x) + x * density(x), lambda x: torch.tanh(x) ** 2, sigma),
    ],
    "saturation": [(4.58,), (4.585,), (torch.tensor(4.5849),), ([4.59],), (np.float32(4.58),)],
    "dead": [
        (lambda z: (z <= 0).all(dim=0).sum(),),
        (lambda z: int((z.max(dim=0).values <= 0).sum()),),
        (lambda z: (np.asarray(z).clip(0).sum(axis=0) == 0).sum(),),
        (dead_by_loop,),
        (lambda z: len(z.T) - (z > 0).any(0).sum(),),
    ],
    "one-more": [
        (lambda x: x * sigma(x), lambda x: sigma(x) * (1 + x * (1 - sigma(x)))),
        (lambda x: x / (1 + torch.exp(-x)), lambda x: sigma(x) + x * sigma(x) * sigma(-x)),
        as_lists(lambda x: x * sigma(x), lambda x: sigma(x) * (1 + x * sigma(-x))),
    ],
}

# As students write them; test_checks.py gives each check the mistakes themselves.
WRONG = [
    ("logistic", "my_logistic", torch.sigmoid, "forbidden"),
    ("logistic", "my_logistic", lambda x: x.sigmoid(), "forbidden"),
    ("logistic", "my_logistic", lambda x: torch.special.expit(x), "forbidden"),
    ("logistic", "my_logistic", lambda x: 1 / (1 + torch.exp(x)), "sign-of-exponent"),
    ("logistic", "my_logistic", lambda x: 1 / 1 + torch.exp(-x), "precedence"),
    ("logistic", "my_logistic", lambda x: (torch.exp(x) - torch.exp(-x)) / 2, "value"),
    ("logistic", "my_logistic", lambda x: 1 / (1 + math.exp(-x)), "math-on-tensor"),
    ("logistic", "my_logistic", lambda x: sigma(x).mean(), "shape"),
    ("logistic", "my_logistic", lambda x: 1 / (1 + exp(-x)), "raised"),  # noqa: F821
    ("logistic", "my_logistic_slope", by_autograd(sigma), "forbidden"),
    ("logistic", "my_logistic_slope", sigma, "function-for-slope"),
    ("logistic", "my_logistic_slope", lambda x: torch.exp(-x) / (1 + torch.exp(-x)), "one-factor"),
    ("logistic", "my_logistic_slope", lambda x: sigma(x) * (sigma(x) - 1), "sign"),
    ("logistic", "my_logistic_slope", lambda x: 4 * sigma(x) * (1 - sigma(x)), "factor"),
    ("tanh", "my_tanh", torch.tanh, "forbidden"),
    ("tanh", "my_tanh", lambda x: x.tanh(), "forbidden"),
    ("tanh", "my_tanh", lambda x: sigma(x) - sigma(-x), "inner-factor"),
    ("tanh", "my_tanh", lambda x: 1 / (1 + torch.exp(-2 * x)), "not-stretched"),
    ("tanh", "my_tanh", lambda x: 1 - 2 * sigma(2 * x), "sign"),
    ("tanh", "my_tanh_slope", hyperbolic, "function-for-slope"),
    ("tanh", "my_tanh_slope", by_autograd(hyperbolic), "forbidden"),
    ("tanh", "my_tanh_slope", lambda x: 2 * sigma(2 * x) * sigma(-2 * x), "inner-derivative"),
    ("tanh", "my_tanh_slope", lambda x: hyperbolic(x) - hyperbolic(x) ** 2, "slope-of-logistic"),
    ("tanh", "my_tanh_slope", lambda x: sigma(x) * (1 - sigma(x)), "logistic-slope"),
    ("straight", "my_relu", F.relu, "forbidden"),
    ("straight", "my_relu", lambda x: x.relu(), "forbidden"),
    ("straight", "my_relu", lambda x: torch.max(x, 0), "values-and-indices"),
    ("straight", "my_relu", lambda x: max(0, x), "branch-on-tensor"),
    ("straight", "my_relu", lambda x: x if x > 0 else 0, "branch-on-tensor"),
    ("straight", "my_relu", lambda x: x.clamp(max=0), "upside-down"),
    ("straight", "my_relu", leaky, "leak"),
    ("straight", "my_relu", lambda x: (x > 0) * 1.0, "slope-for-function"),
    ("straight", "my_relu6", F.relu6, "forbidden"),
    ("straight", "my_relu6", lambda x: x.clamp(min=0), "no-ceiling"),
    ("straight", "my_relu6", lambda x: torch.where(x > 0 & x < 6, x, 0), "brackets"),
    ("straight", "my_relu6", lambda x: torch.where((x > 0) & (x < 6), x, 0), "right-half"),
    ("straight", "my_leaky_relu", F.leaky_relu, "forbidden"),
    ("straight", "my_leaky_relu", lambda x: torch.maximum(x, 0.01 * x), "default-slope"),
    ("straight", "my_leaky_relu", lambda x: torch.where(x > 0, x, 0.1), "constant-leak"),
    ("straight", "my_leaky_relu", lambda x: torch.where(x > 0, x, 0.2 * x), "left-half"),
    ("exponential", "my_elu", F.elu, "forbidden"),
    ("exponential", "my_elu", lambda x: torch.where(x > 0, x, torch.exp(x)), "no-minus-one"),
    ("exponential", "my_elu", lambda x: torch.where(x > 0, x, 1 - torch.exp(x)), "sign-of-tail"),
    ("exponential", "my_elu", lambda x: torch.where(x < 0, x, torch.exp(x) - 1), "sides-swapped"),
    ("exponential", "my_celu", F.celu, "forbidden"),
    ("exponential", "my_celu", F.elu, "elu-for-celu"),
    ("exponential", "my_celu", tail, "elu-for-celu"),
    ("exponential", "my_celu", lambda x: tail(x), "raised"),
    ("exponential", "my_selu", F.selu, "forbidden"),
    ("exponential", "my_selu", tail, "elu-for-selu"),
    ("exponential", "my_selu", lambda x: 1.0507 * tail(x), "no-alpha"),
    ("exponential", "my_selu", lambda x: 1.05 * F.elu(x, 1.5), "left-half"),
    ("smooth", "my_gelu", F.gelu, "forbidden"),
    ("smooth", "my_gelu", lambda x: x * sigma(x), "logistic-for-normal"),
    ("smooth", "my_gelu", lambda x: x * (1 + torch.erf(x / 2**0.5)), "no-half"),
    (
        "smooth",
        "my_gelu",
        lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "tanh-approximation",
    ),
    ("smooth", "my_tanhshrink", F.tanhshrink, "forbidden"),
    ("smooth", "my_tanhshrink", lambda x: -x + torch.tanh(x), "sign"),
    ("smooth", "my_softplus", F.softplus, "forbidden"),
    ("smooth", "my_softplus", lambda x: torch.log10(1 + torch.exp(x)), "base-ten"),
    ("smooth", "my_softplus", lambda x: torch.log(torch.exp(x)), "no-one"),
    ("smooth", "my_softplus", lambda x: torch.log(1 + x), "not-finite"),
    ("straight-slopes", "my_relu_slope", by_autograd(F.relu), "forbidden"),
    ("straight-slopes", "my_relu_slope", torch.relu, "function-for-slope"),
    ("straight-slopes", "my_relu_slope", lambda x: x < 0, "upside-down"),
    ("straight-slopes", "my_relu_slope", lambda x: 1, "shape"),
    ("straight-slopes", "my_relu6_slope", lambda x: x > 0, "no-ceiling"),
    (
        "straight-slopes",
        "my_relu6_slope",
        lambda x: torch.where(x < 0, 0.0, torch.where(x > 6, 6.0, 1.0)),
        "value-at-ceiling",
    ),
    ("straight-slopes", "my_leaky_relu_slope", lambda x: x > 0, "zero-left"),
    (
        "straight-slopes",
        "my_leaky_relu_slope",
        lambda x: torch.where(x > 0, 1.0, 0.1 * x),
        "value-left",
    ),
    ("exponential-slopes", "my_elu_slope", by_autograd(F.elu), "forbidden"),
    (
        "exponential-slopes",
        "my_elu_slope",
        lambda x: torch.where(x > 0, 1.0, tail(x)),
        "value-left",
    ),
    ("exponential-slopes", "my_elu_slope", tail, "function-for-slope"),
    ("exponential-slopes", "my_elu_slope", torch.exp, "right-half"),
    (
        "exponential-slopes",
        "my_celu_slope",
        lambda x, alpha=1.0: torch.where(x > 0, 1.0, alpha * torch.exp(x / alpha)),
        "alpha-not-cancelled",
    ),
    (
        "exponential-slopes",
        "my_celu_slope",
        lambda x, alpha=1.0: torch.where(x > 0, 1.0, torch.exp(x)),
        "alpha-unused",
    ),
    (
        "exponential-slopes",
        "my_selu_slope",
        lambda x: torch.where(x > 0, 1.0507, 1.6733 * torch.exp(x)),
        "scale-right-only",
    ),
    ("smooth-slopes", "my_gelu_slope", by_autograd(F.gelu), "forbidden"),
    ("smooth-slopes", "my_gelu_slope", cdf, "first-term-only"),
    ("smooth-slopes", "my_gelu_slope", lambda x: cdf(x) - x * density(x), "sign-of-term"),
    ("smooth-slopes", "my_tanhshrink_slope", lambda x: 1 / torch.cosh(x) ** 2, "slope-of-tanh"),
    ("smooth-slopes", "my_softplus_slope", lambda x: 1 / (1 + torch.exp(x)), "inner-derivative"),
    ("smooth-slopes", "my_softplus_slope", lambda x: (x > 0) * 1.0, "step"),
    ("saturation", "my_limit", math.log(99), "near"),
    ("saturation", "my_limit", 4.6, "near"),
    ("saturation", "my_limit", 4.605, "near"),
    ("saturation", "my_limit", -4.58, "sign"),
    ("saturation", "my_limit", 2.993, "tanh-for-logistic"),
    ("saturation", "my_limit", 0.99, "value-at-limit"),
    ("saturation", "my_limit", 5, "rounded"),
    ("saturation", "my_limit", (4, 58), "shape"),
    ("saturation", "my_limit", "4.58", "text"),
    ("dead", "my_dead_count", lambda z: dead_units(F.relu, z).sum(), "forbidden"),
    ("dead", "my_dead_count", lambda z: (F.relu(z) == 0).sum(), "entries"),
    ("dead", "my_dead_count", lambda z: (F.relu(z) == 0).any(dim=0).sum(), "any-input"),
    ("dead", "my_dead_count", lambda z: (F.relu(z).sum(dim=1) == 0).sum(), "inputs-for-units"),
    ("dead", "my_dead_count", lambda z: (z.amax(0) < 0).sum(), "zero-missed"),
    ("dead", "my_dead_count", lambda z: z.amax(0) <= 0, "mask"),
    ("one-more", "my_silu", F.silu, "forbidden"),
    ("one-more", "my_silu", sigma, "factor-x-missing"),
    ("one-more", "my_silu", lambda x: x * cdf(x), "normal-for-logistic"),
    ("one-more", "my_silu", lambda x: x @ x @ x, "raised"),
    ("one-more", "my_silu_slope", by_autograd(F.silu), "forbidden"),
    ("one-more", "my_silu_slope", lambda x: sigma(x) * (1 - x * sigma(-x)), "sign-of-term"),
]


class TestCases(CasesOfLesson):
    module, right, wrong = activations, RIGHT, WRONG


@pytest.mark.parametrize(
    ("exercise", "answer", "text"),
    [
        (activations.saturation, (4, 58), "a decimal number is written with a point: 4.58"),
        (activations.saturation, "4,58", "write the number 4.58 without quotes"),
        (activations.saturation, 4.6, "close, but not to two decimals"),
    ],
)
def test_a_number_in_another_form_gets_a_sentence_that_helps(exercise, answer, text):
    assert text in exercise.judge(answer).message


def test_a_constant_on_the_left_is_called_so():
    judge = activations.straight.judges["my_leaky_relu"]
    result = judge(lambda x: torch.where(x > 0, x, 0.1))
    assert result.message == "for negative x this is the constant 0.1; it should be 0.1 times x"


@pytest.mark.parametrize("seed", range(3))
def test_a_marker_tells_elu_from_celu_as_well(seed):
    exercise = activations.exponential.redrawn(seed)
    assert exercise.judge(*RIGHT["exponential"][0])
    assert exercise.judges["my_celu"](F.elu).mistake == "elu-for-celu"


def test_every_curve_knows_its_slope_in_its_place():
    """The mistake is made from the reference, so it can't be forgotten."""
    for exercise in (activations.logistic, activations.straight, activations.smooth):
        for judge in exercise.judges.values():
            slugs = {mistake.slug for mistake in judge.mistakes}
            assert "slope-for-function" in slugs or "function-for-slope" in slugs
            assert replace(judge, forbidden=()).tells_mistakes()


def test_what_comes_next_follows_the_lesson_and_not_the_numbers():
    assert activations.straight.check(*RIGHT["straight"][0]).next.startswith("1.5 ")
    assert activations.dead.check(*RIGHT["dead"][0]).next.startswith("1.4 ")
    assert activations.one_more.check(*RIGHT["one-more"][0]).next == ""
