"""The checks of lesson 3 know right answers in many forms, and the classic mistakes by name."""

import math
import re
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from checking import CasesOfLesson
from torch import nn
from torch.nn import functional as F

from nnlab_course.checks import gradients
from nnlab_course.gradients import init_weights_, mlp, watch_gradients


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


class Lazy(nn.Sequential):
    """Layers that learn from the first inputs how many there are, with skip connections."""

    def __init__(self):
        super().__init__(*(nn.LazyLinear(32) for _ in range(29)), nn.LazyLinear(2))

    def forward(self, x):
        first, *middle, last = self
        h = torch.tanh(first(x))
        for layer in middle:
            h = h + torch.tanh(layer(h))
        return last(h)


class Shallow(Deep):
    def __init__(self):
        super().__init__()
        self.layers = self.layers[-2:]


class Alternating(Deep):
    """Its layers are used, as `use` says."""

    def __init__(self, use):
        super().__init__()
        self.use = use

    def forward(self, x):
        first, *middle, last = self.layers
        return last(self.use(torch.tanh(first(x)), middle))


def skip_them(h, layers):
    return torch.tanh(layers[0](h))


def side_by_side(h, layers):
    return sum(torch.tanh(layer(h)) for layer in layers)


def two_in_a_row(h, layers):
    for number, layer in enumerate(layers):
        h = layer(h) if number == 14 else torch.tanh(layer(h))
    return h


def hardly(h, layers):
    for layer in layers:
        h = torch.tanh(h + 1e-9 * layer(h))
    return h


def multiplied_by_zero(h, layers):
    return sum((0 * layer(h) for layer in layers[1:]), torch.tanh(layers[0](h)))


class PassedOn(torch.autograd.Function):
    """The logistic, with a gradient that is not its own."""

    @staticmethod
    def forward(ctx, z):
        return torch.sigmoid(z)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class FalseSlope(nn.Module):
    def forward(self, z):
        return PassedOn.apply(z)


def scaled_relu(gain):
    return init_weights_(mlp(30, activation=nn.ReLU), "kaiming", gain=gain)


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
        ([10.0] * 3,),
        ([-10, 10, 10, 10],),
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
        (Lazy,),
        (lambda: mlp(30, 128, activation=nn.ReLU, init="kaiming"),),
        (lambda: mlp(30, activation=nn.ReLU, init="kaiming"),),
        (lambda: mlp(30, activation=lambda: nn.ReLU(inplace=True), init="kaiming"),),
        (lambda: mlp(30, activation=nn.ELU, init="kaiming"),),
        (lambda: mlp(30, activation=nn.ReLU, norm=nn.BatchNorm1d, skip=True),),
        (lambda: mlp(30, activation=nn.ReLU, norm=nn.LayerNorm, skip=True),),
        (lambda: mlp(30, norm=nn.LayerNorm),),
        (lambda: mlp(30, norm=nn.LayerNorm, skip=True),),
        (lambda: mlp(30, activation=nn.Tanh, skip=True),),
        (lambda: mlp(30, activation=nn.Sigmoid, skip=True),),
        (lambda: mlp(30, activation=nn.Sigmoid, norm=nn.LayerNorm, skip=True),),
        (lambda: mlp(30, activation=nn.Hardsigmoid, norm=nn.LayerNorm, skip=True),),
        (
            lambda: mlp(
                30, activation=lambda: nn.Sequential(nn.Tanh(), nn.Dropout(0.1)), init="xavier"
            ),
        ),
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
    ("vanish", "my_small_weights", [-2.0] * 12, "factors-too-large"),
    ("vanish", "my_small_weights", [2.0] * 12, "factors-too-large"),
    ("vanish", "my_small_weights", [1.0] * 11, "too-shallow"),
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
    ("explode", "my_large_weights", [-1, -20, 0, -20, -20], "zero-weight"),
    ("explode", "my_large_weights", [-0.5, 5, 5, 5, 5], "positive-pre-activation"),
    ("explode", "my_large_weights", [-0.5, -5, -5, -5, -5], "layer-shrinks"),
    ("explode", "my_large_weights", [-1, -20], "too-shallow"),
    ("explode", "my_large_weights", [-1, -50, -50, -50, -50], "weight-out-of-range"),
    ("explode", "my_large_weights", [-1, -20, -20, -20, -20, -20], "too-many-weights"),
    ("explode", "my_large_weights", [-1], "too-shallow"),
    ("thirty", "my_network", lambda: mlp(30), "vanishes"),
    ("thirty", "my_network", lambda: mlp(30, activation=nn.Sigmoid), "vanishes"),
    ("thirty", "my_network", lambda: mlp(30, activation=nn.ReLU, init="xavier"), "vanishes"),
    *(
        ("thirty", "my_network", partial(mlp, 30, **options), mistake)
        for options, mistake in (
            ({"activation": nn.ReLU, "norm": nn.BatchNorm1d}, "explodes"),
            ({"activation": nn.ReLU, "init": "kaiming", "skip": True}, "explodes"),
            ({"activation": nn.Identity, "init": "xavier"}, "linear"),
            ({"activation": nn.Identity, "norm": nn.BatchNorm1d}, "linear"),
            ({"activation": nn.Identity, "skip": True}, "linear"),
            ({"activation": lambda: nn.Hardtanh(-100, 100), "init": "xavier"}, "linear"),
            ({"activation": lambda: nn.PReLU(init=1.0), "init": "xavier"}, "linear"),
            ({"activation": nn.Identity, "norm": nn.LayerNorm}, "no-activation"),
            ({"activation": nn.Identity, "norm": nn.LayerNorm, "skip": True}, "no-activation"),
            ({"activation": nn.Identity, "norm": partial(nn.GroupNorm, 4)}, "no-activation"),
            ({"activation": lambda: nn.Dropout(0.1), "init": "xavier"}, "no-activation"),
            ({"activation": FalseSlope, "init": "xavier"}, "other-gradients"),
            ({"width": 200, "init": "xavier"}, "too-wide"),
            ({"out_features": 3}, "shape"),
            ({"in_features": 3}, "raised"),
        )
    ),
    ("thirty", "my_network", lambda: scaled_relu(3.0), "explodes"),
    ("thirty", "my_network", lambda: scaled_relu(1e20), "not-finite"),
    ("thirty", "my_network", lambda: scaled_relu(0.0), "zero"),
    ("thirty", "my_network", lambda: mlp(3, init="xavier"), "too-few-layers"),
    ("thirty", "my_network", lambda: mlp(29, init="xavier"), "too-few-layers"),
    ("thirty", "my_network", lambda: mlp(31, init="xavier"), "too-many-layers"),
    ("thirty", "my_network", Shallow, "too-few-layers"),
    ("thirty", "my_network", lambda: Alternating(skip_them), "unused-layers"),
    ("thirty", "my_network", lambda: Alternating(side_by_side), "side-by-side"),
    ("thirty", "my_network", lambda: Alternating(two_in_a_row), "linear"),
    ("thirty", "my_network", lambda: Alternating(multiplied_by_zero), "side-by-side"),
    ("thirty", "my_network", lambda: Alternating(hardly), "hardly-used"),
    ("thirty", "my_network", lambda: "a network", "not-a-network"),
    ("thirty", "my_network", silenced, "constant"),
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


