"""No honest mark is lost: what teachers report of real classes, each with its exact marks."""

import csv
import json
import sys

import pytest
from grading_samples import (
    DEAD,
    FULL,
    GOOD,
    IMPORT,
    LIMIT,
    LOGISTIC,
    marks,
    notebook,
    without,
)
from IPython.core import inputtransformer2
from walls import needs_bubblewrap as sandboxed

from nnlab_course.grading import Settings, grade_folder
from nnlab_course.grading.cells import as_python, read_cell
from nnlab_course.sandbox import Limits

CHECKS = "from nnlab_course.checks import activations as exercises"
CHECK = "exercises.saturation.check(my_limit)"
CHECK_DEAD = "exercises.dead.check(my_dead_count)"
SCALED = "scale = 1\ndef my_dead_count(z):\n    return scale * int((z <= 0).all(dim=0).sum())"
LOADER = """\
from torch.utils.data import DataLoader
numbers = [x for batch in DataLoader([4.5, 4.6], batch_size=1, num_workers=2) for x in batch]
my_limit = 4.58 if len(numbers) == 2 else 0
"""
AWAIT = "import asyncio\nmy_limit = await asyncio.sleep(0, 4.58)"
DEVICE = "my_limit = torch.tensor(4.58, device='cuda:0').cuda()"
COLAB = "from google.colab import drive\ndrive.mount('/content/drive')\nimport torch"
PACKAGE = "import no_such_package as tool\ntool.set_theme()\nmy_limit = 4.58"

