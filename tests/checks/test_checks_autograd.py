"""The checks of lesson 2 know right answers in many forms, and the classic mistakes by name."""

import math

import numpy as np
import pytest
import torch
from checking import CasesOfLesson

from nnlab_course.autograd import Value
from nnlab_course.checks import autograd

M = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
ONE = torch.ones(3, 2)
THREE_TWO = torch.tensor([[3.0, 2.0], [3.0, 2.0]])
ROWS = torch.tensor([[1.0, 1.0], [3.0, 3.0], [1.0, 1.0]])
OTHER_Y = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
Y1 = [[1.5, 0.25], [2.75, 1.5], [0.25, 1.5]]
Z2 = [[1.25] * 2] * 3


def in_many_forms(*values):
    """One answer as lists, as arrays, in half precision, and as parts of a graph."""
    tensors = [torch.as_tensor(value) for value in values]
    return [
        tuple(tensor.tolist() for tensor in tensors),
        tuple(tensor.numpy() for tensor in tensors),
        tuple(tensor.half() for tensor in tensors),
        tuple(tensor.double().requires_grad_() for tensor in tensors),
        tuple(list(tensor) for tensor in tensors),
    ]


def run(sigmoid):
    """What the answer cell of exercise 2.8 makes of a student's `sigmoid`."""

    def sigmoid_and_slope(x):
        value = Value(x)
        result = sigmoid(value)
        if result is None:
            return None
        if not isinstance(result, Value):
            return result
        result.backward()
        return [result.data, value.grad]

    return sigmoid_and_slope


def run_of_old(sigmoid):
    """The same in notebooks that were handed out before the cell looked at the result."""

    def sigmoid_and_slope(x):
        value = Value(x)
        result = sigmoid(value)
        result.backward()
        return [result.data, value.grad]

    return sigmoid_and_slope


def logistic(x):
    return 1 / (1 + math.exp(-x))


def by_half(v):
    """The logistic with one factor computed from `.data`, which cuts the graph."""
    return v.exp() * (1 / (1 + math.exp(v.data)))


def noted(slope):
    """A `sigmoid` with the right value, and a slope that is a function of x and of the value."""
    return run(lambda v: Value(logistic(v.data), ((v, slope(v.data, logistic(v.data))),)))


RIGHT = {
    "forward": [*in_many_forms(Z2, Y1), (Z2, M * 1.25 + 0.25)],
    "near-the-output": in_many_forms(ONE, M, M, M + 1),
    "far-from-the-output": in_many_forms(
        THREE_TWO, ROWS / 2, THREE_TWO / 2, (M + 1) / 4, [[0.5, 0], [2, 1.5], [1, 1.5]]
    ),
    "one-entry": [
        (0.015,),
        (1.5 * 0.01,),
        (torch.tensor(0.015),),
        ([0.015],),
        (np.float32(0.015),),
    ],
    "three-times": in_many_forms(1.5 * THREE_TWO),
    "third-path": [*in_many_forms((M + 1.5) / 4), (M / 4 + 0.375,)],
    "bias": [
        (lambda G: G.sum(dim=0),),
        (lambda G: np.asarray(G).sum(axis=0),),
        (lambda G: np.sum(G, axis=0),),
        (lambda G: torch.ones(len(G)) @ G,),
        (lambda G: torch.einsum("nm->m", G),),
        (lambda G: [sum(column) for column in zip(*G.tolist(), strict=True)],),
        (lambda G: G.mean(0) * len(G),),
    ],
    "engine": [
        (noted(lambda x, s: s * (1 - s)),),
        (noted(lambda x, s: s - s**2),),
        (run(lambda v: 0.5 * (0.5 * v).tanh() + 0.5),),
        (run(lambda v: 1 / (1 + (-v).exp())),),
        (run(lambda v: (1 + (-v).exp()) ** -1),),
        (lambda x: (logistic(x), logistic(x) * logistic(-x)),),
        (lambda x: torch.tensor([logistic(x), logistic(x) * logistic(-x)]),),
    ],
}

