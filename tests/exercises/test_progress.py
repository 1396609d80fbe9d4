"""Results are kept beside the notebook, and solutions shown where they are published."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sample_exercise import exercise

from nnlab_course.exercises import (
    Progress,
    Result,
    progress,
)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "Your teacher hasn't published the solution of exercise 0.1 yet."),
        ("{}", "Your teacher hasn't published the solution of exercise 0.1 yet."),
        ('{"sample": "return 1 < 2"}', "Exercise 0.1, a worked solution:\n\nreturn 1 < 2"),
        ("{", "solutions.json can't be read (JSONDecodeError); ask your teacher."),
        ("[1]", "solutions.json can't be read (TypeError); ask your teacher."),
        ("\xff", "solutions.json can't be read (UnicodeDecodeError); ask your teacher."),
    ],
)
def test_solutions_are_shown_where_they_are_published(tmp_path, monkeypatch, content, text):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "solutions.json").write_text(content, encoding="latin-1")
    assert repr(exercise().solution()) == text
    page = exercise().solution()._repr_html_()
    assert ("return 1 &lt; 2" in page) == ("return" in text)


def test_an_unpublished_solution_says_where_the_site_may_show_it():
    shown = exercise(id="1.2", title="How deep is σ?").solution()
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    page = re.search(r"https:\S+/01_activations.html", readme)[0]
    assert repr(shown).endswith(
        f"yet. Where the site shows solutions, it is at {page}#exercise-1-2-how-deep-is"
    )
    assert f'<a href="{page}#exercise-1-2-how-deep-is" target="_blank">' in shown._repr_html_()


def test_exercises_are_links_where_jupyterlab_shows_the_notebook(notebook, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    sample = exercise()
    assert "<a " not in Progress([sample])._repr_html_()
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/my 1st lesson.ipynb")
    link = '<a href="my%201st%20lesson.ipynb#cell-id=exercise-0-1">0.1 A sample</a>: 0 of 2'
    assert link in Progress([sample])._repr_html_()
    assert (
        '#cell-id=exercise-0-1">0.1 A <code>b</code></a>'
        in replace(Result.right(), next="0.1 A `b`")._repr_html_()
    )


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A working directory, in what looks like a notebook, without results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "MEMORY", progress._Memory())
    return tmp_path / "nnlab-progress.json"


def test_progress_is_kept_in_a_file(notebook):
    sample, other = exercise(), exercise(id="0.2", slug="other", title="Another")
    assert repr(Progress([sample, other])).startswith(
        "0 of 2 right, 0 of 4 points\n… 0.1 A sample: 0 of 2"
    )
    sample.check(3.0, torch.tanh)
    other.check(3.0, torch.sigmoid)
    expected = "1 of 2 right, 3 of 4 points\n✔ 0.1 A sample: 2 of 2\n◐ 0.2 Another: 1 of 2"
    assert repr(Progress([sample, other])) == expected
    assert '<progress value="3" max="4">' in Progress([sample, other])._repr_html_()
    assert set(json.loads(notebook.read_text())) == {"sample", "other"}
    assert [path.name for path in notebook.parent.iterdir()] == [notebook.name]
    sample.check(2.0, ...)
    assert Progress([sample]).earned == 0
    sample.check(3.0, torch.tanh)
    notebook.unlink()
    assert repr(Progress([sample])).startswith("0 of 1 right")


def test_a_notebook_loses_nothing_to_another_that_writes_at_once(notebook):
    exercise(slug="first").check(3.0, torch.tanh)
    read_by_the_other = notebook.read_text()
    exercise(slug="second").check(3.0, torch.tanh)
    notebook.write_text(read_by_the_other)
    assert "1 of 1 right" in repr(Progress([exercise(slug="second")]))
    exercise(slug="third").check(3.0, torch.tanh)
    assert set(json.loads(notebook.read_text())) == {"first", "second", "third"}


def test_judging_and_checking_outside_a_notebook_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exercise().judge(3.0, torch.tanh)
    exercise().check(3.0, torch.tanh)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'{"sample": 3}',
        b'{"sample": {"verdict": "right"}}',
        b'{"sample": {"verdict": "splendid", "points": 1}}',
        b'{"sample": {"verdict": ["right"], "points": 1}}',
        b'{"sample": {"verdict": "right", "points": 7}}',
        b'{"sample": {"verdict": "right", "points": NaN}}',
        b"[" * 100_000,
    ],
)
def test_an_unreadable_progress_is_an_empty_one(notebook, content):
    notebook.write_bytes(content)
    assert repr(Progress([exercise()])).startswith("0 of 1 right, 0 of 2 points")
    exercise().check(3.0, torch.tanh)
    assert repr(Progress([exercise()])).startswith("1 of 1 right, 2 of 2 points")


def test_progress_that_cannot_be_written_lasts_as_long_as_the_kernel(notebook):
    notebook.mkdir()  # the file can't be replaced, whoever runs this
    exercise().check(3.0, torch.tanh)
    assert "1 of 1 right" in repr(Progress([exercise()]))
    assert "(not saved: " in repr(Progress([exercise()]))
    assert [path.name for path in notebook.parent.iterdir()] == [notebook.name]
    notebook.rmdir()
    exercise(slug="other").check(3.0, torch.tanh)
    assert set(json.loads(notebook.read_text())) == {"sample", "other"}
    assert "not saved" not in repr(Progress([exercise()]))