# Name of the submission: its cells, and the exact marks.
CASES = {
    # What is there before an answer that never ends counts. By its name it comes first, so that
    # the others are marked while it sleeps.
    "asleep": ((*GOOD, *["import time\ntime.sleep(10**6)"] * 2), FULL),
    # A name is used again further down (A1).
    "loop": ((*GOOD, "for my_limit in range(3): pass"), FULL),
    "loop after check": ((CHECKS, *GOOD, CHECK, "for my_limit in range(3): pass"), FULL),
    "assigned after check": ((CHECKS, *GOOD, CHECK, "my_limit = 17"), FULL),
    "with": ((*GOOD, "import io\nwith io.StringIO() as my_limit: pass"), FULL),
    "deleted after check": ((CHECKS, *GOOD, CHECK, "del my_limit"), FULL),
    "stub below": ((*GOOD, "my_limit = ...  # your answer"), FULL),
    "stub and check below": ((CHECKS, *GOOD, CHECK, "my_limit = ...", CHECK), FULL),
    "function's stub below": ((*GOOD, "def my_dead_count(z):\n    ...  # your answer"), FULL),
    "helper changed": ((IMPORT, LOGISTIC, LIMIT, SCALED, "scale = 7"), FULL),
    "helper changed after check": (
        (CHECKS, IMPORT, LOGISTIC, LIMIT, SCALED, CHECK_DEAD, "scale = 7"),
        FULL,
    ),
    "corrected below": ((IMPORT, LOGISTIC, "my_limit = 4.6", DEAD, LIMIT), FULL),
    "corrected after check": (
        (CHECKS, IMPORT, LOGISTIC, "my_limit = 4.6", CHECK, DEAD, LIMIT),
        FULL,
    ),
    "torch reused": ((*GOOD, "torch = None"), FULL),
    "class below": ((*GOOD, "class my_limit:\n    pass", "import math as my_limit"), FULL),
    "wrong below": ((*GOOD, "my_limit = 4.6"), without("saturation")),
    "wrong at its check": ((CHECKS, *GOOD, "my_limit = 4.6", CHECK), without("saturation")),
    # Only Jupyter knows this syntax (A2).
    "shell": ((IMPORT, LOGISTIC, DEAD, "files = !ls\nmy_limit = 4.58 + len(files)"), FULL),
    "help": ((IMPORT, LOGISTIC, DEAD, "torch.exp?\n?torch\nmy_limit = 4.58"), FULL),
    "percent": ((IMPORT, LOGISTIC, DEAD, "%matplotlib inline\nmy_limit = (4.58\n% 5)"), FULL),
    "time": ((IMPORT, LOGISTIC, DEAD, "%time my_limit = 4.58"), FULL),
    "time in an assignment": ((IMPORT, LOGISTIC, DEAD, "my_limit = %time 4.58"), FULL),
    "cell magic": (("%%capture out\nimport torch", LOGISTIC, DEAD, "%%time\n!ls\n" + LIMIT), FULL),
    "in a block": ((IMPORT, LOGISTIC, DEAD, "if True:\n    !ls\n    my_limit = 4.58"), FULL),
    "pip": (("pip install torch", "!!ls", *GOOD), FULL),
    "profiled": ((IMPORT, LOGISTIC, DEAD, "%prun my_limit = 4.58"), FULL),
    "last value": ((IMPORT, LOGISTIC, DEAD, "4.58", "my_limit = _"), FULL),
    "await": ((IMPORT, LOGISTIC, DEAD, AWAIT), FULL),
    "written file": (("%%writefile helper.py\nlimit = 4.58", IMPORT, LOGISTIC, DEAD,
                      "from helper import limit\nmy_limit = limit"), FULL),
    # Tutorials teach it, the sandbox can't have it (A3 to A5).
    "workers": ((IMPORT, LOGISTIC, DEAD, LOADER), FULL),
    "colab": ((COLAB, *GOOD[1:]), FULL),
    "cuda": ((IMPORT, LOGISTIC, DEAD, "my_limit = torch.tensor(4.58).to('cuda')"), FULL),
    "device": ((IMPORT, LOGISTIC, DEAD, DEVICE), FULL),
    "package": ((IMPORT, LOGISTIC, DEAD, PACKAGE), FULL),
    "typed": ((IMPORT, LOGISTIC, DEAD, "my_limit = float(input())"), without("saturation")),
    # A keystroke made text of an answer (A13).
    "markdown": ((IMPORT, LOGISTIC, DEAD, ("markdown", LIMIT)), without("saturation")),
    "raw": ((IMPORT, LOGISTIC, LIMIT, ("raw", DEAD)), without("dead")),
}  # fmt: skip
OTHERS = dict.fromkeys(["beside", "json", "txt", "format 3"], FULL) | {"newer": without("dead")}


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The marks of a class of honest students: their names, the register, the table's path."""
    place = tmp_path_factory.mktemp("honest")
    folder = place / "submissions"
    folder.mkdir()
    for name, (cells, _) in CASES.items():
        (folder / f"{name}.ipynb").write_text(notebook(cells))
    (folder / "beside").mkdir()  # A6
    cells = (IMPORT, LOGISTIC, DEAD, "my_limit = float(open('weights.txt').read())")
    (folder / "beside" / "a.ipynb").write_text(notebook(cells))
    (folder / "beside" / "weights.txt").write_text("4.58")
    for ending in ("json", "txt"):  # A8
        (folder / ending).mkdir()
        (folder / ending / f"01_activations.ipynb.{ending}").write_text(notebook(GOOD))
    facts = {"language_info": {"name": "python", "version": "3.99.1"}}
    cells = (IMPORT, LOGISTIC, LIMIT, "newer syntax\n" + DEAD)
    (folder / "newer.ipynb").write_text(notebook(cells, metadata=facts))
    (folder / "__MACOSX").mkdir()  # A9
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}}  # A12
    written = [
        {"cell_type": "code", "language": "python", "input": c, "outputs": [], "metadata": {}}
        for c in GOOD
    ]
    old["worksheets"] = [{"cells": written, "metadata": {}}]
    (folder / "format 3.ipynb").write_text(json.dumps(old))
    out = place / "marks.csv"
    limits = Limits(seconds=5.0, clock=15.0, total=200.0, memory=2**29)
    register = grade_folder(folder, out, Settings(limits=limits, seed=3), num_workers=2)
    return {mark.student: mark for mark in register.records}, out


@sandboxed
@pytest.mark.parametrize("name", [*CASES, *OTHERS])
def test_no_honest_mark_is_lost(honest, name):
    mark = honest[0][name]
    expected = CASES[name][1] if name in CASES else OTHERS[name]
    assert marks(mark) == expected, (mark.problem, mark.errors)


def notes(honest, name, number):
    (exercise,) = (e for e in honest[0][name].exercises if e.id == number)
    return exercise.notes


