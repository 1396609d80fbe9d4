"""Judges of functions tell right from wrong, and draw fresh inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sample_exercise import X, exercise
from torch import nn
from torch.nn import functional as F

from nnlab_course.exercises import (
    AnswerError,
    Mistake,
    NotAnswered,
    SameFunction,
    call,
    compare,
)


def branches(x):
    return x if x > 0 else 0 * x


def by_math(x):
    import math

    return math.tanh(x)


def forgets(x):
    torch.tanh(x)


def in_place(x):
    return x.mul_(0)


def leaves(x):
    raise SystemExit(3)


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def silent(x):
    raise Silent


@pytest.mark.parametrize(
    ("function", "verdict", "mistake"),
    [
        (torch.tanh, "right", None),
        (lambda x: torch.sigmoid(2 * x) * 2 - 1, "right", None),
        (lambda x: np.tanh(x.numpy()), "right", None),
        (lambda x: [np.tanh(v) for v in x.tolist()], "right", None),
        (forgets, "unanswered", None),
        (lambda x: ..., "unanswered", None),
        (lambda x: [...], "unanswered", None),
        (torch.sigmoid, "wrong", "value"),
        (lambda x: -torch.tanh(x), "wrong", "sign"),
        (lambda x: torch.where(x < 0, 0, torch.tanh(x)), "wrong", "left-half"),
        (lambda x: torch.where(x > 0, 0, torch.tanh(x)), "wrong", "right-half"),
        (lambda x: 2 * torch.tanh(x), "wrong", "factor"),
        (torch.mean, "wrong", "reduced"),
        (branches, "wrong", "branch-on-tensor"),
        (by_math, "wrong", "math-on-tensor"),
        (lambda x: x.byte().mean(), "wrong", "bytes"),
        (lambda: 1, "wrong", "arguments-of-function"),
        (leaves, "wrong", "raised"),
        (silent, "wrong", "unreadable"),
        (3.0, "wrong", "not-a-function"),
        ("tanh", "wrong", "not-a-function"),
        (lambda x: "three", "wrong", "text"),
        (lambda x: x / 0, "wrong", "not-finite"),
        (in_place, "wrong", "zero"),
    ],
)
def test_functions(function, verdict, mistake):
    result = exercise(judges={"f": SameFunction(torch.tanh, ((X,),))}).judge(function)
    assert (result.verdict, result.mistake) == (verdict, mistake)
    assert X[0] == -3


def test_the_diagnosis_names_the_input_and_not_the_right_value():
    message = SameFunction(torch.tanh, ((X,),))(lambda x: torch.tanh(x) + (x > 2.9)).message
    assert message == "only x > 0 is wrong; the largest error is at x = 3, where yours gives 1.995"


def test_a_mistake_must_fit_in_every_case():
    known = Mistake("sum", "that is the sum", lambda x: x.sum())
    judge = SameFunction(lambda x: x.mean(), ((torch.tensor([2.0]),), (X + 1,)), (known,))
    assert judge(torch.mean)
    assert judge(torch.sum).mistake == "sum"
    assert judge(lambda x: x.mean() * len(x) ** 0.5).mistake == "value"


def test_a_stand_in_may_say_what_happened_elsewhere():
    def stand_in(x):
        raise AnswerError("took more than 5 s", "too-slow")

    result = exercise().judge(3, stand_in)
    assert (result.parts[1].message, result.parts[1].mistake) == ("took more than 5 s", "too-slow")
    with pytest.raises(NotAnswered):
        call(lambda: None)


def curve(x):
    return torch.exp(x) + x**2


@pytest.mark.parametrize(
    ("function", "slug", "message"),
    [
        (lambda x: curve(-x), "other-argument", "this would be correct for −x in place of x"),
        (lambda x: curve(2 * x), "other-argument", "this would be correct for 2x in place of x"),
        (lambda x: x * curve(x), "input-too-many", "a factor x is missing or too many"),
        (lambda x: curve(x) - x, "input-too-many", "a term x is missing or too many"),
        (lambda x: x, "input", "this is the input itself"),
        (
            lambda x: torch.where(x > -1.2, 2, curve(x)),
            "large-x",
            "correct up to x = -1.5, wrong above; "
            "the largest error is at x = 3, where yours gives 2",
        ),
        (
            lambda x: torch.where(x.abs() < 1, 7, curve(x)),
            "near-zero",
            "wrong for |x| up to 0.5 only; the largest error is at x = -0.5, where yours gives 7",
        ),
        (
            lambda x: torch.where(x.abs() > 1, 3, curve(x)),
            "far-from-zero",
            "correct for |x| up to 1 only; the largest error is at x = 3, where yours gives 3",
        ),
    ],
)
def test_what_a_function_has_to_do_with_its_input(function, slug, message):
    result = SameFunction(curve, ((X,),))(function)
    assert (result.mistake, result.message) == (slug, message)


def test_exchanged_arguments():
    judge = SameFunction(lambda a, b: a - 2 * b, ((X, X**2),))
    assert (
        judge(lambda a, b: b - 2 * a).message
        == "this would be correct for its two arguments exchanged"
    )


def test_a_mistake_has_several_answers():
    known = Mistake("power", "a power is missing", lambda x: x, lambda x: x**2)
    judge = SameFunction(lambda x: x**3, ((X,),), (known,))
    assert [judge(lambda x, n=n: x**n).mistake for n in (1, 2)] == ["power"] * 2
    assert compare(5, 7, [Mistake("prime", "another prime", 3, 5)]).message == "another prime"


MAPS = torch.linspace(-2, 2, 4 * 2 * 9, dtype=torch.float64).sin().reshape(4, 2, 3, 3)


@pytest.mark.parametrize(
    ("reference", "case", "answer"),
    [
        (
            lambda x: F.batch_norm(x, None, None, training=True),
            (MAPS,),
            lambda x: nn.BatchNorm2d(2)(x),
        ),
        (
            lambda a, b: a @ b.double(),
            (X.double(), torch.arange(13)),
            lambda a, b: torch.dot(a, b.float()),
        ),
        (lambda G: G.sum(0), (MAPS,), lambda G: np.sum(G, axis=0)),
        (lambda G: G.flip(0), (X,), lambda G: G.numpy()[::-1]),
    ],
    ids=["module of float32", "mixed dtypes", "numpy on a tensor", "negative strides"],
)
def test_a_function_may_want_its_inputs_in_another_form(reference, case, answer):
    assert SameFunction(reference, (case,))(answer)


def test_inputs_are_drawn_anew_from_a_seed():
    sample = exercise(judges={"f": SameFunction(torch.tanh, ((X, 3), (X[:4], 5)))})
    first, again, other = (sample.redrawn(seed).judges["f"].cases for seed in (1, 1, 2))
    assert str(first) == str(again) != str(other)
    assert sorted(len(x) for x, _ in first) == [4, 13]
    assert not any(torch.isin(x, X).all() for x, _ in first)
    assert sample.judges["f"].cases[0][0] is X


def test_integers_are_drawn_from_the_range_that_is_there():
    labels, image = torch.tensor([4, 0, 2, 2, 1, 3]), torch.arange(200, dtype=torch.uint8)
    judge = SameFunction(lambda *x: x[0], ((labels, image, True, "same", [2.0, 7]),))
    (case,) = judge.redrawn(torch.Generator().manual_seed(0)).cases
    assert case[0].dtype == torch.int64
    assert set(case[0].tolist()) <= set(range(5))
    assert case[1].dtype == torch.uint8
    assert not torch.equal(case[1], image)
    assert case[2:4] == (True, "same")
    assert case[4] != [2.0, 7]


def test_inputs_on_which_a_mistake_is_right_are_drawn_again():
    drawn = []

    def draw(generator):
        drawn.append(torch.randint(0, 2, (), generator=generator).item())
        return ((torch.tensor([1.0, 2.0]) * drawn[-1],),)

    judge = SameFunction(
        lambda x: x.sum(), ((X,),), (Mistake("mean", "the mean", torch.mean),), draw=draw
    )
    for seed in range(6):
        assert judge.redrawn(torch.Generator().manual_seed(seed)).cases[0][0].any()
    assert 0 in drawn
    zeros = replace(judge, draw=lambda generator: ((X * 0,),))
    with pytest.raises(ValueError, match="a mistake is right on all inputs that were drawn"):
        zeros.redrawn(torch.Generator())


def test_judges_without_functions_stay_as_they_are():
    sample = exercise()
    assert sample.redrawn(0).judges["my_value"] is sample.judges["my_value"]
