"""The checks of lesson 2 know right answers in many forms, and the classic mistakes by name."""

import math

import numpy as np
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
        result.backward()
        return [result.data, value.grad]

    return sigmoid_and_slope


def logistic(x):
    return 1 / (1 + math.exp(-x))


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

WRONG = [
    ("forward", "my_z2", ONE, "z-tilde-missing"),
    ("forward", "my_z2", 2 * ONE, "z-for-z-tilde"),
    ("forward", "my_z2", 0.75 * ONE, "one-product"),
    ("forward", "my_z2", 2.25 * ONE, "y-for-y-tilde"),
    ("forward", "my_z2", 0.25 * ONE, "product-for-sum"),
    ("forward", "my_z2", 1.25 * ONE.T, "transposed"),
    ("forward", "my_z2", 1.25, "shape"),
    ("forward", "my_y1", 1.25 * M, "z-tilde-missing"),
    ("forward", "my_y1", 1.5 * ONE, "M-missing"),
    ("forward", "my_y1", M + 1.5, "sum-for-product"),
    ("forward", "my_y1", 1.25 * M + 1, "z-for-z-tilde"),
    ("forward", "my_y1", M + 0.25, "z1-for-z2"),
    ("forward", "my_y1", 1.5 * M, "z-tilde-inside"),
    ("near-the-output", "my_grad_y1", 1, "one-number"),
    ("near-the-output", "my_grad_y1", ONE / 6, "mean-for-sum"),
    ("near-the-output", "my_grad_y1", Y1, "value-for-gradient"),
    ("near-the-output", "my_grad_y1", M, "too-far"),
    ("near-the-output", "my_grad_z2", ONE, "M-missing"),
    ("near-the-output", "my_grad_z2", M.T, "transposed"),
    ("near-the-output", "my_grad_z2", 1.25 * M, "own-value"),
    ("near-the-output", "my_grad_z1", M + 1, "other-path"),
    ("near-the-output", "my_grad_z1", M**2, "squared"),
    ("near-the-output", "my_grad_z1", -M, "sign"),
    ("near-the-output", "my_grad_z_tilde", M, "second-path"),
    ("near-the-output", "my_grad_z_tilde", ONE, "first-path"),
    ("near-the-output", "my_grad_z_tilde", (M + 1) / 4, "leaf-for-result"),
    ("near-the-output", "my_grad_z_tilde", 2 * M, "counted-twice"),
    ("near-the-output", "my_grad_z_tilde", 2 * ONE, "product-of-paths"),
    ("near-the-output", "my_grad_z_tilde", [[2, 1], [3, 2], [1, 3]], "value"),
    ("far-from-the-output", "my_grad_y_tilde", THREE_TWO / 2, "leaf-for-result"),
    ("far-from-the-output", "my_grad_y_tilde", THREE_TWO.T, "transposed"),
    ("far-from-the-output", "my_grad_y_tilde", 3 * torch.ones(2, 2), "M-missing"),
    ("far-from-the-output", "my_grad_y_tilde", THREE_TWO / 3, "mean-for-sum"),
    ("far-from-the-output", "my_grad_y_tilde", ONE.T @ (M + 1), "path-of-z"),
    ("far-from-the-output", "my_grad_x", ROWS, "y-for-y-tilde"),
    ("far-from-the-output", "my_grad_x", M / 2, "elementwise"),
    ("far-from-the-output", "my_grad_x", ONE, "M-missing"),
    ("far-from-the-output", "my_grad_x", ROWS.T / 2, "transposed"),
    ("far-from-the-output", "my_grad_x", ROWS / 2 + 1, "path-of-z"),
    ("far-from-the-output", "my_grad_x", ROWS / 2 + 0.5, "value"),
    ("far-from-the-output", "my_grad_y", THREE_TWO, "result-for-leaf"),
    ("far-from-the-output", "my_grad_y", THREE_TWO / 4, "factor-twice"),
    ("far-from-the-output", "my_grad_y", THREE_TWO * 2, "inverse-factor"),
    ("far-from-the-output", "my_grad_y", 1.5 * torch.ones(2, 2), "M-missing"),
    ("far-from-the-output", "my_grad_y", THREE_TWO.T / 2, "transposed"),
    ("far-from-the-output", "my_grad_z", M / 4, "second-path"),
    ("far-from-the-output", "my_grad_z", ONE / 4, "first-path"),
    ("far-from-the-output", "my_grad_z", M + 1, "result-for-leaf"),
    ("far-from-the-output", "my_grad_z", M / 4 + 1, "factor-on-one-path"),
    ("far-from-the-output", "my_grad_z", M + 0.25, "factor-on-other-path"),
    ("far-from-the-output", "my_grad_z", (M + 1) * 4, "inverse-factor"),
    ("far-from-the-output", "my_grad_z", (M + 1) / 2, "factor"),
    ("far-from-the-output", "my_grad_x_other_y", M @ OTHER_Y / 2, "not-transposed"),
    ("far-from-the-output", "my_grad_x_other_y", M @ OTHER_Y.T, "y-for-y-tilde"),
    ("far-from-the-output", "my_grad_x_other_y", [[0.5, 0], [2, 1.5], [1, 1]], "value"),
    ("far-from-the-output", "my_grad_x_other_y", ROWS / 2, "first-y"),
    ("one-entry", "growth_of_o", 1.5, "gradient-for-change"),
    ("one-entry", "growth_of_o", 0.005, "wrong-row"),
    ("one-entry", "growth_of_o", 0.02, "entry-of-M"),
    ("one-entry", "growth_of_o", 0.03, "y-for-y-tilde"),
    ("one-entry", "growth_of_o", 7.765, "new-value"),
    ("one-entry", "growth_of_o", 1.5 * 1.01, "times-new-entry"),
    ("one-entry", "growth_of_o", 0.01, "change-of-x"),
    ("one-entry", "growth_of_o", -0.015, "sign"),
    ("three-times", "y_grad_after_three", THREE_TWO / 2, "replaced"),
    ("three-times", "y_grad_after_three", THREE_TWO, "two-calls"),
    ("three-times", "y_grad_after_three", 3 * THREE_TWO, "grows-faster"),
    ("three-times", "y_grad_after_three", (THREE_TWO / 2) ** 3, "power"),
    ("three-times", "y_grad_after_three", THREE_TWO / 6, "mean"),
    ("three-times", "y_grad_after_three", torch.zeros(2, 2), "cleared"),
    ("three-times", "y_grad_after_three", 1.5 * THREE_TWO.T, "transposed"),
    ("third-path", "z_grad_three_paths", (M + 1) / 4, "two-paths"),
    ("third-path", "z_grad_three_paths", (M + 1.25) / 4, "one-use"),
    ("third-path", "z_grad_three_paths", M + 1.5, "result-for-leaf"),
    ("third-path", "z_grad_three_paths", (M + 3) / 4, "value-missing"),
    ("third-path", "z_grad_three_paths", 0.125 * ONE, "new-path-only"),
    ("third-path", "z_grad_three_paths", (M + 1 + 0.0625) / 4, "square-for-slope"),
    ("third-path", "z_grad_three_paths", 0.375 * ONE, "direct-path"),
    ("bias", "bias_gradient", lambda G: G.sum(1), "rows-for-columns"),
    ("bias", "bias_gradient", lambda G: G.mean(0), "mean-for-sum"),
    ("bias", "bias_gradient", lambda G: G, "not-summed"),
    ("bias", "bias_gradient", lambda G: G.sum(), "everything-summed"),
    ("bias", "bias_gradient", lambda G: G[0], "first-row"),
    ("bias", "bias_gradient", lambda G: G[-1], "last-row"),
    ("bias", "bias_gradient", lambda G: G.sum(0, keepdim=True), "one-dimension-more"),
    ("bias", "bias_gradient", lambda G: [len(G)] * G.shape[1], "counted"),
    ("bias", "bias_gradient", lambda G: G.T, "shape"),
    ("bias", "bias_gradient", lambda G: undefined, "raised"),  # noqa: F821
    ("engine", "sigmoid_and_slope", run(lambda v: Value(logistic(v.data))), "no-parents"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: 1.0), "slope-of-one"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: s), "value-for-slope"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: x * (1 - x)), "argument-for-value"),
    ("engine", "sigmoid_and_slope", noted(lambda x, s: 1 - s**2), "slope-of-tanh"),
    (
        "engine",
        "sigmoid_and_slope",
        run(lambda v: 0.5 * (-0.5 * v).tanh() + 0.5),
        "sign-of-exponent",
    ),
    ("engine", "sigmoid_and_slope", run(lambda v: 0.5 * v.tanh() + 0.5), "not-stretched"),
    ("engine", "sigmoid_and_slope", run(lambda v: v.tanh()), "tanh-for-logistic"),
    ("engine", "sigmoid_and_slope", run(lambda v: logistic(v.data)), "raised"),
    ("engine", "sigmoid_and_slope", lambda x: logistic(x), "shape"),
]


class TestCases(CasesOfLesson):
    module, right, wrong = autograd, RIGHT, WRONG


def test_a_sigmoid_that_is_not_written_yet_is_unanswered():
    assert autograd.engine.judge(run(lambda v: None)).verdict == "unanswered"
