"""A student's function is called on copies, watched, and what it raises is explained."""

import math
import re

import numpy as np
import pytest
import torch
from sample_exercise import X
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.activations import dead_units
from nnlab_course.exercises import (
    AnswerError,
    as_tensor,
    call,
)


def test_a_function_that_changes_its_argument_is_refused_where_that_is_forbidden():
    def change(x):
        x += 1
        return x

    assert call(change, torch.zeros(2)).tolist() == [1, 1]
    with pytest.raises(AnswerError, match="your function changes the tensor that it is given") as e:
        call(change, torch.zeros(2), forbidden=("in-place",))
    assert e.value.mistake == "in-place"
    assert call(lambda x: x + 1, torch.zeros(2), forbidden=("in-place",)).tolist() == [1, 1]


# What a notebook shows as a warning is no error there.
pytestmark = pytest.mark.filterwarnings("ignore")


def by_backward(x):
    x = x.requires_grad_()
    torch.tanh(x).sum().backward()
    return x.grad


def catches(x):
    try:
        return torch.sigmoid(x)
    except Exception:
        return x


class Scaled(nn.Module):
    def forward(self, x):
        return nn.Sigmoid()(x)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("sigmoid", torch.sigmoid),
        ("sigmoid", Tensor.sigmoid),
        ("sigmoid", lambda x: x.sigmoid_()),
        ("sigmoid", F.sigmoid),
        ("sigmoid", nn.Sigmoid()),
        ("sigmoid", Scaled()),
        ("sigmoid", lambda x: torch.stack(list(map(torch.sigmoid, x)))),
        ("sigmoid", torch.ops.aten.sigmoid),
        ("sigmoid", catches),
        ("expit", torch.special.expit),
        ("cross_entropy", lambda x: F.cross_entropy(x[None], torch.tensor([0]))),
        ("cross_entropy", lambda x: nn.CrossEntropyLoss()(x[None], torch.tensor([0]))),
        ("conv2d", lambda x: nn.Conv2d(1, 1, 1)(x[None, None])),
        ("batch_norm", lambda x: nn.BatchNorm1d(1)(x[:, None])),
        ("autograd", by_backward),
        ("autograd", lambda x: torch.autograd.grad(x.requires_grad_().sum(), x)[0]),
        ("autograd", torch.func.vmap(torch.func.grad(torch.tanh))),
        ("autograd", lambda x: torch.autograd.functional.jacobian(torch.tanh, x)),
        ("autograd", lambda x: torch.func.jvp(torch.tanh, (x,), (x,))[1]),
        ("lesson.dead_units", lambda x: dead_units(F.relu, x[None])),
    ],
)
def test_what_is_forbidden_is_refused_however_it_is_reached(name, function):
    call(function, X)
    used = "autograd" if name == "autograd" else f"`{name.removeprefix('lesson.')}`"
    with pytest.raises(AnswerError, match=f"your code uses {used}, which this task") as refused:
        call(function, X, forbidden=("other", name))
    assert refused.value.mistake == "forbidden"


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


@pytest.mark.parametrize("function", [sigmoid, lambda x: 1 - sigmoid(-x), F.silu, np.tanh])
def test_a_formula_and_a_helper_of_this_name_are_allowed(function):
    names = ("sigmoid", "tanh", "autograd", "lesson.dead_units")
    assert torch.equal(as_tensor(call(function, X)), as_tensor(call(function, X, forbidden=names)))


def test_inputs_of_the_lesson_stay_as_they_are():
    before = X.clone()
    call(lambda x, rows: (x.zero_(), rows.clear(), 1)[-1], X, [X])
    assert torch.equal(X, before)


def update_a_leaf(x):
    w = torch.ones(3, requires_grad=True)
    w.sum().backward()
    w -= 0.1 * w.grad


def gradient_after_view(x):
    w = torch.ones(2, 2, requires_grad=True).view(-1)
    w.sum().backward()
    return 0.1 * w.grad


def twice_backward(x):
    loss = torch.ones(3, requires_grad=True).exp().sum()
    loss.backward()
    loss.backward()


ROW = torch.linspace(-1, 1, 12).reshape(4, 3)


@pytest.mark.parametrize(
    ("function", "slug", "message"),
    [
        (lambda x: torch.max(x, 0), "values-and-indices", "the second argument of `max` is `dim`"),
        (lambda x: torch.where(x > 0 & x < 6, x, 0), "brackets", "put brackets round each compar"),
        (lambda x: torch.where((x > 0) & x < 6, x, 0), "brackets", "put brackets round each comp"),
        (lambda x: torch.from_numpy(x.numpy()[::-1]), "negative-strides", r"`x.flip\(0\)`"),
        (update_a_leaf, "in-place-on-leaf", r"update it inside `with torch.no_grad\(\):`"),
        (gradient_after_view, "none", r"`\.grad` of a tensor that isn't a leaf"),
        (twice_backward, "second-backward", "compute the result again before you call it again"),
        (lambda x: x.sum().backward(), "no-graph", "`backward` finds no graph"),
        (lambda x: np.sum(x, axis=0), "numpy-on-tensor", "a function of numpy was given a tensor"),
        (lambda x: x.requires_grad_().numpy(), "numpy-on-graph", r"`x.detach\(\).numpy\(\)`"),
        (lambda x: x.double() @ x.T, "dtype", "such as float32 and float64"),
        (lambda x: nn.Linear(3, 2)(x.double()), "dtype", "such as float32 and float64"),
        (lambda x: F.cross_entropy(x, torch.ones(4)), "labels-not-whole", r"call `\.long\(\)`"),
        (lambda x: x @ x, "matrix-sizes", r"\(4x3 and 4x3\); in a product of matrices"),
        (lambda x: x + torch.ones(7), "sizes-differ", "print their shapes"),
        (lambda x: torch.cat([x, x.T]), "sizes-differ", "print their shapes"),
        (lambda x: x[9], "index-out-of-range", "of n entries the last has the index n − 1"),
        (lambda x: x[0, 0, 0], "too-many-indices", "more indices are given than the tensor has"),
        (lambda x: x.sum(5), "no-such-dimension", "dimensions count from 0"),
        (lambda x: x.view(5, 5), "reshape", "the number of entries must stay the same"),
        (lambda x: x.T.view(-1), "view", "use `reshape` for `view`"),
        (lambda x: nn.Conv2d(1, 2, 3)(x), "layer-input", "print the shape"),
        (lambda x: undefined, "name", "name 'undefined' is not defined; a name is used"),  # noqa: F821
        (lambda x: 1 / 0, "zero-division", "something is divided by 0"),
        (lambda x: math.log(-1), "domain", "a root or logarithm was taken of a negative number"),
        (lambda x: int("a"), "raised", "your code raised ValueError: invalid literal"),
    ],
)
def test_what_a_function_raises_is_explained(function, slug, message):
    with pytest.raises(AnswerError, match=message) as refused:
        call(function, ROW)
    assert refused.value.mistake == slug
    assert not re.search(r"_cpu|aten|Variable|\n", str(refused.value))