@sandboxed
def test_feedback_says_what_was_marked(honest):
    assert notes(honest, "assigned after check", "1.9") == (
        "`my_limit` is given another value in code cell 7, `my_limit = 17`; what counts is the "
        "one before",
    )
    for name, number, line in (
        ("markdown", "1.9", LIMIT),
        ("raw", "1.10", "def my_dead_count(z):"),
    ):
        assert notes(honest, name, number) == (
            f"the cell that begins with `{line}` looks like your answer, but it is Markdown or "
            "raw text; make it a code cell",
        )
    ours = ".".join(map(str, sys.version_info[:2]))
    assert honest[0]["newer"].notes == (f"written with Python 3.99, marked with {ours}",)
    assert honest[0]["package"].notes == (
        "`no_such_package` isn't installed where notebooks are marked, and was passed over",
    )
    assert notes(honest, "typed", "1.9") == (
        "your cell stops in line 1: ValueError: could not convert string to float: ''; nobody "
        "answers `input()` when a notebook is marked: `my_limit = float(input())`",
    )
    assert honest[0]["shell"].passed_over == ("!ls",)
    assert honest[0]["cell magic"].passed_over == ("%%capture out", "%%time", "!ls")
    assert honest[0]["help"].passed_over == ("torch.exp?", "torch?")
    folder = honest[1].with_suffix("")
    page = (folder / "shell.html").read_text()
    assert "<li><code>!ls</code></li>" in page
    page = (folder / "assigned after check.html").read_text()
    assert "<li>1.9: <code>my_limit</code> is given another value" in page


@sandboxed
def test_nobody_is_added_and_nobody_is_missing(honest):
    with honest[1].open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["student"] for row in table} == {*CASES, *OTHERS}
    assert all(field.startswith('"') for field in honest[1].read_text().splitlines()[0].split(","))
    for path in (honest[1], honest[1].with_suffix(".json"), honest[1].with_suffix(".journal")):
        assert path.stat().st_mode & 0o077 == 0, path
    pages = list(honest[1].with_suffix("").iterdir())
    assert pages
    assert all(path.stat().st_mode & 0o077 == 0 for path in pages)


# --- cells -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "python", "passed_over"),
    [
        ("x = (7\n% 5)", "x = (7\n% 5)", ()),
        ("%matplotlib inline\nx = 1", "None\nx = 1", ("%matplotlib inline",)),
        ("!ls {x}\nx = 1", "None\nx = 1", ("!ls {x}",)),
        ("a = !ls\nb = len(a)", "a = []\nb = len(a)", ("!ls",)),
        ("x = 1\nx.real??", "x = 1\nNone", ("x.real??",)),
        ("%%bash\nls", "pass", ("%%bash",)),
        ("%%time\nx = 1", "pass\nx = 1", ("%%time",)),
        ("pip install torch", "pass", ("pip install torch",)),
        ("def f(:\n  pass", "def f(:\n  pass", ()),
        ("x = '''\n%matplotlib\n!ls\n'''", "x = '''\n%matplotlib\n!ls\n'''", ()),
    ],
)
def test_jupyters_own_commands_are_passed_over_alone(source, python, passed_over):
    prepared = as_python(source)
    assert (prepared.source.rstrip("\n"), prepared.passed_over) == (python, passed_over)


@pytest.mark.parametrize("source", ["(" * 50_000, "-" * 90_000 + "1", "\0", "%x\n" * 600, "é" * 9])
def test_no_cell_stops_the_marker(source):
    assert as_python(source).source is not None
    assert read_cell(source).answers == frozenset()


@pytest.mark.parametrize("command", ["%x\n", "x?\n", "x = !ls\n"])
def test_a_cell_of_many_commands_is_read_fifty_times_and_no_more(monkeypatch, command):
    """IPython reads all of it for each of them."""
    read, times = inputtransformer2.make_tokens_by_line, []
    monkeypatch.setattr(
        inputtransformer2, "make_tokens_by_line", lambda lines: times.append(1) or read(lines)
    )
    as_python(command * 300)
    assert len(times) == 50
    times.clear()
    assert len(as_python(command * 40).passed_over) == 40
    assert len(times) == 41


def test_what_a_cell_assigns():
    facts = read_cell(
        "a, (b, *c) = d[i] = e.f = 1\ng: int = 2\nh += 1\n(k := 3)\ndef m(): n = 1\n"
        "for o in p: q = 1\nwith r as s: pass\nt = ...\ndef u(x):\n    '''doc'''\n    ...\n"
        "[v for v in w]\nex.saturation.check(a)\n"
    )
    assert facts.answers == frozenset("abcdeghkmq")
    assert facts.stubs == frozenset("tu")
    assert facts.changes - facts.answers - facts.stubs == frozenset("os")
    assert facts.checks == frozenset({"saturation"})
