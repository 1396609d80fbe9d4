"""Nothing gets in or out of the sandbox but plain bytes, and nothing stays behind in it."""

import json
import os
import random
import socket
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn
from walls import bubblewrap_starts

from nnlab_course.checks.gradients import thirty
from nnlab_course.exercises import AnswerError, Network, NotAnswered, as_tensor, build_network, call
from nnlab_course.sandbox import (
    Limits,
    RemoteFunction,
    Sandbox,
    SandboxError,
    StudentError,
    Submission,
    visible_folders,
)
from nnlab_course.sandbox.channel import receive, send
from nnlab_course.sandbox.messages import (
    CrossingError,
    Unreadable,
    read_message,
    write_message,
)
from nnlab_course.sandbox.seccomp import filter_program

# --- what crosses --------------------------------------------------------------------------


def split(message):
    """Cut a message into its text and its bytes, as `receive` does."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(message)
        return receive(here)


def cross(value, **options):
    return read_message(*split(write_message({}, value)), **options)[1]


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**63), 1.5, float("inf"), "σ\n\ud83d", ..., [], [1, [2.0, "x"]], {"a": [1]}],
    ids=repr,
)
def test_plain_values_cross(value):
    expected = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    assert cross(value) == expected


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3), (1, 2, 3, 4)])
def test_tensors_and_arrays_cross(dtype, shape):
    tensor = (torch.rand(shape) * 4 - 2).to(getattr(torch, dtype))
    found, array = cross([tensor, tensor.numpy()])
    assert found.dtype == tensor.dtype
    assert torch.equal(found, tensor)
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, tensor.numpy())


def test_unusual_tensors_become_plain_ones():
    base = torch.arange(6.0).reshape(2, 3)
    unusual = [
        base.T,
        base.expand(4, 2, 3),
        base.clone().requires_grad_() * 2,
        nn.Parameter(base),
        base.to_sparse(),
        base.bfloat16(),
        torch._neg_view(base),
    ]
    for tensor in unusual:
        found = cross(tensor)
        assert type(found) is torch.Tensor
        assert not found.requires_grad
        assert torch.equal(found, tensor.detach().to_dense().float())
    assert cross(np.float32(1.5)) == 1.5
    assert cross(np.arange(3)[::-1]).tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        ({1, 2}, "set"),
        (1j, "complex"),
        (10**30, "integer_too_large"),
        (torch.zeros(2, dtype=torch.complex64), "Tensor"),
        (torch.zeros(1).expand(10**12), "tensor_too_large"),
        (np.broadcast_to(np.zeros(1), (10**9,)), "array_too_large"),
        (np.array([object()]), "ndarray"),
        (np.array(["text"]), "ndarray"),
        ([0.0] * 10**6, "answer_too_long"),
        (print, "builtin_function_or_method"),
    ],
)
def test_what_cannot_cross_leaves_its_name(value, name):
    found = cross(value)
    assert isinstance(found, Unreadable)
    assert type(found).__name__ == name
    with pytest.raises(AnswerError, match=name):
        as_tensor(found)


def test_endless_nesting_ends():
    endless = []
    endless.append(endless)
    found = cross(endless)
    while isinstance(found, list):
        (found,) = found
    assert isinstance(found, Unreadable)


TENSOR = {"is": "tensor", "dtype": "float32", "shape": [2], "at": 0}


@pytest.mark.parametrize(
    "tree",
    [
        TENSOR | {"shape": [3]},
        TENSOR | {"shape": [-1]},
        TENSOR | {"shape": [2**40, 2**40]},
        TENSOR | {"shape": [1.0]},
        TENSOR | {"shape": [True]},
        TENSOR | {"shape": 2},
        TENSOR | {"shape": [1] * 17},
        TENSOR | {"at": 4},
        TENSOR | {"at": -4},
        TENSOR | {"at": None},
        TENSOR | {"dtype": "object"},
        TENSOR | {"dtype": "complex64"},
        TENSOR | {"dtype": ["float32"]},
        {"is": "tensor"},
        {"is": "list"},
        {"is": "list", "items": 3},
        {"is": "dict", "items": [[1]]},
        {"is": "dict", "items": [[{"is": "list", "items": []}, 1]]},
        {"is": "handle", "kind": "function", "handle": 0, "name": "f", "type": "f"},
        {"is": "generator", "state": TENSOR},
        {"is": "__init__"},
        {"is": ["tensor"]},
        {},
        [],
        [1, 2],
        2**70,
    ],
    ids=json.dumps,
)
def test_false_claims_are_refused(tree):
    with pytest.raises(CrossingError):
        read_message(json.dumps({"value": tree}).encode(), bytearray(8))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b"[]", b"3", b"{}", b"[" * 10**5, b'{"value": ' + b"9" * 5000 + b"}"],
)
def test_malformed_messages_are_refused(text):
    with pytest.raises(CrossingError):
        read_message(text, bytearray())


def test_damaged_messages_are_refused_or_harmless():
    rng = random.Random(0)
    text, blob = split(write_message({}, [torch.eye(2), {"a": 1.5}, "text", ...]))
    refused = 0
    for _ in range(2000):
        damaged = bytearray(text)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            read_message(bytes(damaged), bytearray(blob))
        except CrossingError:
            refused += 1
    assert refused > 1000


def test_lengths_and_deadlines_are_kept():
    here, there = socket.socketpair()
    with here, there:
        there.sendall((2**31).to_bytes(4, "big") + bytes(8))
        with pytest.raises(CrossingError, match="larger than agreed"):
            receive(here)
        there.sendall(b"\0\0\0\5")
        with pytest.raises(TimeoutError):
            receive(here, time.monotonic() + 0.05)
        with pytest.raises(TimeoutError):
            send(here, bytes(10**8), time.monotonic() + 0.05)
        there.close()
        with pytest.raises((EOFError, OSError)):
            receive(here)


# --- inside --------------------------------------------------------------------------------


def test_a_filter_is_known_for_two_machines_only():
    assert filter_program("x86_64", 7) != filter_program("aarch64", 7)
    with pytest.raises(ValueError, match="mips"):
        filter_program("mips", 7)


# --- the sandbox ---------------------------------------------------------------------------

LIMITS = Limits(seconds=1.0, clock=20.0, total=60.0, memory=2**28)


@pytest.fixture(scope="module")
def sandbox():
    if not bubblewrap_starts():
        pytest.skip("needs bubblewrap and user namespaces (apt install bubblewrap)")
    checks = ["nnlab_course.checks", "nnlab_course.checks.activations"]
    # Imported beforehand, as in marking: it takes half of a cell's second.
    with Sandbox(LIMITS, modules=["nnlab_course.gradients"], checks=checks) as sandbox:
        yield sandbox


def answers(sandbox, *cells, names):
    submission = Submission(sandbox, cells)
    found = submission.answers(names)
    return found if len(names) > 1 else found[0]


def test_what_a_task_forbids_is_refused_where_the_code_runs(sandbox):
    cells = ("import torch\nf = lambda x: x.sigmoid()\ng = lambda x: 1 / (1 + torch.exp(-x))",)
    used, written = answers(sandbox, *cells, names=["f", "g"])
    with pytest.raises(AnswerError, match="your code uses `sigmoid`") as refused:
        call(used, torch.zeros(2), forbidden=("sigmoid",))
    assert refused.value.mistake == "forbidden"
    assert call(used, torch.zeros(2), forbidden=("autograd",)).tolist() == [0.5, 0.5]
    assert call(written, torch.zeros(2), forbidden=("sigmoid",)).tolist() == [0.5, 0.5]


def test_garbage_is_looked_for(sandbox):
    """But not in the process that a notebook's is a copy of, while that one imports."""
    assert answers(sandbox, "import gc\nlooked_for = gc.isenabled()", names=["looked_for"]) is True


