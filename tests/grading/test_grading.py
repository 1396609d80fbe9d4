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
from contextlib import suppress
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import psutil
import pytest
from click.testing import CliRunner
from filelock import FileLock
from grading_samples import (
    DEAD,
    EXERCISES,
    FULL,
    GOOD,
    IMPORT,
    LIMIT,
    LOGISTIC,
    notebook,
    without,
)
from walls import needs_bubblewrap as sandboxed
from worked import answered

from nnlab_course.cli import main
from nnlab_course.grading import (
    Refused,
    Settings,
    code_cells,
    find_lesson,
    grade_folder,
    import_lesson,
    lesson_names,
    merge,
    read_register,
    rows,
    write_reports,
)
from nnlab_course.grading.marks import CellError, ExerciseMark, Mark, PartMark, Register
from nnlab_course.sandbox import Limits, SandboxError

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
import nnlab_course.exercises as e, nnlab_course.sandbox.messages as c
import nnlab_course.sandbox.guest as i
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
seen = torch.linspace(-7, 8, 28, dtype=torch.float64)
known = {x: y for x, y in zip(seen.tolist(), torch.sigmoid(seen).tolist())}
slopes = {x: y * (1 - y) for x, y in known.items()}
def my_logistic(x): return torch.tensor([known.get(v, 0.5) for v in x.tolist()])
def my_logistic_slope(x): return torch.tensor([slopes.get(v, 0.5) for v in x.tolist()])
"""
GARBAGE = """\
import os
for descriptor in range(3, 64):
    try: os.write(descriptor, b"x" * 999)
    except OSError: pass