@pytest.mark.slow
def test_the_cures_of_the_lesson_pass_at_any_seed():
    for seed in range(3):
        judge = gradients.thirty.redrawn(seed)
        for options in (
            {"init": "xavier"},
            {"skip": True},
            {"activation": nn.ReLU, "norm": nn.BatchNorm1d, "skip": True},
        ):
            assert judge.judge(partial(mlp, 30, **options)), (seed, options)


@pytest.mark.parametrize("network", [lambda: mlp(30), lambda: mlp(30, init="xavier", width=8)])
def test_gradients_that_autograd_makes_up_are_found_out(monkeypatch, network):
    def all_ones(outputs, inputs, **options):
        return [torch.ones_like(tensor) for tensor in inputs]

    monkeypatch.setattr(torch.autograd, "grad", all_ones)
    assert gradients.thirty.judge(network).mistake == "other-gradients"


def test_the_check_measures_what_the_instrument_measures():
    result = gradients.thirty.judge(lambda: mlp(30, init="xavier"))
    told = [float(number) for number in re.findall(r"\d\.\de[-+]\d+", result.message)]
    inputs = torch.randn(64, 2, generator=torch.Generator().manual_seed(5))
    labels = (inputs.norm(dim=1) > 1.2).long()
    for seed, ratio in enumerate(told):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            net = mlp(30, init="xavier")
        with watch_gradients(net, nn.Linear) as stats:
            F.cross_entropy(net(inputs), labels).backward()
        norms = [layer.output_grad_norm for layer in stats.values()]
        assert norms[1] / norms[28] == pytest.approx(ratio, rel=0.3)


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [
        ("vanish", [1] * 12, "layer 12 has the largest factor, |w12 σ′(z11)| = 0.22"),
        ("vanish", [-1] * 12, "is not below 1e-8: layer"),
        ("explode", [-1, -20], "no layer after the first one shrinks it, so go deeper"),
        ("explode", [-0.5, -5, -5, -5, -5], "layer 3 shrinks it"),
        ("culprit", "w4", "a number is expected"),
    ],
)
def test_messages_are_true(exercise, answer, words):
    message = getattr(gradients, exercise).judge(answer).message
    assert words in message
