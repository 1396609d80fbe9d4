"""Students' code runs where there is nothing to read, nobody to talk to, and little to use up"""

# A plain module, edited here.

import os
import shutil
import signal
import site
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import Tensor

from nnlab_course.exercises import AnswerError, Layer, NotAnswered
from nnlab_course.sandbox.messages import (
    CrossingError,
    read_message,
    receive,
    send,
    unreadable,
    write_message,
)


@dataclass(frozen=True)
class Limits:
    """What one notebook may use up."""

    seconds: float = 10.0  # Of computing, for one cell or one call of a function
    clock: float = 60.0  # Seconds by the clock, for one cell or one exercise, until it is killed
    total: float = 600.0  # Seconds by the clock for the notebook
    memory: int = 2 * 2**30  # Bytes, on top of what torch takes
    file_size: int = 64 * 2**20  # Bytes of the largest file; the folder holds twice that

    @classmethod
    def for_cells_of(cls, seconds: float) -> "Limits":
        """Make limits for cells that compute so long, on a machine that may be busy."""
        clock = max(cls.clock, 6 * seconds)
        return cls(seconds, clock, max(cls.total, 5 * clock), 2 * cls.memory)


class SandboxError(RuntimeError):
    """The sandbox can't be had on this machine; the message says what to do."""


class ProcessEnded(Exception):
    """A notebook's process has ended before it answered; the message says why."""


_PACKAGE = Path(str(files("nnlab_course")))
_HOME = "/sandbox"
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
# What a lesson imports, and what runs it: neither the checks nor the grading.
_VISIBLE = (
    *("__init__.py", "exercises", "files.py", "digits.safetensors", "lenet.safetensors"),
    *("activations.py", "autograd.py", "gradients.py", "lenet.py", "cifar10.py"),
    *("data", "training", "plots", "explorers"),
    *("sandbox/__init__.py", "sandbox/guest.py", "sandbox/messages.py"),
)


def visible_folders() -> list[Path]:
    """List what a student's code can read, apart from the modules of this package."""
    folders = {Path(sys.prefix), Path(sys.base_prefix), *map(Path, site.getsitepackages())}
    folders |= {Path(path) for path in sys.path if path.endswith("-packages")}
    folders = sorted(folder for folder in folders if folder.is_dir())
    folders = [path for path in folders if not any(other in path.parents for other in folders)]
    return [*(Path(path) for path in _SYSTEM if Path(path).exists()), *folders]


def _mounts(data: Path | None) -> Iterator[str]:
    """Yield bubblewrap's arguments for the file system; a later one lies over an earlier one."""
    for path in visible_folders():
        if path.is_symlink() and len(path.parts) == 2:  # /lib -> usr/lib
            yield from ("--symlink", os.readlink(path), str(path))
        else:
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--tmpfs", str(_PACKAGE))
    for path in map(_PACKAGE.joinpath, _VISIBLE):
        yield from ("--ro-bind", str(path), str(path))
    if data:
        yield from ("--ro-bind", str(data), str(data))
    yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
    yield from ("--size", str(2 * Limits.file_size), "--tmpfs", _HOME)
    yield from ("--remount-ro", str(_PACKAGE), "--remount-ro", "/")


