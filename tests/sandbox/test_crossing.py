"""What the check of the lesson takes as numbers, the marker takes, too."""

import array
import collections
import decimal
import fractions
import socket

import numpy as np
import pytest
import torch

from nnlab_course.exercises import AnswerError, as_tensor
from nnlab_course.sandbox.channel import receive
from nnlab_course.sandbox.messages import clean_text, read_message, write_message


class Halves:
    """A sequence of a student's own."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return [0.5, 1.5][index]


class Wrapped:
    """An object that NumPy can read."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0])


def crossed(value):
    """Send a value as the student's process does, and read it as the marker does."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(write_message({}, value, None, as_tensor))
        return read_message(*receive(here))[1]


def outcome(value):
    try:
        return as_tensor(value).tolist()
    except AnswerError:
        return "refused"


VALUES = [
    collections.deque([1, 2.5]),
    collections.deque([collections.deque([1, 2]), [3, 4]]),
    collections.deque([torch.tensor(1.0)]),
    collections.UserList([1, 2]),
    array.array("d", [1, 2]),
    [array.array("d", [1, 2])],
    memoryview(array.array("d", [1, 2])),
    np.longdouble(4.58),
    [np.longdouble(4.58), 1],
    np.array([1, 2], dtype=np.longdouble),
    np.array([[1, 2]], dtype=">f4"),
    np.array([7], dtype=np.uint16),
    np.array([7], dtype=np.uint64),
    np.ma.array([1.0, 2.0]),
    np.float16(2),
    np.bool_(True),
    torch.tensor([1], dtype=torch.uint16),
    torch.Size([1, 2]),
    decimal.Decimal("4.58"),
    fractions.Fraction(1, 2),
    Halves(),
    Wrapped(),
    10**30,
    range(3),
    bytearray(b"ab"),
    {1, 2},
    {"a": 1}.values(),
    1j,
    "4.58",
    object(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_the_marker_reads_what_the_lesson_reads(value):
    assert outcome(crossed(value)) == outcome(value)


def test_texts_are_cleaned_where_they_cross():
    assert clean_text("σ\n\t✔") == "σ\n\t✔"
    assert clean_text("\ud800\u202ea\x1b[2J\x00\u2028") == "\\ud800\\u202ea\\x1b[2J\\x00\\u2028"
    raw = b'{"value": {"is": "dict", "items": [["\\ud800", "\\u202e"]]}}'
    assert read_message(raw, bytearray())[1] == {"\\ud800": "\\u202e"}