def test_sees_the_interpreter_and_the_package_only(sandbox):
    look = """
import os
from pathlib import Path
def below(folder):
    return sorted(str(p) for p in Path(folder).rglob("*") if p.is_file())
environment = dict(os.environ)
top = sorted(os.listdir("/"))
package = below(PACKAGE)
home = below(Path.home())
processes = [name for name in os.listdir("/proc") if name.isdigit()]
network = Path("/proc/net/dev").read_text().count(":")
host = os.uname().nodename
"""
    package = str(next(iter(sys.modules["nnlab_course"].__path__)))
    names = ["environment", "top", "package", "home", "processes", "network", "host"]
    look = look.replace("PACKAGE", repr(package))
    environment, top, files, home, processes, network, host = answers(sandbox, look, names=names)
    assert set(environment) <= {
        *("HOME", "TMPDIR", "USER", "PATH", "LANG", "MPLBACKEND", "PYTHONPATH", "PYTHONHASHSEED"),
        *("OMP_NUM_THREADS", "TQDM_DISABLE", "NNLAB_OFFLINE", "NNLAB_STATIC", "NNLAB_DATA", "PWD"),
        "MALLOC_ARENA_MAX",
        "TORCHINDUCTOR_CACHE_DIR",  # torch's own doing
    }
    shown = {path.parts[1] for path in visible_folders()} | {package.split("/")[1]}
    assert set(top) == shown | {"dev", "proc", "sandbox", "sandbox-data", "tmp", "content"}
    assert f"{package}/sandbox/guest.py" in files
    inside = [path.removeprefix(f"{package}/").split("/") for path in files]
    seen = {parts[0] for parts in inside if parts[1:]}
    assert seen == {"data", "exercises", "explorers", "plots", "records", "sandbox", "training"}
    assert not any("checks" in path or "grading" in path or "host" in path for path in files)
    assert home == []
    assert len(processes) == 2
    assert network == 1  # the loopback of its own
    assert host == "sandbox"


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/proc/1/mem', 'rb')",
        "open('/proc/1/environ', 'rb').read()",
        "os.readlink('/proc/1/fd/3')",
        "os.readlink('/proc/1/cwd')",
        "open('/x', 'w')",
        "open('/dev/x', 'w')",
        "open('/dev/shm/x', 'w')",
        "open('/usr/x', 'w')",
        "open(torch.__file__, 'a')",
        "open(nnlab_course.__file__, 'a')",
        "os.fork()",
        "os.system('true') and 1 / 0",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "refused(ctypes.CDLL(None).unshare(0x10000000))",
        "refused(ctypes.CDLL(None).mount(b'none', b'/sandbox', b'tmpfs', 0, None))",
        "refused(ctypes.CDLL(None).ptrace(16, 1, None, None))",
        "refused(ctypes.CDLL(None).shmget(7, 4096, 0o1777))",
        "refused(ctypes.CDLL(None).msgget(7, 0o1777))",
        "refused(ctypes.CDLL(None).prctl(22, 0, 0, 0, 0))",
        "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
        "bytearray(2**29)",
        "torch.zeros(2**28)",
        "open('f', 'wb').write(bytes(2**27))",
    ],
)
def test_refuses(sandbox, attempt):
    setting = """
import ctypes, os, resource, socket
import torch, nnlab_course
def refused(code):
    if code < 0: raise OSError(code)
"""
    submission = Submission(sandbox, [setting, attempt])
    submission.run()
    assert list(submission.errors) == [1], f"{attempt} was allowed"


