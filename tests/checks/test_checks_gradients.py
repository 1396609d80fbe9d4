"""The checks of lesson 3 know right answers in many forms, and the classic mistakes by name."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from checking import CasesOfLesson
from torch import nn

from nnlab_course.checks import gradients
from nnlab_course.gradients import mlp


def sigma(x):
    return 1 / (1 + math.exp(-x))


def slope(x):
    return sigma(x) * (1 - sigma(x))


X, W1, W2, W3 = 2.0, 0.5, -1.0, 2.0
A1 = W1 * X
Z1 = sigma(A1)
A2 = W2 * Z1
Z2 = sigma(A2)
A3 = W3 * Z2
Y = sigma(A3)
FACTORS = [slope(A3), W3, slope(A2), W2, slope(A1), X]
GRADIENT = math.prod(FACTORS)


class Deep(nn.Module):
    """Thirty layers written out by a student."""

    def __init__(self):
        super().__init__()
        widths = [2] + [32] * 29 + [2]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)


class Shallow(Deep):
    def __init__(self):
        super().__init__()
        self.layers = self.layers[-2:]


def silenced():
    """A network whose first layer gets no gradient at all."""
    net = mlp(30, init="xavier")
    net[1] = nn.Sequential(nn.Tanh(), nn.Hardtanh(5, 6))
    return net


RIGHT = {
    "by-hand": [
        (FACTORS, GRADIENT),
        ([round(f, 3) for f in FACTORS], round(GRADIENT, 4)),
        (tuple(FACTORS), [GRADIENT]),
        (np.array(FACTORS), np.float32(GRADIENT)),
        (torch.tensor(FACTORS).half(), torch.tensor(GRADIENT, requires_grad=True)),
    ],
    "depth": [(19,), (19.0,), (torch.tensor(19),), (np.int64(19),), ([19],)],
    "culprit": [(4,), (4.0,), (torch.tensor([4]),), (np.uint8(4),)],
    "vanish": [
        ([0.5] * 12,),
        (torch.full((12,), -0.5),),
        (np.array([2.0] + [0.5] * 9),),
        ((2.0, *[1.0] * 10, 0.5),),
    ],
    "explode": [
        ([-1, -20, -20, -20, -20],),
        (torch.tensor([-0.9, -18.0, -20.0, -20.0, -20.0]),),
        (np.array([-1.0, -20.0, -20.0, -20.0, 20.0]),),
    ],
    "thirty": [
        (lambda: mlp(30, init="xavier"),),
        (Deep,),
        (Deep(),),
        (lambda: mlp(32, 64, init="xavier"),),
        (lambda: mlp(30, activation=nn.ReLU, init="kaiming"),),
        (lambda: mlp(30, norm=nn.LayerNorm, skip=True),),
    ],
}

WRONG = [
    ("by-hand", "my_factors", FACTORS[::-1], "reversed"),
    ("by-hand", "my_factors", [Y, W3, Z2, W2, Z1, X], "value-for-slope"),
    (
        "by-hand",
        "my_factors",
        [slope(Y), W3, slope(Z2), W2, slope(Z1), X],
        "slope-at-activation",
    ),
    ("by-hand", "my_factors", [slope(A3), W2, slope(A2), W1, slope(A1), X], "weights-shifted"),
    ("by-hand", "my_factors", [slope(A3), W3, slope(A2), W2, slope(A1), W1], "w1-for-x"),
    ("by-hand", "my_factors", [0.25, W3, 0.25, W2, 0.25, X], "bound-for-slope"),
    ("by-hand", "my_factors", [slope(A3), W3, slope(A2), -W2, slope(A1), X], "sign-of-weight"),
    ("by-hand", "my_factors", FACTORS[:5], "shape"),
    ("by-hand", "my_factors", [*FACTORS[1:], FACTORS[0]], "order"),
    ("by-hand", "my_gradient", math.prod(FACTORS[1:]), "partial-product"),
    ("by-hand", "my_gradient", math.prod(FACTORS[2:]), "partial-product"),
    ("by-hand", "my_gradient", math.prod(FACTORS[3:]), "partial-product"),
    ("by-hand", "my_gradient", math.prod(FACTORS[4:]), "partial-product"),
    ("by-hand", "my_gradient", math.prod(FACTORS[::2]), "weights-missing"),
    ("by-hand", "my_gradient", math.prod(FACTORS[1::2]), "slopes-missing"),
    ("by-hand", "my_gradient", Y * W3 * Z2 * W2 * Z1 * X, "value-for-slope"),
    ("by-hand", "my_gradient", sum(FACTORS), "sum-for-product"),
    ("by-hand", "my_gradient", slope(A3) * W3 * slope(A2) * Z1, "other-weight"),
    ("by-hand", "my_gradient", slope(A3) * Z2, "other-weight"),
    ("by-hand", "my_gradient", 0.25**3 * W3 * W2 * X, "bound-for-slope"),
    ("by-hand", "my_gradient", -GRADIENT, "sign"),
    ("depth", "my_depth", 20, "one-weight-too-many"),
    ("depth", "my_depth", 10, "weights-missing"),
    ("depth", "my_depth", 21, "one-slope-too-few"),
    ("depth", "my_depth", 11, "weights-and-slope-missing"),
    ("depth", "my_depth", 18, "not-yet-below"),
    ("depth", "my_depth", 18.93, "not-whole"),
    ("depth", "my_depth", 5, "value"),
    ("culprit", "my_culprit", 1, "two-negatives"),
    ("culprit", "my_culprit", 2, "positive"),
    ("culprit", "my_culprit", 3, "positive"),
    ("culprit", "my_culprit", 5, "logistic-output"),
    ("culprit", "my_culprit", -1, "value-for-number"),
    ("culprit", "my_culprit", 0, "counted-from-zero"),
    ("culprit", "my_culprit", "w4", "unreadable"),
    ("vanish", "my_small_weights", [0.5] * 5, "too-shallow"),
    ("vanish", "my_small_weights", [-2.0] * 12, "weights-too-large"),
    ("vanish", "my_small_weights", [0.5] * 13, "too-many-weights"),
    ("vanish", "my_small_weights", [0.5] * 9 + [0.1], "weight-out-of-range"),
    ("vanish", "my_small_weights", [0.0] * 5, "weight-out-of-range"),
    ("vanish", "my_small_weights", [0.5] * 9 + [math.nan], "weight-out-of-range"),
    ("vanish", "my_small_weights", 0.5, "not-a-list"),
    ("vanish", "my_small_weights", [[0.5] * 12], "not-a-list"),
    ("vanish", "my_small_weights", [], "not-a-list"),
    ("vanish", "my_small_weights", "small", "unreadable"),
    ("explode", "my_large_weights", [20.0] * 5, "saturated"),
    ("explode", "my_large_weights", [1.0] * 5, "weights-too-small"),
    ("explode", "my_large_weights", [0.0] * 5, "weights-too-small"),
    ("explode", "my_large_weights", [-0.5, 5, 5, 5, 5], "positive-pre-activation"),
    ("explode", "my_large_weights", [-0.5, -5, -5, -5, -5], "too-small"),
    ("explode", "my_large_weights", [-1, -50, -50, -50, -50], "weight-out-of-range"),
    ("explode", "my_large_weights", [-1, -20, -20, -20, -20, -20], "too-many-weights"),
    ("explode", "my_large_weights", [-1], "too-small"),
    ("thirty", "my_network", lambda: mlp(30), "vanishes"),
    ("thirty", "my_network", lambda: mlp(30, activation=nn.Sigmoid), "vanishes"),
    (
        "thirty",
        "my_network",
        lambda: mlp(30, activation=nn.ReLU, norm=nn.BatchNorm1d),
        "explodes",
    ),
    ("thirty", "my_network", lambda: mlp(3, init="xavier"), "too-few-layers"),
    ("thirty", "my_network", Shallow, "too-few-layers"),
    ("thirty", "my_network", lambda: mlp(30, out_features=3), "shape"),
    ("thirty", "my_network", lambda: mlp(30, in_features=3), "raised"),
    ("thirty", "my_network", lambda: "a network", "not-a-network"),
    ("thirty", "my_network", silenced, "vanishes"),
    ("thirty", "my_network", lambda generator: mlp(30, generator=generator), "raised"),
]


class TestCases(CasesOfLesson):
    module, right, wrong = gradients, RIGHT, WRONG


@pytest.fixture(autouse=True)
def one_thread():
    """On a busy machine, threads that wait for one another take longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("network", [lambda: None, lambda: ...])
def test_a_network_that_is_not_written_yet_is_unanswered(network):
    assert gradients.thirty.judge(network).verdict == "unanswered"
