"""No submission stops the others, and no accident loses anybody."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock
from grading_samples import FULL, GOOD, marks, notebook
from walls import needs_bubblewrap as sandboxed

from nnlab_course.cli import main
from nnlab_course.grading import HandedIn, Settings, grade_folder, read_register, told_apart
from nnlab_course.grading.notebooks import Readable
from nnlab_course.grading.rosters import read_roster
from nnlab_course.sandbox import Limits

LIMITS = Limits(seconds=5.0, clock=30.0, total=120.0, memory=2**29)
NONE = {"saturation": 0}
HOSTILE = {
    "surrogate": ((*GOOD, 'raise ValueError("\\ud800")'), FULL),
    "surrogate in an answer": ((*GOOD[:2], GOOD[3], 'my_limit = "\\udc80"'), FULL | NONE),
    "colours": ((*GOOD, 'raise ValueError("\\x1b[31mred \\u202e")'), FULL),
    "class name": ((*GOOD, 'raise type("\\u202e\\x1b[0m<b>", (Exception,), {})("`x`")'), FULL),
    "markup": ((*GOOD, "raise ValueError('<script>alert(1)</script>{{ 7 * 7 }}')"), FULL),
}  # fmt: skip
NAMES = ["\x1b[31mred", "a\u202eb", "{{ 7 * 7 }}", "-1+1|cmd", "nbsp\u00a0"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A class in which texts try to break what is written about them."""
    place = tmp_path_factory.mktemp("hostile")
    folder = place / "submissions"
    folder.mkdir()
    for name, (cells, _) in HOSTILE.items():
        (folder / f"{name}.ipynb").write_text(notebook(cells))
    for name in NAMES:
        (folder / f"{name}.ipynb").write_text(notebook(GOOD))
    (folder / "twice").mkdir()
    for number in (1, 2):
        (folder / "twice" / f"{number}.ipynb").write_text(notebook(GOOD))
    out = place / "marks.csv"
    settings = Settings(limits=LIMITS, seed=3, student_seconds=0.0)
    return grade_folder(folder, out, settings, num_workers=1), out


@sandboxed
@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_stops_the_class(hostile, name):
    (mark,) = (mark for mark in hostile[0].records if mark.student == name)
    assert marks(mark) == {slug: points for slug, points in HOSTILE[name][1].items() if points}


@sandboxed
def test_what_is_written_holds_no_control_character(hostile):
    _, out = hostile
    for path in (out, out.with_suffix(".json"), *out.with_suffix("").iterdir()):
        text = path.read_text(encoding="utf-8")
        assert not any(sign in text for sign in "\x1b\u202e\ud800"), path
        assert "<script>" not in text or path.suffix == ".json"
    assert "{{ 7 * 7 }}" in out.read_text()
    assert '"\'-1+1|cmd"' in out.read_text()
    assert read_register(out.with_suffix(".json")) == hostile[0]


@sandboxed
def test_a_students_time_is_limited_in_sum(hostile):
    first, second = (mark for mark in hostile[0].records if mark.student == "twice")
    assert marks(first) == FULL
    assert second.problem == "not looked at: the student's notebooks took 0 minutes"


def test_two_of_one_name_are_two_students():
    def readable(number, lesson, student="Anna"):
        item = HandedIn(student, Path(f"{number}{lesson}.ipynb"), platform_id=number)
        return Readable(item, lesson=lesson)

    one = [readable("1", "activations"), readable("7", "autograd")]
    assert [r.handed_in.student for r in told_apart(one)] == ["Anna", "Anna"]
    two = [*one, readable("2", "activations")]
    assert [r.handed_in.student for r in told_apart(two)] == ["Anna (1)", "Anna (7)", "Anna (2)"]
    attempts = [readable("1", "activations"), readable("1", "activations")]
    assert [r.handed_in.student for r in told_apart(attempts)] == ["Anna", "Anna"]


# --- the command, on a class in which nothing can run ---------------------------------------


@pytest.fixture
def broken(tmp_path):
    """A class of files that are no notebooks: no sandbox is needed to say so."""
    folder = tmp_path / "week1"
    folder.mkdir()
    for number in range(20):
        (folder / f"student {number}.ipynb").write_text("on paper")
    return folder


def nnlab(*arguments, code=1):
    """Call `nnlab`, look at its exit code, and return what it printed."""
    result = CliRunner().invoke(main, list(map(str, arguments)), prog_name="nnlab")
    assert result.exit_code == code, result.output
    return result.output