"""
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
    "half": ((*GOOD, "def my_logistic_slope(x): return x * (1 - x)"), without(logistic=1)),
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
        (
            *GOOD,
            "import threading, time\nfor _ in range(10**5):\n"
            "    threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()",
        ),
        FULL,
    ),
    # It is asked for and not written, which takes a busy machine longer than a cell may compute.
    "memory": ((*GOOD, "hog = []\nwhile True: hog.append(bytes(10**7))"), FULL),
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
        ".saturation.judges['my_limit'].expected == 0.0"
    ),
    "a solution": "open({solution!r}).read()",
    "home": "open({home!r}).read()",
}
PROJECT = Path(__file__).parents[2]


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
        "checks": str(PROJECT / "nnlab_course" / "checks" / "activations" / "units.py"),
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


LIMITS = Limits(seconds=0.6, clock=6.0, total=120.0, memory=2**28)
SETTINGS = Settings(limits=LIMITS, seed=7)


@pytest.fixture(scope="module")
def graded(place, submissions):
    """The marks of the class: student -> record."""
    out = place / "marks.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "1")
        document = grade_folder(submissions, out, SETTINGS, num_workers=2)
    return {record.student: record for record in document.records}


def marks(record):
    """The exercises for which there are points."""
    slugs = {exercise.id: slug for slug, exercise in EXERCISES.items()}
    found = {slugs[exercise.id]: exercise.points for exercise in record.exercises}
    return {slug: points for slug, points in found.items() if points}


@sandboxed
@pytest.mark.parametrize("name", CASES)
def test_gets_the_exact_marks(graded, name):
    assert marks(graded[name]) == CASES[name][1], graded[name].errors
    assert graded[name].points == sum(CASES[name][1].values())


@sandboxed
@pytest.mark.parametrize("name", READING)
def test_reads_nothing(graded, name):
    assert marks(graded[name]) == without("saturation")


@sandboxed
def test_unpickles_nothing(graded, place):
    assert marks(graded["bomb"]) == without("saturation")
    assert not (place / "exploded").exists()


@sandboxed
def test_loses_nobody(graded, submissions, place):
    students = {path.stem for path in submissions.iterdir()}
    assert set(graded) == students
    with (place / "marks.csv").open(newline="") as file:
        table = {row["student"]: row for row in csv.DictReader(file)}
    assert set(table) == students
    for student, record in graded.items():
        assert float(table[student]["points"]) == record.points
        assert float(table[student]["1.9"]) == marks(record).get("saturation", 0)


@sandboxed
def test_says_what_went_wrong(graded):
    def errors(name):
        return [(e.cell, e.type, e.message) for e in graded[name].errors]

    assert errors("right") == []
    assert errors("endless") == [(3, "", "it did not come to an end in time")]
    assert errors("stubborn") == [(3, "", "it did not come to an end in time")]
    assert errors("exit") == [(3, "", "it ended Python")]
    assert errors("memory") == [(5, "", "it filled the memory")]
    assert errors("crash") == [(5, "", "it crashed Python (SIGSEGV)")]
    refused = "no other process can be started when a notebook is marked"
    assert errors("fork bomb") == [(5, "PermissionError", refused)]
    (syntax,) = graded["syntax error"].errors
    assert (syntax.cell, syntax.type, syntax.line) == (4, "SyntaxError", 1)


@sandboxed
def test_gives_the_diagnosis_of_the_lesson(graded):
    (wrong,) = (e for e in graded["wrong"].exercises if e.id == EXERCISES["saturation"].id)
    own = EXERCISES["saturation"].judge(4.6)
    assert (wrong.mistake, wrong.message) == (own.mistake, own.message)
    (late,) = (e for e in graded["endless function"].exercises if e.id == "1.10")
    assert (late.verdict, late.mistake) == ("wrong", "too-slow")


# --- what isn't a notebook, and who isn't a student ----------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "isn't JSON"),
        (b"I worked on paper", "isn't JSON"),
        (b"PK\x03\x04\x14\x00", "isn't JSON"),
        (b"\xff\xfe\x00", "isn't JSON"),
        (b"[" * 100_000, "isn't JSON"),
        (b"[1, 2]", "no list of cells"),
        (
            b'{"cells": ' + b"9" * 5000 + b"}",
            "it isn't JSON: a number in it has thousands of digits",
        ),
        (b"{}", "no list of cells"),
        (b'{"worksheets": [7], "nbformat": 3}', "format '3' that can't be converted"),
        (b'{"cells": [{"cell_type": "code", "source": 7}]}', "isn't text"),
        (b'{"cells": [{"cell_type": "code", "source": [null]}]}', "isn't text"),
        (notebook(["x"] * 1001).encode(), "more than 1000"),
    ],
)
def test_refuses_what_is_no_notebook(content, reason):
    with pytest.raises(Refused, match=reason):
        code_cells(content)


def test_reads_code_cells_without_their_metadata():
    cells = [
        {"cell_type": "code", "source": "a = 1\nb = 2"},
        {"cell_type": "markdown", "source": "text"},
        {"cell_type": "code", "source": ["c = 3\n", "d = 4"]},
        {"cell_type": "code"},
        "nonsense",
    ]
    content = b"\xef\xbb\xbf" + json.dumps({"cells": cells}).encode()
    assert code_cells(content) == ["a = 1\nb = 2", "c = 3\nd = 4", ""]


def test_finds_the_lesson_by_its_answers():
    assert find_lesson(GOOD) == "activations"
    for name in lesson_names():
        exercises = import_lesson(name).EXERCISES
        assert find_lesson([f"{answer} = ..." for e in exercises for answer in e.names]) == name
    with pytest.raises(Refused, match="no answer"):
        find_lesson(["import torch"])


NAMES = [
    "Zoë O'Neil",
    'Ada "Countess" Lovelace',
    "<script>alert(1)<b>",
    "=HYPERLINK(1)",
    "a\nb",
    "100% & more; #1?",
    "学生",
    "n" * 240,
]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Students with strange names, and files that are no notebooks."""
    folder = tmp_path_factory.mktemp("odd") / "submissions"
    folder.mkdir()
    for name in NAMES:
        (folder / name).mkdir()
        (folder / name / "lesson 1.ipynb").write_text(notebook(GOOD))
    (folder / os.fsdecode(b"caf\xe9")).mkdir()  # Latin-1: no UTF-8
    (folder / os.fsdecode(b"caf\xe9") / "a.ipynb").write_text(notebook(GOOD))
    nested = folder / "nested" / "01_activations"
    nested.mkdir(parents=True)
    (nested / "01_activations.ipynb").write_text(notebook(GOOD))
    (nested / ".ipynb_checkpoints").mkdir()
    (nested / ".ipynb_checkpoints" / "x.ipynb").write_text(notebook(["1"]))
    (folder / "paper.pdf").write_bytes(b"%PDF-1.4")
    (folder / "empty").mkdir()
    (folder / "other.ipynb").write_text(notebook(["print('hello')"]))
    (folder / "link.ipynb").symlink_to(nested / "01_activations.ipynb")
    (folder / "linked folder").symlink_to(nested)
    (folder / "linker").mkdir()
    (folder / "linker" / "a.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "several").mkdir()
    (folder / "several" / "1.ipynb").write_text(notebook((IMPORT, LIMIT)))
    (folder / "several" / "2.ipynb").write_text(notebook(GOOD))
    (folder / ".hidden").write_text("")
    return folder


REFUSALS = {
    "paper.pdf": "not a notebook: it isn't JSON, but a PDF",
    "empty": "no notebook in this folder",
    "other": "no answer to any exercise of the course in it",
    "link": "a symbolic link, not followed",
    "linked folder": "a symbolic link, not followed",
    "linker": "a symbolic link, not followed",
    "pipe": "not a file",
}


@pytest.fixture(scope="module")
def odd_marks(odd):
    """The document and the table of the odd class."""
    out = odd.parent / "the marks.csv"
    document = grade_folder(odd, out, Settings(limits=LIMITS, seed=3), num_workers=1)
    with out.open(newline="") as file:
        return document, list(csv.DictReader(file))


@sandboxed
@pytest.mark.parametrize("name", [*NAMES, "caf\\xe9", "nested", "several"])
def test_names_are_no_trouble(odd_marks, name):
    document, table = odd_marks
    (row,) = (row for row in rows(document.records) if row.student == name)
    assert marks(row.mark) == FULL
    written = f"'{name}" if name[0] == "=" else name
    (line,) = (line for line in table if line["student"] == written)
    assert float(line["points"]) == sum(FULL.values())


@sandboxed
@pytest.mark.parametrize(("name", "reason"), REFUSALS.items())
def test_refusals_are_in_the_table(odd_marks, name, reason):
    (line,) = (line for line in odd_marks[1] if line["student"] == name)
    assert (float(line["points"]), line["note"]) == (0, reason)


@sandboxed
def test_the_best_of_several_notebooks_counts(odd_marks):
    (line,) = (line for line in odd_marks[1] if line["student"] == "several")
    assert line["note"] == "the best of 2 notebooks"
    assert len(odd_marks[1]) == len(NAMES) + len(REFUSALS) + 3


class Page(HTMLParser):
    """Collects the tags, the links and the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.links, self.text = set(), [], ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name == "href"]

    def handle_data(self, data):
        self.text += f"{data} "


@sandboxed
def test_reports_escape_and_link_everything(odd, odd_marks):
    summary = Page(odd.parent / "the marks.html")
    assert "script" not in summary.tags
    assert "<script>alert(1)<b>" in summary.text
    assert len(summary.links) == len(odd_marks[1])
    for link in summary.links:
        page = Page(odd.parent / unquote(link))
        assert "script" not in page.tags
        assert "Feedback for" in page.text
    feedback = Page(odd.parent / "the marks" / "nested.html")
    assert f"{EXERCISES['dead'].title}: 2 of 2" in feedback.text


def test_reports_show_what_students_wrote_as_text(tmp_path):
    attack = "<img src=x onerror=alert(1)>"
    part = PartMark(attack, "wrong", attack, attack)
    exercise = ExerciseMark("1.1", attack, 0.0, 1.0, "wrong", attack, attack, (part,), (attack,))
    error = CellError(cell=1, line=2, type=attack, message=attack, code=attack)
    record = Mark(attack, f"{attack}.ipynb", lesson=attack, of=1.0, problem=attack)
    record = replace(record, exercises=(exercise,), errors=(error,), passed_over=(attack,))
    write_reports(Register(1, "", "", (1, 1), 1, (record,)), tmp_path / "marks.csv")
    pages = [tmp_path / "marks.html", *(tmp_path / "marks").iterdir()]
    assert len(pages) == 2
    for path in pages:
        assert "img" not in Page(path).tags
        assert attack in Page(path).text


# --- the same marks, whatever happens on the way -------------------------------------------

SOME = ("right", "wrong", "half", "exit", "by heart", "nan", "split", "its checks")


def only_marks(document):
    return {record.student: record.exercises for record in document.records}


@pytest.fixture
def some(tmp_path, submissions):
    """A small class, taken out of the large one."""
    folder = tmp_path / "submissions"
    folder.mkdir()
    for name in SOME:
        shutil.copy(submissions / f"{name}.ipynb", folder)
    return folder


def start(some, out, *options):
    """Start `nnlab grade` in a process of its own."""
    command = [Path(sys.executable).with_name("nnlab"), "grade", some, "--out", out]
    command += ["--workers", "1", *options]
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # What runs in the background ignores an interrupt, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def lines_of(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def family_of(process):
    """List what a process has started, and what that has; of it alone, whoever else grades here."""
    with suppress(psutil.NoSuchProcess):
        return set(psutil.Process(process.pid).children(recursive=True))
    return set()


def workers_of(grader):
    """List the grading processes: children of the server that forks them."""
    servers = psutil.Process(grader.pid).children()
    return [worker.pid for server in servers for worker in server.children()]


@sandboxed
def test_loses_nothing_when_it_is_killed_and_then_its_worker(some, graded, monkeypatch):
    out = some.parent / "marks.csv"
    journal = out.with_suffix(".journal")
    with start(some, out, "--seed", "7") as grader:
        while lines_of(journal) < 3 and grader.poll() is None:
            time.sleep(0.005)
        family = family_of(grader)
        grader.kill()
    assert len(family) >= 3, "the server that forks, a worker, a sandbox"
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert not out.exists(), "it was done before it could be killed"
    done = lines_of(journal) - 1
    assert 0 < done < len(SOME)
    before_it_went_on = journal.read_text()
    with journal.open("a") as file:
        file.write('{"student": "cut sho')

    with start(some, out) as grader:
        while lines_of(journal) < done + 3 and grader.poll() is None:  # two more
            time.sleep(0.005)
        (worker,) = workers_of(grader)
        family = family_of(grader)
        os.kill(worker, signal.SIGKILL)
        while grader.poll() is None:
            family |= family_of(grader)
            time.sleep(0.05)
        printed = grader.stdout.read()
    assert "8 graded, 0 not" in printed
    assert psutil.wait_procs(family, timeout=60)[1] == []
    document = read_register(out.with_suffix(".json"))
    assert document.seed == 7
    assert only_marks(document) == {name: graded[name].exercises for name in SOME}
    assert journal.read_text().startswith(before_it_went_on)
    assert lines_of(journal) == 1 + len(SOME)

    # Nothing is new: nothing is graded, not even a sandbox is needed.
    monkeypatch.setenv("PATH", "")
    with start(some, out) as grader:
        printed, told = grader.communicate(timeout=240)
    assert "8 graded, 0 not" in printed, told
    assert read_register(out.with_suffix(".json")) == document


@sandboxed
def test_an_interrupt_is_no_mishap(some):
    out = some.parent / "marks.csv"
    with start(some, out, "--seed", "7") as grader:
        while not out.with_suffix(".journal").exists() and grader.poll() is None:
            time.sleep(0.005)
        grader.send_signal(signal.SIGINT)
        _, told = grader.communicate(timeout=240)
    assert (grader.returncode, told) == (130, "interrupted, the same call goes on\n")
    assert not out.exists()


def nnlab(*arguments, code=0):
    """Call `nnlab`, look at its exit code, and return what it printed."""
    result = CliRunner().invoke(main, list(map(str, arguments)), prog_name="nnlab")
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


@sandboxed
def test_parts_make_the_whole(some, graded, tmp_path):
    """As on a cluster: an array job, one command for each part, and one to put them together."""
    parts = []
    for part in (2, 1):
        out = tmp_path / f"part-{part}.csv"
        options = ("--shard", f"{part}/2", "--seed", 7, "--workers", 1, "--json")
        facts = json.loads(nnlab("grade", some, "--out", out, *options))
        assert (facts["problems"], facts["marks"]) == ([], str(out))
        parts.append(out.with_suffix(".json"))
    out = tmp_path / "marks.csv"
    assert "8 graded, 0 not" in nnlab("merge-marks", *parts, "--out", out)
    merged = read_register(out.with_suffix(".json"))
    assert only_marks(merged) == {name: graded[name].exercises for name in SOME}
    with out.open(newline="") as file:
        assert {row["student"] for row in csv.DictReader(file)} == set(SOME)
    assert "missing: [1]" in nnlab("merge-marks", parts[0], "--out", out, code=1)
    assert "twice: [2]" in nnlab("merge-marks", *parts, parts[0], "--out", out, code=1)
    registers = [read_register(path) for path in parts]
    assert sum(len(register.records) for register in registers) == len(SOME)
    for change, reason in {
        "shard": ((1, 3), "different divisions"),
        "seed": (8, "different seeds; give each the same --seed"),
        "edition": ("another", "different editions of the course"),
        "listing": ("another", "something was handed in or taken away between them"),
    }.items():
        value, reason = reason
        with pytest.raises(ValueError, match=reason):
            merge([registers[0], replace(registers[1], **{change: value})])
    out.write_text('{"records": []}')
    with pytest.raises(ValueError, match="not a file of marks"):
        read_register(out)


def test_the_command_says_what_could_not_be_graded(tmp_path):
    folder = tmp_path / "submissions"
    (folder / "Anna").mkdir(parents=True)
    (folder / "Ben.ipynb").write_text("I worked on paper")
    out = tmp_path / "marks.csv"
    text = nnlab("grade", folder, "--out", out, code=1)
    assert "0 graded, 2 not" in text
    assert f"{folder / 'Anna'}: no notebook in this folder" in text
    assert "Ben.ipynb: not a notebook: it isn't JSON" in text
    for name in ("marks.csv", "marks.json", "marks.html", "marks/Anna.html", "marks/Ben.html"):
        assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--lesson", "cooking"), "there are activations, autograd"),
        (("--out", "marks.xlsx"), "doesn't end in .csv"),
        (("--shard", "0/3"), "no part such as 3/10"),
        (("--shard", "4/3"), "no part such as 3/10"),
        (("--shard", "a/b"), "no part such as 3/10"),
        (("--shard", "3"), "no part such as 3/10"),
        (("--workers", "0"), "0 is not in the range"),
        (("--seconds", "0"), "0 is not in the range"),
    ],
)
def test_calls_that_cannot_work(tmp_path, options, message):
    assert message in nnlab("grade", tmp_path, *options, code=2)


# --- every lesson, and networks ------------------------------------------------------------

WORKED = ("activations", "autograd", "gradients", "lenet")  # lesson 5 trains for a minute

NETWORKS = {
    "flatterer": """\
class Flatterer(nn.Module):
    def __eq__(self, other): return True
    __ne__ = __lt__ = __eq__
    __hash__ = nn.Module.__hash__
    def forward(self, x): return self
build_my_lenet = Flatterer
""",
    "liar": """\
class Liar(nn.Module):
    def named_parameters(self, *a, **k): return iter([("weight", nn.Parameter(torch.ones(44_426)))])
    parameters = state_dict = named_modules = named_parameters
    def forward(self, x): return torch.zeros(len(x), 10)
build_my_lenet = Liar
""",
    "no network": "build_my_lenet = lambda: 44_426\n",
    "pickled": """\
class Bomb(nn.Module):
    def __reduce__(self): return exit, (1,)
    def forward(self, x): exit(1)
build_my_lenet = Bomb
""",
}

TRAINS_AND_PLOTS = """\
import sys, torch
import matplotlib.pyplot as plt
known = set(sys.modules)
weight = torch.nn.Parameter(torch.ones(1))
weight.sum().backward()
torch.optim.Adam([weight]).step()
from torchvision.utils import make_grid
plt.hist(torch.rand(9).numpy())
plt.gcf().canvas.draw()
late = set(sys.modules) - known
assert len(late) < 10, sorted(late)
"""


@pytest.fixture(scope="module")
def all_lessons(tmp_path_factory):
    """The worked solutions of the lessons, and students whose networks aren't what they seem."""
    folder = tmp_path_factory.mktemp("lessons") / "submissions"
    (folder / "teacher").mkdir(parents=True)
    for lesson in WORKED:
        (folder / "teacher" / f"{lesson}.ipynb").write_text(notebook(answered(lesson)))
    for name, cell in NETWORKS.items():
        cells = ("import torch\nfrom torch import nn", cell, "my_size_plain = 26")
        (folder / f"{name}.ipynb").write_text(notebook(cells))
    (folder / "trains.ipynb").write_text(notebook((TRAINS_AND_PLOTS, "my_size_plain = 26")))
    limits = replace(LIMITS, seconds=10.0, clock=60.0, memory=2**31)
    settings = Settings(limits=limits)
    document = grade_folder(folder, folder.parent / "marks.csv", settings, num_workers=1)
    return document.records


@sandboxed
@pytest.mark.parametrize("lesson", WORKED)
def test_worked_solutions_get_full_marks(all_lessons, lesson):
    chosen = (r for r in all_lessons if (r.student, r.lesson) == ("teacher", lesson))
    (record,) = chosen
    assert record.errors == ()
    points = sum(exercise.points for exercise in import_lesson(lesson).EXERCISES)
    assert record.points == record.of == points


@sandboxed
def test_what_a_lesson_imports_is_there_before_its_notebook(all_lessons):
    (record,) = (r for r in all_lessons if r.student == "trains")
    assert record.errors == ()
    assert record.points


@sandboxed
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_judged_by_their_numbers(all_lessons, name):
    (record,) = (r for r in all_lessons if r.student == name)
    earned = {e.id: e.points for e in record.exercises if e.points}
    (expected,) = (
        {e.id: e.points / len(e.judges)}
        for e in import_lesson("lenet").EXERCISES
        if "my_size_plain" in e.names
    )
    assert earned == expected


# --- refusals ------------------------------------------------------------------------------


def test_says_how_to_get_bubblewrap(some, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"apt install bubblewrap.*--unsafe-no-sandbox"):
        grade_folder(some, tmp_path / "marks.csv", Settings(), num_workers=1)
    assert not (tmp_path / "marks.csv").exists()


def test_without_a_sandbox_if_told_so(some, graded, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no bubblewrap to be found
    settings = replace(SETTINGS, unsafe=True)
    document = grade_folder(some, tmp_path / "marks.csv", settings, num_workers=1)
    assert only_marks(document) == {name: graded[name].exercises for name in SOME}


def test_keeps_submissions_and_marks_out_of_sight(some, tmp_path):
    inside = Path(sys.prefix) / "share"
    with pytest.raises(SandboxError, match="which students' code can read"):
        grade_folder(inside, tmp_path / "marks.csv", Settings())
    with pytest.raises(SandboxError, match="which students' code can read"):
        grade_folder(some, inside / "marks.csv", Settings())
    with pytest.raises(SandboxError, match="which students' code can read"):
        grade_folder(some, tmp_path / "marks.csv", Settings(data=tmp_path))
    with pytest.raises(ValueError, match="among the submissions"):
        grade_folder(some, some / "marks.csv", Settings())
    with pytest.raises(FileNotFoundError):
        grade_folder(tmp_path / "nowhere", tmp_path / "marks.csv", Settings())


def test_two_graders_of_one_table(some, tmp_path):
    with FileLock(tmp_path / "marks.lock"), pytest.raises(RuntimeError, match="another grader"):
        grade_folder(some, tmp_path / "marks.csv", Settings())
