"""Each attack of the list meets a wall, and the notebooks after it are marked as without it."""

import json

import pytest
from attacks import ATTACKS, SETTING
from walls import needs_bubblewrap

from nnlab_course.checks import activations
from nnlab_course.sandbox import Limits, Sandbox, Submission

HONEST = (
    "import torch\ndef my_logistic(x): return 1 / (1 + torch.exp(-x))",
    "def my_logistic_slope(x): return my_logistic(x) * (1 - my_logistic(x))",
    "my_limit = 4.58",
    "def my_dead_count(z): return int((z <= 0).all(dim=0).sum())",
)
LOOK = """
import os, resource, signal
seen = {
    "limits": [resource.getrlimit(n) for n in range(16) if n != resource.RLIMIT_AS],
    "priority": os.nice(0), "processors": sorted(os.sched_getaffinity(0)),
    "scheduler": os.sched_getscheduler(0), "mask": oct(os.umask(0)), "folder": os.getcwd(),
    "environment": dict(os.environ), "home": os.listdir("."), "mode": os.stat(".").st_mode,
    "processes": sum(name.isdigit() for name in os.listdir("/proc")),
    "signals": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "score": open("/proc/self/oom_score_adj").read(), "drawn": torch.rand(3).tolist(),
}
"""
EXERCISES = [e for e in activations.EXERCISES if e.slug in ("logistic", "saturation", "dead")]


@pytest.fixture(scope="module")
def sandbox():
    # More than four times a file's size: a full folder alone isn't yet a full memory.
    limits = Limits(seconds=5.0, clock=10.0, total=60.0, memory=2**28 + 2**25)
    with Sandbox(limits, checks=["nnlab_course.checks", "nnlab_course.checks.activations"]) as box:
        yield box


def marks_of(sandbox, *more):
    """Mark an honest notebook with these cells at its end."""
    submission = Submission(sandbox, [*HONEST, *more])
    results = [exercise.judge(*submission.answers(exercise.names)) for exercise in EXERCISES]
    return submission, [(result.points, result.message) for result in results]


def state_of(sandbox):
    """Tell what a notebook finds at its start, and what an honest one gets."""
    submission, marks = marks_of(sandbox, LOOK)
    (seen,) = submission.answers(["seen"])
    return json.dumps(seen), marks


@pytest.fixture(scope="module")
def undisturbed(sandbox):
    state, marks = state_of(sandbox)
    assert [points for points, _ in marks] == [1, 1, 1]
    return state, marks


@needs_bubblewrap
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_next_notebook_is_marked_as_without_it(sandbox, undisturbed, attack):
    submission, marks = marks_of(sandbox, SETTING, attack.cell)
    setting, number = len(HONEST), len(HONEST) + 1
    assert setting not in submission.errors, submission.errors[setting]
    if attack.must_be == "refused":
        assert submission.errors[number]["type"], f"{attack.cell} was allowed"
        assert marks == undisturbed[1], "its own honest answers count"
    if attack.must_be == "caught":
        assert number in submission.left_out, submission.errors
        assert marks == undisturbed[1], "its own honest answers count"
    if attack.must_be == "harmless":
        assert number not in submission.errors, submission.errors
    json.dumps(submission.errors, ensure_ascii=False).encode()  # no lone halves of characters
    assert state_of(sandbox) == undisturbed
