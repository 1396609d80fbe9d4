"""A fault of the sandbox or the grader is charged to nobody, and isn't kept; nor is lost time."""

import os
import signal
import time
from contextlib import closing

import pytest
from grading_samples import FULL, GOOD, IMPORT, LOGISTIC, marks, notebook
from walls import needs_bubblewrap as sandboxed

from nnlab_course.grading import HandedIn, Settings, read_submission
from nnlab_course.grading.journal import Journal
from nnlab_course.grading.workers import _try_twice
from nnlab_course.sandbox import Limits, Sandbox, SandboxFault
from nnlab_course.sandbox.submission import Submission

SETTINGS = Settings(limits=Limits(seconds=5.0, clock=30.0, total=120.0, memory=2**29), seed=3)


class Faulty(Sandbox):
    """Breaks down as often as it is told, when a notebook is to begin."""

    faults, starts = 0, 0

    def start(self):
        self.starts += 1
        super().start()

    def open(self):
        if self.faults:
            self.faults -= 1
            raise SandboxFault("it broke down")
        return super().open()


@pytest.fixture(scope="module")
def sandbox():
    with Faulty(SETTINGS.limits, checks=["nnlab_course.checks.activations"]) as sandbox:
        yield sandbox


@pytest.fixture
def readable(tmp_path):
    path = tmp_path / "ada.ipynb"
    path.write_text(notebook(GOOD))
    return read_submission(HandedIn("ada", path), SETTINGS)


@sandboxed
def test_one_fault_is_made_good(sandbox, readable):
    sandbox.faults, before = 1, sandbox.starts
    mark = _try_twice(readable, sandbox, SETTINGS)
    assert (marks(mark), mark.problem) == (FULL, "")
    assert sandbox.starts == before + 1


@sandboxed
def test_a_fault_that_stays_is_told_and_not_kept(sandbox, readable, tmp_path):
    sandbox.faults = 2
    mark = _try_twice(readable, sandbox, SETTINGS)
    assert mark.problem.startswith("not marked, by a fault of the grader")
    assert "SandboxFault: it broke down" in mark.problem
    assert mark.exercises == ()
    path = tmp_path / "marks.journal"
    with closing(Journal(path, SETTINGS, 3)) as journal:
        journal.add(mark)
    with closing(Journal(path, SETTINGS, 3)) as journal:
        assert journal.find(readable) is None
        again = _try_twice(readable, sandbox, SETTINGS)
        assert marks(again) == FULL
        journal.add(again)
    with closing(Journal(path, SETTINGS, 3)) as journal:
        assert journal.find(readable) == again


@sandboxed
def test_a_sandbox_that_was_killed_between_two_notebooks_is_begun_anew(sandbox, readable):
    assert marks(_try_twice(readable, sandbox, SETTINGS)) == FULL
    os.kill(sandbox.process.pid, signal.SIGKILL)
    assert marks(_try_twice(readable, sandbox, SETTINGS)) == FULL


# At which call of which step the time for the whole notebook runs out.
MOMENTS = [("_open", 1)]
MOMENTS += [("_run_alone", turn) for turn in range(1, 9)]
MOMENTS += [("look", turn) for turn in range(4)]
MOMENTS += [("limit_answers", turn) for turn in range(3)]


@sandboxed
@pytest.mark.parametrize(("step", "turn"), MOMENTS)
def test_what_has_run_counts_whenever_the_time_runs_out(sandbox, tmp_path, monkeypatch, step, turn):
    path = tmp_path / "ada.ipynb"
    path.write_text(notebook((*GOOD, "import os; os._exit(0)")))  # which has the rest run again
    take, turns, finished = getattr(Submission, step), [], set()

    def take_when_time_is_up(submission, *arguments):
        if len(turns) == turn:
            submission.end = time.monotonic()
            finished.update(submission._finished)
        turns.append(step)
        return take(submission, *arguments)

    monkeypatch.setattr(Submission, step, take_when_time_is_up)
    mark = _try_twice(read_submission(HandedIn("ada", path), SETTINGS), sandbox, SETTINGS)
    assert len(turns) > turn, "the time has not run out"
    assert not finished & {error.cell - 1 for error in mark.errors}, mark.errors
    assert marks(mark) == {
        slug: points for cell, (slug, points) in enumerate(FULL.items(), 1) if cell in finished
    }


@sandboxed
def test_what_is_judged_at_the_end_counts_when_the_time_runs_out_then(
    sandbox, tmp_path, monkeypatch
):
    path = tmp_path / "ada.ipynb"
    logistic = LOGISTIC.replace("1 / (1 + torch.exp(-x))", "other_way_round(-x)")
    path.write_text(
        notebook((IMPORT, logistic, "def other_way_round(x): return 1 / (1 + x.exp())"))
    )
    take, turns = Submission.limit_answers, []

    def take_when_time_is_up(submission):
        turns.append("at its own cell" if len(submission._finished) < 3 else "at the end")
        if turns == ["at its own cell", "at the end"]:
            submission.end = time.monotonic()
        take(submission)

    monkeypatch.setattr(Submission, "limit_answers", take_when_time_is_up)
    mark = _try_twice(read_submission(HandedIn("ada", path), SETTINGS), sandbox, SETTINGS)
    assert turns[1:3] == ["at the end"] * 2, turns
    assert (marks(mark), mark.errors) == ({"logistic": FULL["logistic"]}, ())