def test_nothing_stays_behind(sandbox):
    untidy = """
import os
os.makedirs("a/b/c")
open("a/b/c/torch.py", "w").write("1 / 0")
open(".hidden", "w").write("mine")
os.symlink("/usr", "link")
os.chmod("a/b", 0)
os.chmod(".", 0)
import torch
torch.manual_seed(5)
torch.sigmoid = None
"""
    drawn = (
        "import os, random, torch\nfound = os.listdir('.'), torch.rand(3).tolist(), random.random()"
    )
    first = answers(sandbox, drawn, names=["found"])
    Submission(sandbox, [untidy]).run()
    process = sandbox.process.pid
    assert answers(sandbox, drawn, names=["found"]) == first
    assert sandbox.process.pid == process, "the sandbox had to be started anew"
    assert first[0] == []


def test_a_sandbox_that_was_brought_down_is_started_again(sandbox):
    Submission(sandbox, ["x = 1"]).run()
    sandbox.process.kill()
    sandbox.process.wait()
    assert answers(sandbox, "x = 2", names=["x"]) == 2


def test_values_and_functions(sandbox):
    cells = [
        "import torch",
        "y = torch.eye(2)\ndef f(x, times=2):\n    return [x * times, {'n': 1}]",
    ]
    y, f, nothing = answers(sandbox, *cells, names=["y", "f", "nothing"])
    assert torch.equal(y, torch.eye(2))
    assert isinstance(f, RemoteFunction)
    assert f.__name__ == "f"
    assert nothing is ...
    product, facts = f(torch.ones(2), times=3)
    assert product.tolist() == [3, 3]
    assert facts == {"n": 1}
    assert f([1, 2])[0] == [1, 2, 1, 2]