def test_outputs_never_lie_among_the_submissions(broken):
    inside = broken / "sub" / "marks.csv"
    for out in (broken.with_suffix(".csv"), broken / "marks.csv", inside):
        assert "lies among the submissions" in nnlab("grade", broken, "--out", out)
    deep = broken.parent / "marks" / "in"
    deep.mkdir(parents=True)
    out = broken.parent / "marks.csv"
    assert "where the feedback goes" in nnlab("grade", deep, "--out", out)
    packed = ("--feedback-zip", broken / "f.zip")
    assert "lies among" in nnlab("grade", broken, "--out", out, *packed)
    assert sorted(path.name for path in broken.iterdir()) == sorted(
        f"student {number}.ipynb" for number in range(20)
    )


def test_a_file_that_is_no_journal_is_left_alone(broken, tmp_path):
    journal = tmp_path / "marks.journal"
    journal.write_text("my diary\n")
    text = nnlab("grade", broken, "--out", tmp_path / "marks.csv")
    assert "marks.journal is no journal of nnlab grade; move it out of the way" in text
    assert journal.read_text() == "my diary\n"
    journal.write_text('{"edition": "old", "seed": 3}\n{"student": "of another form"}\n')
    assert "0 graded, 20 not" in nnlab("grade", broken, "--out", tmp_path / "marks.csv")


def test_marks_are_not_merged_while_somebody_grades(broken, tmp_path):
    out = tmp_path / "marks.csv"
    nnlab("grade", broken, "--out", tmp_path / "part.csv")
    with FileLock(out.with_suffix(".lock")):
        text = nnlab("merge-marks", tmp_path / "part.json", "--out", out)
        assert "another grader is writing marks" in text
    assert "0 graded, 20 not" in nnlab("merge-marks", tmp_path / "part.json", "--out", out, code=0)


def test_a_part_of_another_form_is_named(tmp_path):
    for text in ("no json", "[]", '{"format": "nnlab marks, version 1"}', "{}"):
        (tmp_path / "part.json").write_text(text)
        said = nnlab("merge-marks", tmp_path / "part.json", "--out", tmp_path / "marks.csv")
        assert "part.json" in said


def test_a_full_disk_names_the_file(broken, tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    command = [Path(sys.executable).with_name("nnlab"), "grade", broken]
    done = subprocess.run(
        [*command, "--out", tmp_path / "marks.csv"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000)),
    )
    assert done.returncode == 1
    assert "File too large: " in done.stderr
    assert str(tmp_path / "marks") in done.stderr


def test_no_control_character_is_printed(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("\x1b[2J", "a\u202eb\nc", os.fsdecode(b"\xff")):
        (folder / f"{name}.ipynb").write_text("on paper")
    text = nnlab("grade", folder, "--out", tmp_path / "marks.csv")
    assert len(text.splitlines()) == 4
    assert all(line.isprintable() for line in text.splitlines())
    assert r"\x1b[2J.ipynb: not a notebook" in text


def test_bad_rules_are_told_before_anything_is_marked(broken, tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "marks.csv"
    path.write_text("a,b\n1,2\n")
    for option, value, message in (
        ("--deadline", "soon", "'soon' is no time such as 2026-11-20"),
        ("--exceptions", path, "has no column student, deadline"),
        ("--adjust", path, "has no column student, exercise, points, comment"),
        ("--roster", path, "no column to fill was found"),
    ):
        assert message in nnlab("grade", broken, "--out", out, option, value)
    assert not out.exists()
    with pytest.raises(ValueError, match="no column to fill"):
        read_roster(path)


def test_the_answer_in_json_lists_who_is_missing(broken, tmp_path):
    roster = tmp_path / "grades.csv"
    roster.write_text("Identifier,Full name,Grade\nParticipant 1,student 3,\nParticipant 2,Zoe,\n")
    out = tmp_path / "marks.csv"
    facts = json.loads(nnlab("grade", broken, "--out", out, "--roster", roster, "--json"))
    assert facts["missing"] == ["Zoe"]
    assert len(facts["unmatched"]) == 19
    assert facts["misfits"] == []


def test_the_help_fits_on_a_screen():
    lines = nnlab("grade", "--help", code=0).splitlines()
    assert len(lines) <= 42
    assert max(map(len, lines)) <= 80
    for group in ("Marking:", "Rules:", "Results:", "Parts of a large class:"):
        assert group in lines
