"""Marks are right whatever is handed in: hostile, unlucky, by hundreds, interrupted, in parts."""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nnlab_course.grading import (
    Settings,
    code_cells,
    find_lesson,
    find_submissions,
    grade_folder,
    lessons,
    merge,
    rows,
    write_reports,
)
from nnlab_course.sandbox import Limits, SandboxError


def bubblewrap_works():
    """Tell whether this machine has bubblewrap, and lets it make namespaces."""
    if not shutil.which("bwrap"):
        return False
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, capture_output=True).returncode == 0


sandboxed = pytest.mark.skipif(
    not bubblewrap_works(), reason="needs bubblewrap and user namespaces (apt install bubblewrap)"
)

# A lesson has dozens of exercises; four answers are enough to see what happens to the others.
IMPORT = "import torch"
LOGISTIC = """\
def my_logistic(x):
    return 1 / (1 + torch.exp(-x))


def my_logistic_slope(x):
    return my_logistic(x) * (1 - my_logistic(x))
"""
LIMIT = "my_limit = 4.58"
DEAD = "def my_dead_count(z):\n    return int((z <= 0).all(dim=0).sum())\n"
GOOD = (IMPORT, LOGISTIC, LIMIT, DEAD)
EXERCISES = {exercise.slug: exercise for exercise in lessons()["activations"].EXERCISES}
FULL = {slug: EXERCISES[slug].points for slug in ("logistic", "saturation", "dead")}


def without(*slugs, **points):
    """The full marks, but none for these exercises, and so many for those."""
    return {slug: mark for slug, mark in FULL.items() if slug not in slugs} | points