def test_functions_of_functions_and_generators(sandbox):
    cells = [
        "import torch\ndef make(n):\n    return lambda x: x + n\ndef apply(f, x): return f(x)",
        "def draw(generator): return torch.rand(2, generator=generator)",
    ]
    make, apply, draw = answers(sandbox, *cells, names=["make", "apply", "draw"])
    assert make(3)(4) == 7
    assert apply(make(1), 1) == 2
    generator = torch.Generator().manual_seed(3)
    expected = torch.rand(2, generator=torch.Generator().manual_seed(3))
    assert torch.equal(draw(generator), expected)


def test_errors_keep_their_names(sandbox):
    cell = """
class MyError(Exception): pass
def f(x): raise {}
"""
    for error, name in (("ValueError('no')", "ValueError"), ("MyError('no')", "MyError")):
        f = answers(sandbox, cell.format(error), names=["f"])
        with pytest.raises(StudentError, match="no") as caught:
            f(1)
        assert type(caught.value).__name__ == name
        with pytest.raises(AnswerError, match=f"your code raised {name}: no"):
            call(f, 1)
    f = answers(sandbox, "def f(x):\n    while True: pass", names=["f"])
    with pytest.raises(AnswerError, match="in time"):
        f(1)
    f = answers(sandbox, "def f(x):\n    import os; os._exit(3)", names=["f"])
    with pytest.raises(AnswerError, match="ended Python"):
        f(1)
    f = answers(sandbox, "def f(x): pass", names=["f"])
    with pytest.raises(NotAnswered):
        call(f, 1)


NET = """
import torch
from torch import nn
def build():
    head = nn.Conv2d(1, 2, 3, stride=2), nn.BatchNorm2d(2)
    return nn.Sequential(*head, nn.Flatten(), nn.Linear(18, 4))
class Flatterer(nn.Module):
    def __eq__(self, other): return True
    __hash__ = nn.Module.__hash__
    def forward(self, x): return x
class Raising(nn.Module):
    def named_modules(self, *a, **k): raise ValueError("no")
    def forward(self, x): return [object()]
net, number = build(), 7
"""


def test_a_network_answers_as_it_would_here(sandbox):
    def build():
        return nn.Sequential(
            nn.Conv2d(1, 2, 3, stride=2), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 4)
        )

    builder, module = answers(sandbox, NET, names=["build", "net"])
    here, there = build_network(build, seed=4), build_network(builder, seed=4)
    assert isinstance(here, Network)
    assert there.layers() == here.layers()
    assert there.num_parameters() == here.num_parameters()
    images, labels = torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 2, 3, 0])
    torch.testing.assert_close(there.outputs(images), here.outputs(images))
    nudges = {"3": torch.rand(5, 4)}
    outputs, inputs = here.trace(images, nudges)
    theirs, their_inputs = there.trace(images, nudges)
    torch.testing.assert_close(theirs, outputs)
    torch.testing.assert_close(their_inputs, inputs)
    for name in ("state", "output_gradients"):
        arguments = (images, labels) if name == "output_gradients" else ()
        ours, theirs = getattr(here, name)(*arguments), getattr(there, name)(*arguments)
        assert list(ours) == list(theirs)
        for key in ours:
            torch.testing.assert_close(theirs[key], ours[key])
    assert build_network(module).num_parameters() == here.num_parameters()