def _environment(home: str, data: Path | None) -> dict[str, str]:
    """Make the whole environment of a student's code."""
    names = ("OMP_NUM_THREADS", "TQDM_DISABLE", "NNLAB_OFFLINE", "NNLAB_STATIC")
    variables = dict.fromkeys(names, "1") | {"HOME": home, "TMPDIR": home, "USER": "student"}
    variables |= {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg"}
    variables |= {"PYTHONPATH": str(_PACKAGE.parent), "PYTHONHASHSEED": "0"}
    return variables | ({"NNLAB_DATA": str(data)} if data else {"NNLAB_DATA": home})


def _bubblewrap(variables: dict[str, str], data: Path | None) -> list[str]:
    """Write the command that starts something in the sandbox."""
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1"]
    command += ["--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--clearenv"]
    for name, value in variables.items():
        command += ["--setenv", name, value]
    return [*command, *_mounts(data), "--chdir", _HOME]


_INSTALL = (
    "Install it (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap; version "
    "0.7 or newer), or grade without a sandbox, if you trust every submission with all your "
    "files: --unsafe-no-sandbox"
)
_START = """
import os, socket, sys
from nnlab_course.sandbox.guest import serve
modules, checks = (names.split() for names in sys.argv[1:])
serve(socket.socket(fileno=os.dup(0)), modules, checks)
"""


def require_bubblewrap(unsafe: bool = False) -> None:
    """Make sure that there is bubblewrap, unless somebody wants to do without.

    **Raises:** `SandboxError` if there is none.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError("notebooks are graded on Linux only: the sandbox needs its kernel")
    if not unsafe and not shutil.which("bwrap"):
        raise SandboxError(f"bubblewrap, which runs the sandbox, isn't here. {_INSTALL}")


class Sandbox:
    """Runs notebooks, one at a time, in processes that see and reach nothing.

    A context manager: leaving it ends every process. `modules` are imported once, beforehand;
    `checks` are names that a notebook may import and that aren't there. Without bubblewrap
    (`unsafe=True`) the limits hold, and nothing hides the teacher's files.

    **Raises:** `SandboxError` if bubblewrap is missing or may not be used here.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        modules: Sequence[str] = (),
        checks: Sequence[str] = (),
        data: Path | None = None,  # A folder of prepared data sets that notebooks may read
        unsafe: bool = False,
    ):
        self.limits, self.names = limits or Limits(), [" ".join(modules), " ".join(checks)]
        self.data, self.unsafe = data and data.resolve(), unsafe
        require_bubblewrap(unsafe)
        self.process, self.session = None, None
        self.start()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the zygote, and wait until it has imported everything."""
        self.home = tempfile.mkdtemp(prefix="nnlab-") if self.unsafe else _HOME
        variables = _environment(self.home, self.data)
        command = [] if self.unsafe else _bubblewrap(variables, self.data)
        command += [sys.executable, "-sBc", _START, *self.names]
        self.control, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as errors, theirs:
            self.process = subprocess.Popen(
                command,
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=variables if self.unsafe else None,
            )
            theirs.close()
            self.control.settimeout(300)  # a busy machine, a cold disk
            if self._hear(1) != b"r":
                self.stop()
                errors.seek(0)
                reason = errors.read().decode(errors="replace").strip()[-500:]
                raise SandboxError(f"the sandbox doesn't start ({reason}). {_INSTALL}")

    def _hear(self, size: int) -> bytes:
        """Wait for the zygote's word; empty if it doesn't come."""
        try:
            return self.control.recv(size)
        except OSError:
            return b""

    def stop(self) -> None:
        """End the zygote, and with it everything that it started."""
        if self.session:
            self.session.channel.close()
            self.session.over = self.session.over or "the sandbox is closed"
            self.session = None
        self.control.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.unsafe:
            shutil.rmtree(self.home, ignore_errors=True)

    def open(self) -> "Session":
        """Start a process for a notebook; the one before is ended."""
        if self.session:
            self.session.end()
        if self.process.poll() is not None:
            self.stop()
            self.start()
        try:
            self.session = Session(self)
        except (ProcessEnded, OSError) as error:  # no student's code has run in it yet
            self.stop()
            raise SandboxError(f"the sandbox broke down ({error}); grade again") from error
        return self.session

    def reap(self) -> int | None:
        """End the notebook's process, and tell its status; None if the zygote is gone as well."""
        self.control.settimeout(30)
        with suppress(OSError):
            self.control.send(b"k")
        status = self._hear(4)
        if len(status) == 4:
            return struct.unpack("i", status)[0]
        self.stop()
        return None


_TOO_LONG = "it did not come to an end in time"


class StudentError(Exception):
    """An exception in a student's code; its class has the name of the original."""

    @classmethod
    def named(cls, name: str) -> type["StudentError"]:
        """Make a class with this name, or one like it."""
        return type(unreadable(name).__class__.__name__, (cls,), {})


def _failure(error: Any) -> dict:
    """Check the description of an exception that came out of the sandbox."""
    match error:
        case {"type": str(name), "message": str(message), "line": line}:
            line = line if type(line) is int and 0 < line < 10**6 else None
            return {"type": name[:100], "message": message[:500], "line": line}
    raise CrossingError("an error without a description")