# As students come to them; test_checks.py gives each check the mistakes themselves.
WRONG = [
    ("forward", "my_z2", torch.mm(ONE, 0.5 * torch.ones(2, 2)), "z-tilde-missing"),
    ("forward", "my_z2", [[1 * 0.5 + 0.25] * 2] * 3, "one-product"),
    ("forward", "my_z2", 1.25 * ONE.T, "transposed"),
    ("forward", "my_z2", 1.25, "shape"),
    ("forward", "my_y1", torch.tensor(Z2) + 0.25, "M-missing"),
    ("forward", "my_y1", M + torch.tensor(Z2) + 0.25, "sum-for-product"),
    ("forward", "my_y1", M * 1.5, "z-tilde-inside"),
    ("near-the-output", "my_grad_y1", 1, "one-number"),
    ("near-the-output", "my_grad_y1", Y1, "value-for-gradient"),
    ("near-the-output", "my_grad_z2", M.T, "transposed"),
    ("near-the-output", "my_grad_z2", M * torch.tensor(Z2), "own-value"),
    ("near-the-output", "my_grad_z1", -M, "sign"),
    ("near-the-output", "my_grad_z_tilde", M, "second-path"),
    ("near-the-output", "my_grad_z_tilde", ONE + ONE, "M-missing"),
    ("near-the-output", "my_grad_z_tilde", [[2, 1], [3, 2], [1, 3]], "value"),
    ("far-from-the-output", "my_grad_y_tilde", THREE_TWO.T, "transposed"),
    ("far-from-the-output", "my_grad_y_tilde", ONE.T @ ONE, "M-missing"),
    ("far-from-the-output", "my_grad_x", M @ torch.ones(2, 2), "y-for-y-tilde"),
    ("far-from-the-output", "my_grad_x", M * 0.5, "elementwise"),
    ("far-from-the-output", "my_grad_x", ROWS.T / 2, "transposed"),
    ("far-from-the-output", "my_grad_x", ROWS / 2 + 0.5, "value"),
    ("far-from-the-output", "my_grad_y", ONE.T @ M, "result-for-leaf"),
    ("far-from-the-output", "my_grad_y", ONE.T @ M / 0.5, "inverse-factor"),
    ("far-from-the-output", "my_grad_z", M / 4 + 1, "factor-on-one-path"),
    ("far-from-the-output", "my_grad_z", (M + 1) / 2, "factor"),
    ("far-from-the-output", "my_grad_x_other_y", M @ OTHER_Y / 2, "not-transposed"),
    ("far-from-the-output", "my_grad_x_other_y", M @ OTHER_Y.T, "y-for-y-tilde"),
    ("far-from-the-output", "my_grad_x_other_y", [[0.5, 0], [2, 1.5], [1, 1]], "value"),
    ("one-entry", "growth_of_o", (1.01 - 1) * 2, "entry-of-M"),
    ("one-entry", "growth_of_o", 7.75 + 0.015, "new-value"),
    ("one-entry", "growth_of_o", 1.5 * 1.01, "times-new-entry"),
    ("one-entry", "growth_of_o", 0.15, "power-of-ten"),
    ("one-entry", "growth_of_o", -0.015, "sign"),
    ("one-entry", "growth_of_o", (0, 15), "shape"),
    ("three-times", "y_grad_after_three", THREE_TWO / 2, "replaced"),
    (
        "three-times",
        "y_grad_after_three",
        sum(n * THREE_TWO / 2 for n in (1, 2, 3)),
        "grows-faster",
    ),
    ("three-times", "y_grad_after_three", (THREE_TWO / 2) ** 3, "power"),
    ("three-times", "y_grad_after_three", 0 * THREE_TWO, "cleared"),
    ("three-times", "y_grad_after_three", 1.5 * THREE_TWO.T, "transposed"),
    ("third-path", "z_grad_three_paths", (M + 1) / 4 + 0.5, "value-missing"),
    ("third-path", "z_grad_three_paths", (M + 1 + 2) / 4, "value-missing"),
    ("third-path", "z_grad_three_paths", (M + 1 + 0.25) / 4, "one-use"),
    ("third-path", "z_grad_three_paths", 0.25 * (M + 1 + 0.25**2), "square-for-slope"),
    ("third-path", "z_grad_three_paths", (M + 1.5).T / 4, "transposed"),
    ("bias", "bias_gradient", lambda G: G @ torch.ones(G.shape[1]), "rows-for-columns"),
    ("bias", "bias_gradient", lambda G: G.sum(0) / len(G), "mean-for-sum"),
    ("bias", "bias_gradient", lambda G: np.sum(G.numpy()), "everything-summed"),
    ("bias", "bias_gradient", lambda G: G.sum(0, keepdim=True), "one-dimension-more"),
    ("bias", "bias_gradient", lambda G: [len(G)] * G.shape[1], "counted"),
    ("bias", "bias_gradient", lambda G: G.T, "shape"),
    ("bias", "bias_gradient", lambda G: undefined, "raised"),  # noqa: F821
    ("engine", "sigmoid_and_slope", run(lambda v: Value(logistic(v.data))), "no-parents"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: s), "value-for-slope"),
    ("engine", "sigmoid_and_slope", run(by_half), "value-for-slope"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: s - 1), "value"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: 1 - s), "one-factor"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: s * (s - 1)), "sign-of-slope"),
    ("engine", "sigmoid_and_slope", run(lambda v: 1 / (1 + v.exp())), "sign-of-exponent"),
    ("engine", "sigmoid_and_slope", run(lambda v: 0.5 * v.tanh() + 0.5), "not-stretched"),
    ("engine", "sigmoid_and_slope", run(lambda v: logistic(v.data)), "no-value"),
    ("engine", "sigmoid_and_slope", run_of_old(lambda v: logistic(v.data)), "no-value"),
    ("engine", "sigmoid_and_slope", run(lambda v: Value(logistic(v.data), (v, 0.1))), "no-pair"),
]


class TestCases(CasesOfLesson):
    module, right, wrong = autograd, RIGHT, WRONG


def test_a_sigmoid_that_is_not_written_yet_is_unanswered():
    assert autograd.engine.judge(run(lambda v: None)).verdict == "unanswered"


@pytest.mark.parametrize(
    ("sigmoid", "words"),
    [
        (by_half, "or computed a factor from `value.data`, which cuts the graph"),
        (lambda v: logistic(v.data), "`sigmoid` returns a plain number; return a `Value`"),
        (lambda v: Value(logistic(v.data), (v, 0.1)), "`Value(s, ((value, slope),))`"),
    ],
)
def test_what_the_engine_makes_of_a_slip_is_explained(sigmoid, words):
    assert words in autograd.engine.judge(run(sigmoid)).message


def test_the_wrong_rule_for_the_matrix_product_is_refused_though_one_matrix_hides_it():
    """ỹ is symmetric in the lesson's graph, so that M ỹ is right there by accident."""
    answers = [THREE_TWO, M @ torch.full((2, 2), 0.5), THREE_TWO / 2, (M + 1) / 4, M @ OTHER_Y / 2]
    result = autograd.far_from_the_output.judge(*answers)
    assert (result.points, result.mistake) == (0.8, "not-transposed")
