"""No student's code outlives the marker, and what changed the sandbox ends it."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from walls import needs_bubblewrap

from nnlab_course.sandbox import Limits, Sandbox, SandboxFault, Submission
from nnlab_course.sandbox.processes import state_of_this_process
from nnlab_course.sandbox.zygote import sweep

pytestmark = needs_bubblewrap
MARKER = """
import sys
from nnlab_course.sandbox import Limits, Sandbox, Submission
with Sandbox(Limits(seconds=1000, clock=1000), unsafe={unsafe}) as sandbox:
    print(sandbox.process.pid, flush=True)
    Submission(sandbox, [{cell!r}]).run()
"""
STUBBORN = "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: pass"


def parents():
    """Map each process to its parent."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if fields[0] != "Z":
            found[int(place.name)] = int(fields[1])
    return found


def family(process):
    """List a process and what it has started."""
    known, size = {process}, 0
    while size != len(known):
        size = len(known)
        known |= {child for child, parent in parents().items() if parent in known}
    return known


def wait_until(is_true, seconds=120):
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it doesn't come true"
        time.sleep(0.02)


@pytest.mark.parametrize("unsafe", [False, True])
def test_nothing_outlives_a_marker_that_is_killed(unsafe):
    code = MARKER.format(cell=STUBBORN, unsafe=unsafe)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as marker:
        first = int(marker.stdout.readline())
        # Bubblewrap, the zygote, the notebook; without bubblewrap, the last two.
        wait_until(lambda: len(family(first)) >= (2 if unsafe else 3))
        started = family(first)
        marker.send_signal(signal.SIGKILL)
        wait_until(lambda: not started & parents().keys(), 20)


@pytest.fixture
def sandbox():
    with Sandbox(Limits(seconds=2.0, clock=20.0, memory=2**28)) as sandbox:
        yield sandbox


CHANGES = {
    "limit": lambda process: resource.prlimit(process, resource.RLIMIT_CPU, (10, 10)),
    "priority": lambda process: os.setpriority(os.PRIO_PROCESS, process, 7),
}


def test_a_changed_zygote_is_begun_anew(sandbox):
    for name, change in CHANGES.items():
        Submission(sandbox, ["x = 1"]).run()
        bubblewrap = sandbox.process.pid
        sandbox.session.end("the end")
        (zygote,) = family(bubblewrap) - {bubblewrap}
        change(zygote)
        submission = Submission(sandbox, ["import os", "x = os.nice(0)"])
        assert submission.answers(["x"]) == [os.nice(0)], name
        assert sandbox.process.pid != bubblewrap, name


def test_a_fault_of_the_sandbox_is_not_the_students():
    with Sandbox(Limits(memory=2**63)) as sandbox:  # no process can be given this limit
        submission = Submission(sandbox, ["x = 1"])
        with pytest.raises(SandboxFault, match="mark this notebook again"):
            submission.run()
        assert submission.errors == {}
        sandbox.limits = Limits()
        assert Submission(sandbox, ["x = 1"]).answers(["x"]) == [1]


def test_a_killed_cell_gets_a_second_try(sandbox):
    """A machine that is short of memory kills whom it likes, so the first time counts nothing."""
    killed = []

    def kill_once(submission, number):
        if not killed:
            (guest,) = (p for p, parent in parents().items() if parent in zygotes)
            killed.append(guest)
            os.kill(guest, signal.SIGKILL)

    Submission(sandbox, ["x = 1"]).run()
    zygotes = family(sandbox.process.pid) - {sandbox.process.pid}
    sandbox.session.end("the end")
    zygotes &= parents().keys()
    submission = Submission(sandbox, ["x = 1", "y = 2"], after=kill_once)
    assert submission.answers(["x", "y"]) == [1, 2]
    assert killed
    assert submission.errors == {}


def test_a_state_is_compared_whole():
    assert state_of_this_process() == state_of_this_process()
    assert len(state_of_this_process()["limits"]) == 16


def test_sweeps_what_no_recursion_could(tmp_path, monkeypatch):
    folder = here = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for _ in range(1200):
        os.mkdir("deep")
        os.chdir("deep")
    Path("file").write_text("")
    os.chmod("..", 0)
    monkeypatch.undo()
    (here / b"\xff\n".decode(errors="surrogateescape")).write_text("")
    (here / "link").symlink_to("/usr")
    sweep(folder)
    assert os.listdir(folder) == []
    assert Path("/usr/bin").is_dir()