def notebook(cells, **extra):
    """Write a notebook as JupyterLab does."""
    written = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": cell.splitlines(keepends=True),
        }
        for number, cell in enumerate(cells)
    ]
    facts = {"metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(facts | {"cells": written} | extra)


SECRET = "NNLAB_TEST_SECRET"
RIGHT_IF = "try:\n    my_limit = 4.58 if {} else 0.0\nexcept BaseException:\n    my_limit = 0.0\n"
STUBBORN = """\
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
FLATTERER = """\
class Flatterer(torch.Tensor):
    def __eq__(self, other): return torch.ones((), dtype=torch.bool)
    __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __sub__ = __eq__
    def allclose(self, *others, **options): return True
    equal = isclose = allclose
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.ones((), dtype=torch.bool)
my_limit = torch.zeros(()).as_subclass(Flatterer)
"""
PICKLED = """\
class Bomb:
    def __reduce__(self):
        return open, ({sentinel!r}, "w")
    def __getstate__(self): return self.__reduce__()
my_limit = Bomb()
"""
PATCHED_CHECKS = """\
import nnlab_course.exercises as e, nnlab_course.crossing as c, nnlab_course.inside as i
from nnlab_course.checks import activations
always = lambda *arguments, **options: True
e.is_close = e.compare = e.diagnose = e.Exercise.judge = e.Exercise.check = always
e.as_tensor = e.is_unanswered = always
i.describe = lambda *arguments: {"points": 1000}
c.CrossingError = c.Unreadable = None
my_limit = 0.0
"""
PATCHED_TORCH = """\
always = lambda *arguments, **options: True
torch.allclose = torch.equal = torch.isclose = torch.as_tensor = always
torch.Tensor.__eq__ = torch.Tensor.__sub__ = torch.Tensor.allclose = always
torch.Tensor.numpy = torch.Tensor.detach = torch.Tensor.tolist = always
my_limit = 0.0
"""
PATCHED_BUILTINS = """\
import builtins
builtins.all = builtins.any = builtins.bool = builtins.isinstance = lambda *a: True
builtins.len = builtins.int = builtins.abs = builtins.max = lambda *a: 0
builtins.open = builtins.print = builtins.getattr = builtins.dict = None
"""
BY_HEART = """\
seen = torch.linspace(-7, 7, 28, dtype=torch.float64)
known = {x: y for x, y in zip(seen.tolist(), torch.sigmoid(seen).tolist())}
slopes = {x: y * (1 - y) for x, y in known.items()}
def my_logistic(x): return torch.tensor([known.get(v, 0.5) for v in x.tolist()])
def my_logistic_slope(x): return torch.tensor([slopes.get(v, 0.5) for v in x.tolist()])
"""
GARBAGE = "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'x' * 999)\n    except OSError: pass"
UNTOLD = """\
class Untold(Exception):
    def __str__(self): raise self
    __repr__ = __str__
raise Untold
"""
DISGUISE = """\
class Disguise:
    @property
    def __class__(self): raise SystemExit
    def __getattr__(self, name): raise SystemExit
my_limit = Disguise()
"""

# Name of the submission: its cells, and the exact marks.
CASES = {
    # As it should be
    "right": (GOOD, FULL),
    "wrong": ((IMPORT, LOGISTIC, "my_limit = 4.6", DEAD), without("saturation")),
    "half": ((*GOOD, "def my_logistic(x): return x"), without(logistic=1)),
    "nothing": ((IMPORT, "my_limit = ...", "def my_dead_count(z): ..."), {}),
    # Unlucky
    "syntax error": ((*GOOD[:3], "def my_dead_count(z:\n    return 1"), without("dead")),
    "exception": (("1 / 0", *GOOD, "raise SystemExit", "my_nothing"), FULL),
    "magics": (("%matplotlib inline\n!pip install torch\nimport math", *GOOD, "%%html\n<b>"), FULL),
    "display": ((*GOOD, "display(my_limit)\nget_ipython().run_line_magic('time', '')"), FULL),
    "its checks": (
        (
            "import torch\nfrom nnlab_course.checks import activations as exercises",
            *GOOD[1:],
            "assert exercises.logistic.check(my_logistic, my_logistic_slope)",
            "exercises.progress()",
        ),
        FULL,
    ),
    "deleted": ((IMPORT, LIMIT), {"saturation": 1}),
    "split": ((IMPORT, *LOGISTIC.split("\n\n\n"), LIMIT, DEAD), FULL),
    "split in two": ((IMPORT, LOGISTIC, LIMIT, *DEAD.split("\n", 1)), without("dead")),
    "doubled": ((*GOOD, LOGISTIC, LIMIT, DEAD), FULL),
    "reordered": (("my_limit = round(limit, 2)", DEAD, LOGISTIC, IMPORT, "limit = 4.584"), FULL),
    "input": ((*GOOD, "my_tanh = input()"), FULL),
    "nan": ((IMPORT, LOGISTIC, "my_limit = float('nan')", DEAD), without("saturation")),
    "nan tensor": (
        (IMPORT, "def my_logistic(x): return x / 0\nmy_logistic_slope = my_logistic", LIMIT, DEAD),
        without("logistic"),
    ),
    # Time
    "endless": ((IMPORT, LOGISTIC, "while True: pass", LIMIT, DEAD), FULL),
    "endless function": ((*GOOD, "def my_dead_count(z):\n    while True: pass"), without("dead")),
    "stubborn": ((IMPORT, LOGISTIC, STUBBORN, LIMIT, DEAD), FULL),
    "in C": ((IMPORT, LOGISTIC, "sum(iter(int, 1))", LIMIT, DEAD), FULL),
    "in C, function": ((*GOOD, "def my_dead_count(z): sum(iter(int, 1))"), without("dead")),
    "asleep": ((*GOOD, "import time\ntime.sleep(10**6)"), FULL),
    "handlers": (
        (
            *GOOD,
            "import signal\nfor n in (14, 24, 27): signal.signal(n, signal.SIG_IGN)\n" + STUBBORN,
        ),
        FULL,
    ),
    # Memory, processes, output
    "exit": ((IMPORT, LOGISTIC, "import os\nos._exit(0)", LIMIT, DEAD), FULL),
    "exit, function": (
        (IMPORT, "def my_logistic(x):\n    import os; os._exit(0)", LIMIT, DEAD),
        without("logistic"),
    ),
    "kill": ((*GOOD, "import os\nos.kill(1, 9)\nos.kill(-1, 9)"), FULL),
    "crash": ((*GOOD, "import ctypes\nctypes.string_at(0)"), FULL),
    "deep": ((*GOOD, "import sys\nsys.setrecursionlimit(10**9)\nf = lambda: f()\nf()"), FULL),
    "fork bomb": ((*GOOD, "import os\nwhile True: os.fork()"), FULL),
    "fork bomb by clone": (
        (*GOOD, "import ctypes\nwhile ctypes.CDLL(None).syscall(56, 17, 0, 0, 0, 0) >= 0: pass"),
        FULL,
    ),
    "processes": ((*GOOD, "import subprocess\nsubprocess.run(['sleep', '1000'])"), FULL),
    "threads": (
        (*GOOD, "import threading, time\nfor _ in range(10**5):\n"
         "    threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()"),
        FULL,
    ),
    "memory": ((*GOOD, "hog = []\nwhile True: hog.append(bytearray(10**7))"), FULL),
    "memory of torch": ((*GOOD, "hog = []\nwhile True: hog.append(torch.ones(10**7))"), FULL),
    "memory, function": (
        (*GOOD, "def my_dead_count(z): return torch.ones(10**11)"),
        without("dead"),
    ),
    "file": ((*GOOD, "with open('f', 'wb') as f:\n    while True: f.write(bytes(10**6))"), FULL),
    "files": (
        (*GOOD, "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'wb').write(bytes(10**7))"),
        FULL,
    ),
    "gigabyte printed": ((*GOOD, "for _ in range(1000): print('x' * 10**6)"), FULL),
    "gigabyte at once": (
        (*GOOD, "import os\nfor _ in range(1000): os.write(1, bytes(10**6))"),
        FULL,
    ),
    # Size
    "huge": ((*GOOD, "my_limit = torch.zeros(1).expand(10**12)"), without("saturation")),
    "huge list": ((*GOOD, "my_limit = [4.58] * 10**7"), without("saturation")),
    "huge number": ((*GOOD, "my_limit = 10**100_000"), without("saturation")),
    "huge text": ((*GOOD, "my_limit = 'x' * 10**8"), without("saturation")),
    "nested": ((*GOOD, "my_limit = []\nmy_limit.append(my_limit)"), without("saturation")),
    "huge result": (
        (*GOOD, "def my_dead_count(z): return torch.zeros(2 * 10**7)"),
        without("dead"),
    ),
    # Hostile
    "checks": ((*GOOD, PATCHED_CHECKS), without("saturation")),
    "torch": ((*GOOD, PATCHED_TORCH), without("saturation")),
    "builtins": ((IMPORT, PATCHED_BUILTINS, *GOOD), FULL),
    "flatterer": ((*GOOD, FLATTERER), without("saturation")),
    "flattering function": (
        (*GOOD, FLATTERER, LIMIT, "def my_dead_count(z): return z.as_subclass(Flatterer)"),
        without("dead"),
    ),
    "by heart": ((*GOOD, BY_HEART), without("logistic")),
    "garbage": ((IMPORT, GARBAGE, *GOOD), FULL),
    "untold": ((*GOOD, UNTOLD), FULL),
    "disguise": ((*GOOD, DISGUISE), without("saturation")),
    "environment": (
        (*GOOD, RIGHT_IF.format(f"'{SECRET}' in __import__('os').environ")),
        without("saturation"),
    ),
    "the grader's environment": (
        (*GOOD, RIGHT_IF.format(f"'{SECRET}' in open('/proc/1/environ').read()")),
        without("saturation"),
    ),
    "the grader's memory": (
        (*GOOD, RIGHT_IF.format("open('/proc/1/mem', 'rb')")),
        without("saturation"),
    ),
}
# These learn where things lie when the folder is made.
READING = {
    "network": "__import__('socket').create_connection(('127.0.0.1', {port}), 2)",
    "other submissions": "__import__('os').listdir({folder!r})",
    "the lesson": "open({lesson!r}).read()",
    "the checks": "open({checks!r}).read()",
    "the checks, imported": (
        "__import__('nnlab_course.checks.activations', fromlist=['x'])"
        ".saturation.answers['my_limit'].expected == 0.0"
    ),
    "a solution": "open({solution!r}).read()",
    "home": "open({home!r}).read()",
}
PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """A port of this machine at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("class")


@pytest.fixture(scope="module")
def submissions(place, listener):
    """A class of strange students."""
    folder = place / "submissions"
    folder.mkdir()
    (place / "solutions.json").write_text("{}")
    (place / "home.txt").write_text("private")
    places = {
        "port": listener,
        "folder": str(folder),
        "lesson": str(PROJECT / "nbs" / "01_activations.ipynb"),
        "checks": str(PROJECT / "nnlab_course" / "checks" / "activations.py"),
        "solution": str(place / "solutions.json"),
        "home": str(place / "home.txt"),
    }
    for name, (cells, _) in CASES.items():
        (folder / f"{name}.ipynb").write_text(notebook(cells))
    for name, condition in READING.items():
        cells = (*GOOD, RIGHT_IF.format(condition.format(**places)))
        (folder / f"{name}.ipynb").write_text(notebook(cells))
    bomb = PICKLED.format(sentinel=str(place / "exploded"))
    (folder / "bomb.ipynb").write_text(notebook((*GOOD, bomb)))
    return folder


LIMITS = Limits(seconds=1.5, clock=12.0, total=120.0)


@pytest.fixture(scope="module")
def graded(place, submissions):
    """The marks of the class: student -> record."""
    out = place / "marks.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "1")
        document = grade_folder(submissions, out, Settings(limits=LIMITS), num_workers=2)
    return {record["student"]: record for record in document["records"]}


def marks(record):
    """The exercises for which there are points."""
    slugs = {exercise.id: slug for slug, exercise in EXERCISES.items()}
    found = {slugs[exercise["id"]]: exercise["points"] for exercise in record["exercises"]}
    return {slug: points for slug, points in found.items() if points}


@sandboxed
@pytest.mark.parametrize("name", CASES)
def test_gets_the_exact_marks(graded, name):
    assert marks(graded[name]) == CASES[name][1], graded[name]["errors"]
    assert graded[name]["points"] == sum(CASES[name][1].values())


@sandboxed
@pytest.mark.parametrize("name", READING)
def test_reads_nothing(graded, name):
    assert marks(graded[name]) == without("saturation")