class Session:
    """A process in which one notebook runs."""

    def __init__(self, sandbox: Sandbox):
        self.sandbox, self.limits, self.over = sandbox, sandbox.limits, None
        self.deadline, self.handles = None, 0
        self.channel, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(sandbox.control, [b"n"], [theirs.fileno()])
        names = ("seconds", "clock", "memory", "file_size")
        limits = {name: getattr(self.limits, name) for name in names}
        limits["clock"] *= 0.75  # Inside, the clock rings before the axe falls
        self.ask(limits)

    def ask(
        self,
        message: dict,  # What to do
        value: Any = None,  # With what
        deadline: float | None = None,  # A time of `time.monotonic`
    ) -> tuple[dict, Any]:  # The reply, and what came with it
        """Ask the process for something.

        **Raises:** `ProcessEnded` if it ends before it answers, or has ended already.
        """
        if self.over:
            raise ProcessEnded(self.over)
        latest = time.monotonic() + self.limits.clock
        deadline = latest if deadline is None else min(deadline, latest)
        try:
            send(self.channel, write_message(message, value, self._number), deadline)
            reply, value = read_message(*receive(self.channel, deadline), self._build)
            if "error" in reply:
                reply["error"] = _failure(reply["error"])
        except TimeoutError:
            self.end(_TOO_LONG)
        except CrossingError as error:
            self.end(f"it did not keep to the rules: {error}")
        except (EOFError, OSError):
            self.end()
        if self.over:
            raise ProcessEnded(self.over)
        return reply, value

    def _number(self, value: Any) -> int | None:
        """Find the number of something that lives in this process."""
        return value.handle if isinstance(value, Remote) and value.session is self else None

    def _build(self, tree: dict) -> "Remote":
        self.handles += 1
        kind = RemoteNetwork if tree["kind"] == "network" else RemoteFunction
        return kind(self, tree["handle"], tree["name"])

    def end(self, reason: str | None = None) -> None:
        """End the process; the first reason given or found is kept."""
        if self.over:
            return
        self.channel.close()
        status = self.sandbox.reap()
        self.over = reason or _cause(status)
        self.sandbox.session = None


def _cause(status: int | None) -> str:
    """Say in words how a process ended."""
    if status is None:
        return "it brought the sandbox down"
    if os.WIFEXITED(status):
        return "it ended Python"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return _TOO_LONG
    if number == signal.SIGKILL:
        return "it was ended"
    return f"it crashed Python ({signal.Signals(number).name})"