DEEP = """
import torch
from torch import nn
from nnlab_course.gradients import mlp
def good(): return mlp(30, init="xavier")
def sick(): return mlp(30)
class Ends(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(30)
    def forward(self, x): return self.net[-1](torch.tanh(self.net[0](x)))
"""
ALL_ONES = "torch.autograd.grad = lambda y, xs, **k: [torch.ones_like(x) for x in xs]"


@pytest.mark.parametrize(
    ("name", "more", "mistake"),
    [
        ("good", "", None),
        ("sick", "", "vanishes"),
        ("Ends", "", "unused-layers"),
        ("sick", ALL_ONES, "other-gradients"),
        ("Ends", ALL_ONES, "unused-layers"),
    ],
)
def test_a_deep_network_is_judged_by_what_it_computes(sandbox, name, more, mistake):
    answer = answers(sandbox, DEEP, more, names=[name])
    result = thirty.redrawn(7).judge(answer)
    assert result.mistake == mistake, result
    assert bool(result) == (mistake is None)


def test_networks_that_are_none(sandbox):
    flatterer, raising, number = answers(sandbox, NET, names=["Flatterer", "Raising", "number"])
    assert build_network(flatterer).outputs(torch.ones(2)).tolist() == [1, 1]
    assert build_network(flatterer).layers()[0].kind == "Flatterer"
    with pytest.raises(StudentError, match="no"):
        build_network(raising).layers()
    with pytest.raises((AnswerError, StudentError)):
        as_tensor(build_network(raising).outputs(torch.ones(2)))
    with pytest.raises(AnswerError):
        build_network(number)


def test_the_time_for_a_notebook_is_limited(sandbox):
    limits = sandbox.limits
    sandbox.open()  # starting the sandbox, should it be down, takes its time, too
    try:
        sandbox.limits = Limits(seconds=0.3, clock=5.0, total=3.0, memory=2**28)
        submission = Submission(sandbox, ["x = 1", *["while True: pass"] * 50, "y = 2"])
        assert submission.answers(["x", "y"]) == [1, ...], submission.errors
        assert submission.errors[51]["message"].startswith("not run: the time for the whole")
        assert len(submission.left_out) == 51
    finally:
        sandbox.limits = limits


@pytest.mark.parametrize("moment", ["a process is opened", "an answer is looked at"])
def test_what_has_run_is_not_to_blame_when_the_time_runs_out(sandbox, monkeypatch, moment):
    submission = Submission(sandbox, ["x = 1", "import os; os._exit(0)", "y = 2"])
    steps = {
        "a process is opened": (sandbox, "open"),
        "an answer is looked at": (submission, "look"),
    }
    owner, step = steps[moment]
    take = getattr(owner, step)

    def take_when_time_is_up(*arguments):
        if 0 in submission._finished:
            monkeypatch.undo()
            submission.end = time.monotonic()
        return take(*arguments)

    monkeypatch.setattr(owner, step, take_when_time_is_up)
    assert submission.answers(["x"]) == [1], submission.errors
    assert sorted(submission.errors) == sorted(submission.left_out)
    assert 0 not in submission.errors


def test_says_why_it_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"isn't here.*apt install bubblewrap"):
        Sandbox()
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho bwrap: No permissions to create a new namespace >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(SandboxError, match=r"No permissions to create a new namespace.*--unsafe"):
        Sandbox()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="Linux only"):
        Sandbox(unsafe=True)
    assert os.listdir(tmp_path) == ["bwrap"]
