"""An exercise judges its answers, shows hints and solutions, and never raises."""

import pytest
import torch
from sample_exercise import exercise

from nnlab_course.exercises import (
    Result,
    combine,
)


@pytest.mark.parametrize(
    ("answers", "verdict", "points", "mistake"),
    [
        ((3.0, torch.tanh), "right", 1, None),
        ((2.0, torch.tanh), "partly", 0.5, "one-path"),
        ((3.0, ...), "partly", 0.5, None),
        ((2.0, ...), "wrong", 0, "one-path"),
        ((2.0, torch.sigmoid), "wrong", 0, "one-path"),
        ((..., None), "unanswered", 0, None),
        ((..., lambda x: ...), "unanswered", 0, None),
        ((3.0,), "wrong", 0, "arguments"),
        ((3.0, torch.tanh, 1), "wrong", 0, "arguments"),
    ],
)
def test_the_parts_make_the_whole(answers, verdict, points, mistake):
    result = exercise().judge(*answers)
    assert (result.verdict, result.points, result.mistake) == (verdict, points, mistake)
    assert result.name == "Exercise 0.1"


class Hostile:
    """Raises at any touch."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


def test_no_object_makes_a_check_raise():
    result = exercise().check(Hostile(), Hostile())
    assert [part.verdict for part in result.parts] == ["wrong", "wrong"]
    assert exercise().check(3.0, Hostile()).points == 0.5


def test_results_show_themselves_as_text_and_as_escaped_html():
    result = combine([Result.wrong("`a<b` & c"), Result.right()], "Exercise 0.1")
    assert repr(result) == "◐ Exercise 0.1: 1 of 2 right\n  ✘ `a<b` & c\n  ✔ right"
    page = result._repr_html_()
    assert "<code>a&lt;b</code> &amp; c" in page
    assert "script" not in page
    assert repr(combine([Result.right()], "Exercise 0.2")) == "✔ Exercise 0.2: right"


def test_a_right_answer_leads_to_the_next_exercise():
    sample = exercise(id="0.8", slug="eighth", title="Eighth")
    assert sample.check(3.0, torch.tanh).next == ""
    exercise(id="0.9", slug="ninth", title="The `last`")
    result = sample.check(3.0, torch.tanh)
    assert repr(result).endswith("\n  next: 0.9 The `last`")
    assert "next: 0.9 The <code>last</code></div>" in result._repr_html_()
    assert sample.check(2.0, torch.tanh).next == sample.judge(3.0, torch.tanh).next == ""


def test_grading_for_nbgrader(monkeypatch):
    shown = []
    monkeypatch.setattr("sys.displayhook", shown.append)
    exercise().grade(3.0, torch.tanh)
    assert shown == []
    exercise().grade(3.0, torch.sigmoid)
    assert shown == [1.0]
    with pytest.raises(AssertionError, match="one path is missing"):
        exercise().grade(2.0, ...)


def test_hints_come_one_by_one():
    sample = exercise()
    assert repr(sample.hint()) == "Hint 1 of 2: look\nThe next one: hint(2)."
    assert repr(sample.hint(2)) == "Hint 2 of 2: look there\nIt is the last one."
    for number in (0, 3, -1, 99):
        assert repr(sample.hint(number)) == repr(sample.hint(2))
    page = sample.hint()._repr_html_()
    assert page.count("<details>") == 2
    assert "<details open>" in sample.hint(2)._repr_html_()