class Remote:
    """Something that lives in a notebook's process, known here by a number."""

    def __init__(self, session: Session, handle: int, name: str):
        self.session, self.handle = session, handle
        self.__name__ = name if name.isidentifier() else "function"

    def ask(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Have the process do something with it.

        **Raises:** `AnswerError` if it takes too long or ends the process, and what the student's
        code raises, under the name that it has there.
        """
        message = {"do": what, "handle": self.handle}
        value = {"args": list(args), "kwargs": kwargs}
        try:
            reply, value = self.session.ask(message, value, self.session.deadline)
        except ProcessEnded as end:
            raise AnswerError(f"could not be run to its end: {end}", "ended") from end
        if error := reply.get("error"):
            raise _exception(**error)
        return value


def _exception(type: str, message: str, line: int | None) -> Exception:
    """Make an exception again of what was told about one."""
    if type == "TimeIsUp":
        return AnswerError(_TOO_LONG, "too-slow")
    if type in ("NotAnswered", "AnswerError"):
        return {"NotAnswered": NotAnswered, "AnswerError": AnswerError}[type](message)
    return StudentError.named(type)(message)


class RemoteFunction(Remote):
    """A student's function, class or network: calling it runs it in the sandbox."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.ask("call", *args, **kwargs)

    def build_network(self, seed: int) -> "RemoteNetwork":
        """Make the network that this describes, over there."""
        return self.ask("build_network", seed)


class RemoteNetwork(Remote):
    """Answers the questions of `nnlab_course.exercises.Network`."""

    def layers(self) -> list[Layer]:
        return [_layer(described) for described in self.ask("layers")]

    def num_parameters(self) -> int:
        return self.ask("num_parameters")

    def state(self) -> dict[str, Tensor]:
        return self.ask("state")

    def outputs(self, inputs: Tensor, state: dict[str, Tensor] | None = None) -> Tensor:
        return self.ask("outputs", inputs, state)

    def gradients(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return self.ask("gradients", inputs, labels)


def _layer(described: Any) -> Layer:
    """Check the description of a layer. Tuples crossed as lists."""
    match described:
        case [str(name), str(kind), dict(shapes), dict(options)]:
            shapes = {key: tuple(size) for key, size in shapes.items()}
            options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
            return Layer(name, kind, shapes, options)
    raise AnswerError("is no network whose layers can be told")


class Submission:
    """A notebook's cells, run in a sandbox, and the answers that they lead to.

    `errors` tells by cell number what went wrong there.
    """

    def __init__(self, sandbox: Sandbox, cells: Sequence[str]):
        self.sandbox, self.cells, self.limits = sandbox, cells, sandbox.limits
        self.errors: dict[int, dict] = {}
        self.left_out: set[int] = set()
        self.values: dict[str, Any] = {}
        self.end = time.monotonic() + self.limits.total
        self.session = None

    def _run_cell(self, number: int) -> None:
        message = {"do": "run", "cell": number + 1, "source": self.cells[number]}
        self.errors.pop(number, None)
        reply, _ = self.session.ask(message, None, self.end)
        if error := reply.get("error"):
            self.errors[number] = error
            if error["type"] == "TimeIsUp":
                self.session.end(_TOO_LONG)
                raise ProcessEnded(_TOO_LONG)
        reply, _ = self.session.ask({"do": "memory_kept"}, None, self.end)
        if reply.get("memory", 0) > self.limits.memory / 2:
            self.session.end("it filled the memory")
            raise ProcessEnded(self.session.over)

    def _run_all(self) -> None:
        waiting, progress = list(range(len(self.cells))), True
        while progress:
            for number in (n for n in waiting if n not in self.left_out):
                try:
                    self._run_cell(number)
                except ProcessEnded as end:
                    self.left_out.add(number)
                    self.errors[number] = {"type": "", "message": str(end), "line": None}
                    raise
            failed = [n for n in waiting if self.errors.get(n, {}).get("type") == "NameError"]
            progress, waiting = len(failed) < len(waiting), failed

    def run(self) -> None:
        """Run the cells, without those that were found to end the process.

        **Raises:** `ProcessEnded` if the time for the notebook is up.
        """
        while True:
            if time.monotonic() > self.end:
                raise ProcessEnded("the time for the whole notebook is up")
            try:
                self.session = self.sandbox.open()
                return self._run_all()
            except ProcessEnded:
                continue

    def _fetch(self, name: str) -> Any:
        """Get what a name stands for. A plain value is kept: it outlives the process."""
        if name in self.values:
            return self.values[name]
        if self.session is None or self.session.over:
            self.run()
        handles = self.session.handles
        try:
            reply, value = self.session.ask({"do": "fetch", "name": name}, None, self.end)
        except ProcessEnded:
            reply = {"error": None}
        if "error" in reply:
            value = unreadable("unreadable_answer")
        if self.session.handles == handles:
            self.values[name] = value
        return value

    def collect(self, names: Sequence[str]) -> None:
        """Get what can be had of these names at once: plain values outlive the process."""
        with suppress(ProcessEnded):
            for name in names:
                self._fetch(name)

    def answers(
        self,
        names: Sequence[str],  # Of one exercise
    ) -> list:  # A value or a stand-in for each; `...` where there is none
        """Collect answers. Stand-ins among them have one time limit together.

        **Raises:** `ProcessEnded` if the time for the notebook is up.
        """
        for _ in range(len(names) + 1):  # an answer may end the process when it is looked at
            answers = [self._fetch(name) for name in names]
            remote = [answer for answer in answers if isinstance(answer, Remote)]
            if all(answer.session is self.session for answer in remote):
                break
        if self.session:
            self.session.deadline = min(time.monotonic() + self.limits.clock, self.end)
        return answers
