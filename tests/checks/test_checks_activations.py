"""The checks of lesson 1 know right answers in many forms, and the classic mistakes by name."""

import math

import numpy as np
import torch
from checking import CasesOfLesson
from torch.nn import functional as F

from nnlab_course.activations import ACTIVATIONS, value_and_derivative
from nnlab_course.checks import activations

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772


def sigma(x):
    return 1 / (1 + torch.exp(-x))


def cdf(x):
    return (1 + torch.erf(x / math.sqrt(2))) / 2


def density(x):
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def pieces(left, right):
    return lambda x: torch.where(x > 0, right(x), left(x))


def one(x):
    return torch.ones_like(x)


def by_autograd(*functions):
    return tuple(lambda x, f=f: value_and_derivative(f, x)[1] for f in functions)


def in_numpy(*functions):
    """The same functions on arrays: what a student writes who knows numpy better."""
    return tuple(lambda x, f=f: f(np.asarray(x)) for f in functions)


def in_float32(*functions):
    return tuple(lambda x, f=f: f(x.float()) for f in functions)


def as_lists(*functions):
    return tuple(lambda x, f=f: f(x).tolist() for f in functions)


FAMILY = {name: ACTIVATIONS[name] for name in ACTIVATIONS}
STRAIGHT = [FAMILY[name] for name in ("relu", "relu6", "leaky_relu")]
EXPONENTIAL = [FAMILY[name] for name in ("elu", "selu", "celu")]
SMOOTH = [FAMILY[name] for name in ("gelu", "tanhshrink", "softplus")]


def dead_by_loop(z):
    return sum(all(row[unit] <= 0 for row in z.tolist()) for unit in range(z.shape[1]))


RIGHT = {
    "logistic": [
        (sigma, lambda x: sigma(x) * (1 - sigma(x))),
        (lambda x: torch.exp(x) / (1 + torch.exp(x)), lambda x: sigma(x) - sigma(x) ** 2),
        (torch.sigmoid, lambda x: torch.exp(-x) / (1 + torch.exp(-x)) ** 2),
        in_numpy(lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
        as_lists(sigma, lambda x: sigma(x) * sigma(-x)),
        in_float32(sigma, lambda x: sigma(x) * sigma(-x)),
    ],
    "tanh": [
        (lambda x: 2 * sigma(2 * x) - 1, lambda x: 4 * sigma(2 * x) * (1 - sigma(2 * x))),
        (lambda x: sigma(2 * x) - sigma(-2 * x), lambda x: 1 - (2 * sigma(2 * x) - 1) ** 2),
        in_numpy(np.tanh, lambda x: 1 / np.cosh(x) ** 2),
        as_lists(torch.tanh, lambda x: 1 - torch.tanh(x) ** 2),
    ],
    "straight": [
        (
            lambda x: x.clamp(min=0),
            lambda x: x.clamp(0, 6),
            pieces(lambda x: 0.1 * x, lambda x: x),
        ),
        (
            lambda x: (x + x.abs()) / 2,
            lambda x: torch.minimum(torch.maximum(x, 0 * x), 0 * x + 6),
            lambda x: torch.maximum(x, 0.1 * x),
        ),
        in_numpy(
            lambda x: np.maximum(x, 0),
            lambda x: np.clip(x, 0, 6),
            lambda x: np.where(x > 0, x, 0.1 * x),
        ),
        as_lists(*STRAIGHT),
        (lambda x: x * (x > 0), lambda x: F.relu(x) - F.relu(x - 6), STRAIGHT[2]),
    ],
    "exponential": [
        (
            pieces(lambda x: torch.exp(x) - 1, lambda x: x),
            lambda x: 1.0507 * torch.where(x > 0, x, 1.6733 * (torch.exp(x) - 1)),
            pieces(torch.expm1, lambda x: x),
        ),
        (
            lambda x: torch.relu(x) + torch.expm1(x.clamp(max=0)),
            lambda x: SCALE * (torch.relu(x) + ALPHA * torch.expm1(x.clamp(max=0))),
            F.elu,
        ),
        in_float32(*EXPONENTIAL),
        in_numpy(
            lambda x: np.where(x > 0, x, np.expm1(x)),
            lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)),
            lambda x: np.where(x > 0, x, np.expm1(x)),
        ),
    ],
    "smooth": [
        (lambda x: x * cdf(x), lambda x: x - torch.tanh(x), lambda x: torch.log(1 + torch.exp(x))),
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
        (lambda x: torch.heaviside(x, 0 * x), *by_autograd(*STRAIGHT[1:])),
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
            lambda x: torch.where(x > 0, 1.0, torch.exp(x)),
        ),
        by_autograd(*EXPONENTIAL),
        (
            lambda x: torch.where(x > 0, 1, F.elu(x) + 1),
            lambda x: torch.where(x > 0, SCALE, F.selu(x) + SCALE * ALPHA),
            lambda x: torch.where(x > 0, 1, F.celu(x) + 1),
        ),
    ],
    "smooth-slopes": [
        (lambda x: cdf(x) + x * density(x), lambda x: torch.tanh(x) ** 2, sigma),
        (
            lambda x: F.gelu(x) / x + x * density(x),
            lambda x: 1 - (1 - torch.tanh(x) ** 2),
            lambda x: torch.exp(x) / (1 + torch.exp(x)),
        ),
        by_autograd(*SMOOTH),
        as_lists(*by_autograd(*SMOOTH)),
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
        (lambda x: x / (1 + torch.exp(-x)), lambda x: F.silu(x) + sigma(x) * (1 - F.silu(x))),
        as_lists(F.silu, *by_autograd(F.silu)),
    ],
}

