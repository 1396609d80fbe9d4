"""What students answer is read as numbers, or refused in a sentence that helps."""

import math
from array import array
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from sample_exercise import EXPECTED
from torch import nn

from nnlab_course.exercises import (
    AnswerError,
    as_tensor,
    compare,
    is_unanswered,
)


@pytest.mark.parametrize(
    "answer",
    [
        EXPECTED,
        EXPECTED.double(),
        EXPECTED.half(),
        EXPECTED.clone().requires_grad_(),
        EXPECTED.T.contiguous().T,
        EXPECTED.to_sparse().to_dense(),
        EXPECTED.numpy(),
        EXPECTED.tolist(),
        [tuple(row) for row in EXPECTED.tolist()],
        list(EXPECTED),
        nn.Parameter(EXPECTED),
    ],
    ids=str,
)
def test_right_answers_in_any_form(answer):
    assert compare(answer, EXPECTED).verdict == "right"


class AlwaysEqual(torch.Tensor):
    """A tensor that answers every comparison in its own favour."""

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), kwargs=None):
        return True


def test_a_tensor_with_comparisons_of_its_own_is_read_as_plain_numbers():
    answer = torch.zeros(3, 2).as_subclass(AlwaysEqual)
    assert type(as_tensor(answer)) is torch.Tensor
    assert compare(answer, EXPECTED).verdict == "wrong"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("three", "got the text 'three'"),
        ([[1, 2], [3]], "differ in length"),
        ({"a": 1}, "can't be read"),
        (object(), "can't be read"),
        (1j, "complex"),
        (torch.zeros(2, device="meta"), "can't be read"),
        (np.array(["a"]), "got the text 'a'"),
        (torch.zeros(1).expand(10**12), "more than a million"),
        (np.broadcast_to(np.zeros(1), 10**9), "more than a million"),
        ([0] * 2_000_000, "more than 100,000"),
        ([[0] * 1000] * 5000, "more than 100,000"),
    ],
    ids=lambda value: str(type(value)),
)
def test_what_is_no_number_is_refused(answer, message):
    with pytest.raises(AnswerError, match=message):
        as_tensor(answer)


def test_a_list_within_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(AnswerError, match="nested"):
        as_tensor(endless)
    assert not is_unanswered(endless)


@pytest.mark.parametrize("answer", [None, ..., [...], [1, [2, ...]], {...}, (None, None)], ids=str)
def test_unanswered(answer):
    assert is_unanswered(answer)


@pytest.mark.parametrize("answer", [0, "", [], False, torch.zeros(3), [0, [1]], (1, None)], ids=str)
def test_answered(answer):
    assert not is_unanswered(answer)


@pytest.mark.parametrize(
    "answer",
    [
        deque([0.5, 2.0]),
        array("d", [0.5, 2.0]),
        array("f", [0.5, 2.0]),
        [np.longdouble("0.5"), np.float16(2)],
        np.array([0.5, 2], dtype=np.longdouble),
        np.array([0.5, 2], dtype=object),
        np.array([2.0, 0.5])[::-1],
        [Fraction(1, 2), Decimal(2)],
        (torch.tensor(0.5), 2),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_other_kinds_of_numbers_are_read(answer):
    assert torch.equal(as_tensor(answer), torch.tensor([0.5, 2.0], dtype=torch.float64))


def test_numbers_keep_their_digits():
    assert as_tensor(0.1).item() == as_tensor([0.1]).item() == 0.1
    assert as_tensor(range(3)).tolist() == [0, 1, 2]
    assert as_tensor(True).item() == 1


@pytest.mark.parametrize(
    ("answer", "slug", "message"),
    [
        ("4.58", "text", "got text; write the number 4.58 without quotes"),
        ("4,58", "text", "got text; write the number 4.58 without quotes"),
        ("2,020", "text", "got text; write the number without quotes, commas and spaces"),
        ("w4", "text", "got the text 'w4'; a number is expected, without quotes"),
        (["a", 1], "text", "got the text 'a'; a number is expected, without quotes"),
        ([1, None], "unreadable", "an entry is None; every entry must be a number"),
        ([[1, 2], [3]], "ragged", "the rows of the list differ in length, or hold something "),
        (math.sin, "function-for-value", "got a function, `sin`; give the value that it returns"),
        (torch.nn.ReLU(), "function-for-value", r"got a network \(ReLU\); give a number, a list"),
        ({"a": 1}, "unreadable", "got a dict, which can't be read as numbers; give a number"),
        (10**400, "too-large", "a number in the answer is too large"),
        (1j, "unreadable", "the answer holds complex numbers; give real ones"),
    ],
    ids=str,
)
def test_a_refusal_says_what_to_give(answer, slug, message):
    with pytest.raises(AnswerError, match=message) as refused:
        as_tensor(answer)
    assert refused.value.mistake == slug


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            (4, 58),
            "expected one number, got two, 4 and 58; "
            "a decimal number is written with a point: 4.58",
        ),
        ((16, 2, 2), "expected one number, got 3 (shape (3,))"),
        ([], "expected one number, got none"),
        (7, "7 is not correct"),
    ],
)
def test_one_number_is_asked_for(answer, message):
    assert compare(answer, 4.58, atol=0.01, rtol=0).message == message


def test_two_numbers_for_a_whole_one_are_no_decimal_comma():
    assert compare((26, 26), 26.0).message == "expected one number, got 2 (shape (2,))"
