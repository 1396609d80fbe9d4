"""The plain checks tell right from wrong, say what is wrong, and never raise."""

import numpy as np
import pytest
import torch

from nnlab_course.exercises import as_tensor, check, check_function

EXPECTED = torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.5, 0.0]])


@pytest.mark.parametrize(
    "answer",
    [
        EXPECTED,
        EXPECTED.double(),
        EXPECTED.half(),
        EXPECTED.clone().requires_grad_(),
        EXPECTED.numpy(),
        EXPECTED.tolist(),
        [tuple(row) for row in EXPECTED.tolist()],
        list(EXPECTED),
    ],
    ids=["float", "double", "half", "requires grad", "numpy", "lists", "tuples", "list of tensors"],
)
def test_right_answers_in_any_form(answer):
    assert check(answer, EXPECTED).verdict == "right"


@pytest.mark.parametrize("answer", [None, ...])
def test_no_answer(answer):
    result = check(answer, EXPECTED, name="gradient")
    assert result.verdict == "unanswered"
    assert repr(result) == "… gradient: not answered yet"


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (EXPECTED.T, "transposed"),
        (EXPECTED[:2], r"shape is \(2, 2\), asked for is \(3, 2\)"),
        (EXPECTED.flatten(), r"shape is \(6,\)"),
        (-EXPECTED, "sign"),
        (EXPECTED + torch.tensor([[0.0, 0.0], [0.0, 0.1], [0.0, 0.0]]), r"1 of 6 .*\[1, 1\], 5.1"),
        (EXPECTED * float("nan"), "not finite"),
        (EXPECTED / 0, "not finite"),
        ("three", "can't be read"),
        ([[1, 2], [3]], "can't be read"),
        ({"a": 1}, "can't be read"),
        (object(), "can't be read"),
    ],
)
def test_wrong_answers_get_a_diagnosis(answer, diagnosis):
    result = check(answer, EXPECTED)
    assert result.verdict == "wrong"
    assert not result
    with pytest.raises(AssertionError, match=diagnosis):
        raise AssertionError(result.message)


def test_swapped_rows_and_columns_of_a_square():
    square = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert "swapped" in check(square.T, square).message


def test_a_wrong_number_is_repeated_and_the_right_one_is_not_told():
    message = check(0.0038, -3.0186e-05, atol=1e-8).message
    assert "0.0038" in message
    assert "3.0186" not in message


def test_an_empty_answer():
    assert check([], EXPECTED).verdict == "wrong"
    assert check([], []).verdict == "right"


def test_functions():
    x = torch.linspace(-3, 3, 13)
    assert check_function(lambda x: torch.sigmoid(2 * x) * 2 - 1, torch.tanh, x)
    assert check_function(lambda x: np.tanh(x.numpy()), torch.tanh, x)
    assert check_function(lambda x: None, torch.tanh, x).verdict == "unanswered"
    assert check_function(torch.sigmoid, torch.tanh, x).verdict == "wrong"
    assert check_function(lambda n: n + 1, lambda n: n + 1, 4)


def test_what_a_function_raises_is_reported():
    def broken(x):
        return x.undefined

    result = check_function(broken, torch.tanh, torch.zeros(3))
    assert result.verdict == "wrong"
    assert result.message.startswith("broken: your code raised AttributeError")


def test_a_function_cannot_change_the_inputs():
    x = torch.ones(3)
    check_function(lambda x: x.mul_(0), torch.tanh, x)
    assert torch.equal(x, torch.ones(3))


def test_as_tensor_explains_what_it_takes():
    with pytest.raises(ValueError, match="give a number, a list of lists, an array or a tensor"):
        as_tensor("seven")