WRONG = [
    ("logistic", "my_logistic", lambda x: 1 / (1 + torch.exp(x)), "sign-of-exponent"),
    ("logistic", "my_logistic", lambda x: 1 / 1 + torch.exp(-x), "precedence"),
    ("logistic", "my_logistic", lambda x: 1 / (1 - torch.exp(-x)), "plus-for-minus"),
    ("logistic", "my_logistic", torch.tanh, "tanh-for-logistic"),
    ("logistic", "my_logistic", lambda x: sigma(x) * sigma(-x), "slope-for-function"),
    ("logistic", "my_logistic", lambda x: 1 / (1 + math.exp(-x)), "math-on-tensor"),
    ("logistic", "my_logistic", lambda x: sigma(x).mean(), "shape"),
    ("logistic", "my_logistic", lambda x: 1 / (1 + exp(-x)), "raised"),  # noqa: F821
    ("logistic", "my_logistic_slope", sigma, "function-for-slope"),
    ("logistic", "my_logistic_slope", lambda x: x * (1 - x), "argument-for-value"),
    ("logistic", "my_logistic_slope", lambda x: sigma(x) ** 2, "squared"),
    ("logistic", "my_logistic_slope", lambda x: 1 - sigma(x), "one-factor"),
    ("logistic", "my_logistic_slope", lambda x: torch.exp(-x) / (1 + torch.exp(-x)), "one-factor"),
    ("logistic", "my_logistic_slope", lambda x: 1 - sigma(x) ** 2, "slope-of-tanh"),
    ("logistic", "my_logistic_slope", lambda x: sigma(x) * (sigma(x) - 1), "sign"),
    ("logistic", "my_logistic_slope", lambda x: 4 * sigma(x) * (1 - sigma(x)), "factor"),
    ("tanh", "my_tanh", lambda x: 2 * sigma(x) - 1, "inner-factor"),
    ("tanh", "my_tanh", lambda x: sigma(2 * x), "not-stretched"),
    ("tanh", "my_tanh", lambda x: 2 * sigma(2 * x), "not-shifted"),
    ("tanh", "my_tanh", lambda x: sigma(2 * x) - 0.5, "only-shifted"),
    ("tanh", "my_tanh", sigma, "logistic-for-tanh"),
    ("tanh", "my_tanh", lambda x: 1 - 2 * sigma(2 * x), "sign"),
    ("tanh", "my_tanh_slope", torch.tanh, "function-for-slope"),
    ("tanh", "my_tanh_slope", lambda x: 2 * sigma(2 * x) * sigma(-2 * x), "inner-derivative"),
    ("tanh", "my_tanh_slope", lambda x: torch.tanh(x) * (1 - torch.tanh(x)), "slope-of-logistic"),
    ("tanh", "my_tanh_slope", lambda x: 1 - torch.tanh(x), "no-square"),
    ("tanh", "my_tanh_slope", lambda x: 1 - sigma(x) ** 2, "square-of-logistic"),
    ("tanh", "my_tanh_slope", lambda x: sigma(x) * (1 - sigma(x)), "logistic-slope"),
    ("straight", "my_relu", lambda x: max(0, x), "branch-on-tensor"),
    ("straight", "my_relu", lambda x: x if x > 0 else 0, "branch-on-tensor"),
    ("straight", "my_relu", lambda x: x.clamp(max=0), "upside-down"),
    ("straight", "my_relu", torch.abs, "absolute"),
    ("straight", "my_relu", lambda x: x, "no-bend"),
    ("straight", "my_relu", lambda x: torch.where(x > 0, x, 0.1 * x), "leak"),
    ("straight", "my_relu", lambda x: (x > 0) * 1.0, "slope-for-function"),
    ("straight", "my_relu6", torch.relu, "no-ceiling"),
    ("straight", "my_relu6", lambda x: x.clamp(max=6), "no-floor"),
    ("straight", "my_relu6", lambda x: x.clamp(0, 1), "ceiling-of-one"),
    ("straight", "my_relu6", lambda x: x.clamp(-6, 6), "floor-of-minus-six"),
    ("straight", "my_relu6", lambda x: torch.where((x > 0) & (x < 6), x, 0), "right-half"),
    ("straight", "my_leaky_relu", F.leaky_relu, "default-slope"),
    ("straight", "my_leaky_relu", torch.relu, "no-leak"),
    ("straight", "my_leaky_relu", lambda x: torch.where(x > 0, x, -0.1 * x), "sign-of-leak"),
    ("straight", "my_leaky_relu", lambda x: 0.1 * x, "leak-on-both"),
    ("straight", "my_leaky_relu", lambda x: torch.where(x > 0, x, 0.1), "constant-leak"),
    ("straight", "my_leaky_relu", lambda x: torch.where(x > 0, x, 0.2 * x), "left-half"),
    ("exponential", "my_elu", lambda x: torch.where(x > 0, x, torch.exp(x)), "no-minus-one"),
    ("exponential", "my_elu", torch.relu, "no-tail"),
    ("exponential", "my_elu", lambda x: torch.where(x > 0, x, torch.exp(-x) - 1), "sign-inside"),
    ("exponential", "my_elu", lambda x: torch.where(x > 0, x, 1 - torch.exp(x)), "sign-of-tail"),
    ("exponential", "my_elu", lambda x: torch.where(x < 0, x, torch.exp(x) - 1), "sides-swapped"),
    ("exponential", "my_elu", F.selu, "selu-for-elu"),
    ("exponential", "my_celu", lambda x: torch.where(x > 0, x, torch.exp(x)), "no-minus-one"),
    ("exponential", "my_celu", F.selu, "selu-for-celu"),
    ("exponential", "my_celu", lambda x: torch.exp(x) - 1, "right-half"),
    ("exponential", "my_selu", F.elu, "elu-for-selu"),
    (
        "exponential",
        "my_selu",
        lambda x: torch.where(x > 0, x, 1.6733 * (torch.exp(x) - 1)),
        "no-scale",
    ),
    (
        "exponential",
        "my_selu",
        lambda x: torch.where(x > 0, x, 1.0507 * 1.6733 * (torch.exp(x) - 1)),
        "scale-left-only",
    ),
    (
        "exponential",
        "my_selu",
        lambda x: torch.where(x > 0, 1.0507 * x, 1.6733 * (torch.exp(x) - 1)),
        "scale-right-only",
    ),
    ("exponential", "my_selu", lambda x: 1.0507 * F.elu(x), "no-alpha"),
    ("exponential", "my_selu", lambda x: 1.05 * F.elu(x, 1.5), "left-half"),
    ("smooth", "my_gelu", F.silu, "logistic-for-normal"),
    ("smooth", "my_gelu", cdf, "factor-x-missing"),
    ("smooth", "my_gelu", lambda x: x * 0.5 * (1 + torch.erf(x)), "no-root"),
    ("smooth", "my_gelu", lambda x: x * (1 + torch.erf(x / 2**0.5)), "no-half"),
    ("smooth", "my_gelu", lambda x: x * density(x), "density-for-cdf"),
    (
        "smooth",
        "my_gelu",
        lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "tanh-approximation",
    ),
    ("smooth", "my_tanhshrink", lambda x: torch.tanh(x) - x, "sign"),
    ("smooth", "my_tanhshrink", lambda x: x + torch.tanh(x), "sum-for-difference"),
    ("smooth", "my_tanhshrink", lambda x: x * torch.tanh(x), "product-for-difference"),
    ("smooth", "my_tanhshrink", torch.tanh, "tanh-alone"),
    ("smooth", "my_softplus", lambda x: torch.log2(1 + torch.exp(x)), "base-two"),
    ("smooth", "my_softplus", lambda x: torch.log10(1 + torch.exp(x)), "base-ten"),
    ("smooth", "my_softplus", lambda x: torch.log(1 + torch.exp(-x)), "sign-of-exponent"),
    ("smooth", "my_softplus", lambda x: torch.log(torch.exp(x)), "no-one"),
    ("smooth", "my_softplus", torch.relu, "relu-for-softplus"),
    ("smooth", "my_softplus", lambda x: torch.log(1 + x), "not-finite"),
    ("straight-slopes", "my_relu_slope", torch.relu, "function-for-slope"),
    ("straight-slopes", "my_relu_slope", lambda x: (x < 0) * 1.0, "upside-down"),
    ("straight-slopes", "my_relu_slope", torch.ones_like, "constant"),
    ("straight-slopes", "my_relu_slope", torch.sign, "sign-for-slope"),
    ("straight-slopes", "my_relu_slope", torch.zeros_like, "zero"),
    ("straight-slopes", "my_relu_slope", lambda x: 1, "shape"),
    ("straight-slopes", "my_relu6_slope", lambda x: (x > 0) * 1.0, "no-ceiling"),
    ("straight-slopes", "my_relu6_slope", lambda x: (x < 6) * 1.0, "no-floor"),
    (
        "straight-slopes",
        "my_relu6_slope",
        lambda x: torch.where(x < 0, 0.0, torch.where(x > 6, 6.0, 1.0)),
        "value-at-ceiling",
    ),
    ("straight-slopes", "my_relu6_slope", lambda x: 6.0 * ((x > 0) & (x < 6)), "scaled"),
    ("straight-slopes", "my_relu6_slope", F.relu6, "function-for-slope"),
    ("straight-slopes", "my_leaky_relu_slope", lambda x: (x > 0) * 1.0, "zero-left"),
    (
        "straight-slopes",
        "my_leaky_relu_slope",
        lambda x: torch.where(x > 0, 1.0, 0.01),
        "default-slope",
    ),
    (
        "straight-slopes",
        "my_leaky_relu_slope",
        lambda x: torch.where(x > 0, 1.0, -0.1),
        "sign-of-leak",
    ),
    (
        "straight-slopes",
        "my_leaky_relu_slope",
        lambda x: torch.where(x > 0, 1.0, 0.1 * x),
        "value-left",
    ),
    (
        "exponential-slopes",
        "my_elu_slope",
        lambda x: torch.where(x > 0, 1.0, torch.exp(x) - 1),
        "value-left",
    ),
    ("exponential-slopes", "my_elu_slope", lambda x: (x > 0) * 1.0, "zero-left"),
    (
        "exponential-slopes",
        "my_elu_slope",
        lambda x: torch.where(x > 0, x, torch.exp(x)),
        "value-right",
    ),
    (
        "exponential-slopes",
        "my_elu_slope",
        lambda x: torch.where(x > 0, 1.0, torch.exp(-x)),
        "sign-inside",
    ),
    ("exponential-slopes", "my_elu_slope", F.elu, "function-for-slope"),
    ("exponential-slopes", "my_elu_slope", torch.exp, "right-half"),
    (
        "exponential-slopes",
        "my_celu_slope",
        lambda x: torch.where(x > 0, 1.0, torch.exp(x) - 1),
        "value-left",
    ),
    (
        "exponential-slopes",
        "my_selu_slope",
        lambda x: torch.where(x > 0, 1.0, 1.6733 * torch.exp(x)),
        "no-scale",
    ),
    (
        "exponential-slopes",
        "my_selu_slope",
        lambda x: torch.where(x > 0, 1.0, 1.0507 * 1.6733 * torch.exp(x)),
        "scale-left-only",
    ),
    (
        "exponential-slopes",
        "my_selu_slope",
        lambda x: torch.where(x > 0, 1.0507, 1.6733 * torch.exp(x)),
        "scale-right-only",
    ),
    (
        "exponential-slopes",
        "my_selu_slope",
        lambda x: 1.0507 * torch.exp(x.clamp(max=0)),
        "no-alpha",
    ),
    ("exponential-slopes", "my_selu_slope", lambda x: torch.exp(x.clamp(max=0)), "elu-for-selu"),
    ("smooth-slopes", "my_gelu_slope", cdf, "first-term-only"),
    ("smooth-slopes", "my_gelu_slope", lambda x: x * density(x), "second-term-only"),
    ("smooth-slopes", "my_gelu_slope", density, "product-of-derivatives"),
    ("smooth-slopes", "my_gelu_slope", lambda x: cdf(x) - x * density(x), "sign-of-term"),
    ("smooth-slopes", "my_gelu_slope", F.gelu, "function-for-slope"),
    ("smooth-slopes", "my_tanhshrink_slope", lambda x: 1 - torch.tanh(x) ** 2, "slope-of-tanh"),
    (
        "smooth-slopes",
        "my_tanhshrink_slope",
        lambda x: 2 - torch.tanh(x) ** 2,
        "sum-for-difference",
    ),
    ("smooth-slopes", "my_tanhshrink_slope", torch.tanh, "no-square"),
    (
        "smooth-slopes",
        "my_tanhshrink_slope",
        lambda x: 1 - torch.tanh(x),
        "value-for-slope-of-tanh",
    ),
    ("smooth-slopes", "my_softplus_slope", lambda x: 1 / (1 + torch.exp(x)), "inner-derivative"),
    ("smooth-slopes", "my_softplus_slope", torch.exp, "inner-only"),
    ("smooth-slopes", "my_softplus_slope", lambda x: sigma(x) * sigma(-x), "slope-of-logistic"),
    ("smooth-slopes", "my_softplus_slope", lambda x: (x > 0) * 1.0, "step"),
    ("smooth-slopes", "my_softplus_slope", F.softplus, "function-for-slope"),
    ("saturation", "my_limit", math.log(99), "value-for-slope"),
    ("saturation", "my_limit", 4.6, "value-for-slope"),
    ("saturation", "my_limit", -4.58, "sign"),
    ("saturation", "my_limit", 2.06, "tenfold"),
    ("saturation", "my_limit", 6.91, "tenth"),
    ("saturation", "my_limit", 2.993, "tanh-for-logistic"),
    ("saturation", "my_limit", 0.99, "value-at-limit"),
    ("saturation", "my_limit", 4.605, "approximation"),
    ("saturation", "my_limit", 5, "value"),
    ("saturation", "my_limit", [-4.58, 4.58], "shape"),
    ("saturation", "my_limit", "about five", "unreadable"),
    ("dead", "my_dead_count", lambda z: (z <= 0).sum(), "entries"),
    ("dead", "my_dead_count", lambda z: (z <= 0).any(dim=0).sum(), "any-input"),
    ("dead", "my_dead_count", lambda z: (z <= 0).all(dim=1).sum(), "inputs-for-units"),
    ("dead", "my_dead_count", lambda z: (z > 0).any(dim=0).sum(), "alive"),
    ("dead", "my_dead_count", lambda z: (z < 0).all(dim=0).sum(), "zero-missed"),
    ("dead", "my_dead_count", lambda z: (z <= 0).all(dim=0), "mask"),
    ("dead", "my_dead_count", lambda z: (z <= 0).all(dim=0).float().mean(), "fraction"),
    ("dead", "my_dead_count", lambda z: (z.mean(dim=0) < 0).sum(), "mean-is-negative"),
    ("one-more", "my_silu", sigma, "factor-x-missing"),
    ("one-more", "my_silu", lambda x: x * torch.tanh(x), "tanh-for-logistic"),
    ("one-more", "my_silu", lambda x: x * cdf(x), "normal-for-logistic"),
    ("one-more", "my_silu", lambda x: x * sigma(-x), "sign-inside"),
    ("one-more", "my_silu", lambda x: sigma(x * x), "argument-of-logistic"),
    ("one-more", "my_silu", lambda x: x @ x @ x, "raised"),
    ("one-more", "my_silu_slope", sigma, "first-term-only"),
    ("one-more", "my_silu_slope", lambda x: x * sigma(x) * sigma(-x), "second-term-only"),
    ("one-more", "my_silu_slope", lambda x: sigma(x) * sigma(-x), "product-of-derivatives"),
    ("one-more", "my_silu_slope", lambda x: sigma(x) * (1 - x * sigma(-x)), "sign-of-term"),
    ("one-more", "my_silu_slope", F.silu, "function-for-slope"),
]


class TestCases(CasesOfLesson):
    module, right, wrong = activations, RIGHT, WRONG
