"""A wrong answer is told how it is related to the right one."""

import re

import pytest
import torch
from sample_exercise import EXPECTED

from nnlab_course.exercises import (
    Mistake,
    SameFunction,
    compare,
)


@pytest.mark.parametrize(
    ("answer", "mistake", "message"),
    [
        (EXPECTED.T, "transposed", "the numbers are correct, but rows and columns are swapped"),
        (EXPECTED[:2], "too-short", r"the last entry .* expected shape \(3, 2\), got \(2, 2\)"),
        (EXPECTED[:1] + 1, "shape", r"^expected shape \(3, 2\), got \(1, 2\)$"),
        (EXPECTED.flatten(), "dimensions", r"expected shape \(3, 2\), got \(6,\)"),
        (-EXPECTED, "sign", "sign"),
        (EXPECTED.flip(1), "reversed", "each row is reversed"),
        (EXPECTED[[1, 2, 0], [1, 0, 0]], "shape", "shape"),
        (EXPECTED.flatten()[[0, 2, 1, 5, 4, 3]].reshape(3, 2), "order", "not in their places"),
        (EXPECTED * 4, "factor", "every value is 4 times the expected one"),
        (EXPECTED + torch.eye(3)[:, 1:], "off-diagonal", "only the diagonal is correct"),
        (
            EXPECTED + EXPECTED**2,
            "value",
            r"^5 of 6 entries are wrong; the largest error is at \[1, 1\]",
        ),
        (EXPECTED * float("nan"), "not-finite", "not finite"),
        (EXPECTED / 0, "not-finite", "not finite"),
        (EXPECTED * 0, "zero", "all values are 0"),
    ],
)
def test_wrong_answers_get_a_diagnosis(answer, mistake, message):
    result = compare(answer, EXPECTED)
    assert (result.verdict, result.points, result.mistake) == ("wrong", 0, mistake)
    assert not result
    assert re.search(message, result.message)


def test_swapped_rows_and_columns_of_a_square():
    square = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert compare(square.T, square).mistake == "transposed"


def test_a_wrong_number_is_repeated_and_the_right_one_is_not_told():
    message = compare(0.0038, -3.0186e-05, atol=1e-8).message
    assert "0.0038" in message
    assert "3.0186" not in message


def test_one_number_in_a_list_is_a_number():
    assert compare([3], 3.0)
    assert compare([[3]], 3.0)
    assert compare([3, 3], 3.0).mistake == "shape"


def test_the_reference_comes_before_the_mistakes_and_they_come_in_order():
    mistakes = [Mistake(slug, slug, 2.0) for slug in ("first", "second")]
    assert compare(2, 2.0, mistakes)
    assert compare(2, 3.0, mistakes).mistake == "first"


def test_an_empty_answer():
    assert compare([], EXPECTED).mistake == "shape"
    assert compare([], [])


@pytest.mark.parametrize(
    ("answer", "slug", "message"),
    [
        (-12.5, "sign", "the size is correct, the sign is not"),
        (1250, "power-of-ten", "off by a power of ten: check the decimal point"),
        (25, "factor-two", "off by a factor of two"),
        (6.25, "factor-two", "off by a factor of two"),
        (0.08, "reciprocal", "this is the reciprocal: the fraction is upside down"),
        (156.25, "square", "a square is missing, or one too many was taken"),
        (-11.5, "complement", "this is one minus the expected value"),
        (12, "rounded", "this is rounded; more decimals are expected"),
        (15.2, "digits", "the digits are correct, their order is not"),
        (7.7, "value", "7.7 is not correct"),
        (1e-7, "value", "1e-07 is not correct"),
        (float("inf"), "not-finite", "some values are not finite (inf or nan)"),
    ],
)
def test_a_wrong_number_is_related_to_the_right_one(answer, slug, message):
    result = compare(answer, 12.5)
    assert (result.mistake, result.message) == (slug, message)


@pytest.mark.parametrize(
    ("answer", "slug"), [(-3, "other-sign"), (44.5, "not-whole"), (0, "value"), (7, "value")]
)
def test_a_wrong_count(answer, slug):
    assert compare(answer, 456, atol=0.01, rtol=0).mistake == slug


@pytest.mark.parametrize("answer", [455, 457])
def test_a_count_that_is_off_by_one(answer):
    result = compare(answer, 456, atol=0.01, rtol=0)
    assert result.message == "off by one: count both ends again"


ROWS = torch.tensor([[0.5, -2.0, 3.0], [4.0, 0.25, -6.0]])


@pytest.mark.parametrize(
    ("answer", "slug", "message"),
    [
        (
            ROWS.T,
            "transposed",
            "the numbers are correct, but rows and columns are swapped: "
            "expected shape (2, 3), got (3, 2)",
        ),
        (ROWS.flip(0), "reversed", "the values are correct, but in reverse order"),
        (ROWS.roll(1, -1), "shifted", "the values are correct, but shifted by one place"),
        (ROWS.abs(), "absolute", "the sizes are correct, but the signs are lost"),
        (1 / ROWS, "reciprocal", "these are the reciprocals: the fraction is upside down"),
        (ROWS**2, "square", "these are the squares of the expected values"),
        (1 - ROWS, "complement", "this is 1 minus the expected values"),
        (ROWS * torch.tensor([1, -1, 1]), "signs", "the sizes are correct, but some signs are not"),
        (ROWS + 2, "offset", "every value is off by the same amount, +2"),
        (ROWS / 4, "factor", "every value is 0.25 times the expected one"),
        (3 * ROWS - 1, "factor-and-offset", "every value is 3 times the expected one, -1"),
        (ROWS * 0 + 7, "constant", "all values are the same number"),
        (ROWS.int(), "rounded", "whole numbers came out: the decimals are cut off"),
        (ROWS.clamp(min=0), "negative-cut", "correct where positive; negative values became 0"),
        (
            ROWS.sum(0),
            "reduced",
            "this is the sum along dimension 0 of what is asked for: "
            "expected shape (2, 3), got (3,)",
        ),
        (
            ROWS.mean(),
            "reduced",
            "this is the mean of what is asked for: expected shape (2, 3), got ()",
        ),
        (
            ROWS[:, :-1],
            "too-short",
            "the last entry along dimension 1 is missing: expected shape (2, 3), got (2, 2)",
        ),
        (ROWS[None], "dimensions", "the numbers are correct; expected shape (2, 3), got (1, 2, 3)"),
        (
            torch.stack([ROWS, -ROWS + 2 * ROWS.sign()]),
            "not-reduced",
            "take the first part along dimension 0 of these values: "
            "expected shape (2, 3), got (2, 2, 3)",
        ),
        (ROWS + torch.tensor([[0.0], [1]]) * ROWS**2, "last-row", "only the last row is wrong"),
        (
            ROWS.clone().index_fill_(1, torch.tensor(0), 8),
            "first-column",
            "only the first column is wrong",
        ),
        (
            ROWS.sum(),
            "reduced",
            "this is the sum of what is asked for: expected shape (2, 3), got ()",
        ),
        (torch.tensor(8.0), "one-number", "expected shape (2, 3), got a single number"),
    ],
)
def test_wrong_values_are_related_to_the_right_ones(answer, slug, message):
    result = compare(answer, ROWS)
    assert (result.mistake, result.message) == (slug, message)


def test_a_relation_must_hold_in_every_case():
    judge = SameFunction(lambda x: x + 1, ((ROWS,), (ROWS[:1],)))
    assert judge(lambda x: 2 * (x + 1)).mistake == "factor"
    assert judge(lambda x: len(x) * (x + 1)).mistake == "value"
