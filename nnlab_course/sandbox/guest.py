"""The program that runs a student's cells: small, and of no use to whoever takes it over"""

# A plain module, edited here.

import builtins
import gc
import importlib
import linecache
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnlab_course.exercises import Network, build_network
from nnlab_course.exercises.calling import call_watched
from nnlab_course.sandbox.messages import read_message, receive, write_message
from nnlab_course.sandbox.seccomp import SET_DUMPABLE, install_filter, prctl


def memory_in_use() -> int:
    """Tell how many bytes of address space this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def give_up(
    memory: int,  # Bytes, on top of what is in use
    file_size: int,  # Bytes of the largest file
) -> None:
    """Limit this process for good: memory, files, no new processes. Needs Linux."""
    memory += memory_in_use()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    install_filter()


class TimeIsUp(BaseException):
    """Interrupts a student's code; not an `Exception`, so that few catch it by accident."""


_GRACE = 2  # Seconds of computing between the interruption and the end


@contextmanager
def limited(
    seconds: float,  # Of computing
    clock: float,  # Seconds by the clock
) -> Iterator[None]:
    """Interrupt the block by `TimeIsUp`, and have the kernel end the process if that is no use."""
    running = True

    def interrupt(number: int, frame: object) -> None:
        if running:
            raise TimeIsUp

    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, interrupt)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    used = resource.getrusage(resource.RUSAGE_SELF)
    latest = int(used.ru_utime + used.ru_stime + seconds) + _GRACE
    before, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (latest, hard))
    # Again and again: a loop with a bare `except` catches the first one.
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.2)
    signal.setitimer(signal.ITIMER_REAL, clock, 0.2)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (before, hard))


def python_of(
    source: str,  # A cell, perhaps with lines that begin with % or !
) -> str:
    """Put `pass` in the place of each line that only IPython understands."""
    return re.sub(r"^([ \t]*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)


def _compile(source: str, name: str) -> types.CodeType:
    try:
        return compile(source, name, "exec")
    except SyntaxError:
        return compile(python_of(source), name, "exec")


class _Nowhere:
    """Takes what is printed, and keeps nothing."""

    encoding, errors = "utf-8", "replace"

    def write(self, text: str) -> int:
        return len(text)

    def __getattr__(self, name: str) -> Callable:
        return lambda *arguments, **options: None


class Inert(types.ModuleType):
    """Stands for the checks, which aren't here: takes any question, and answers nothing."""

    def __getattr__(self, name: str) -> "Inert":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: object, **options: object) -> "Inert":
        return self

    def __repr__(self) -> str:
        return "checked by the teacher"


def describe(
    error: BaseException,
    name: str = "",  # The file name of the code whose line is wanted
) -> dict:  # Its type, its message, and the line, all plain
    """Say what went wrong, in words that can cross; believes nothing of a student's exception."""
    try:
        message = str(error)[:500]
    except BaseException:
        message = ""
    line, trace = None, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == name else line
        trace = trace.tb_next
    if isinstance(error, SyntaxError):
        line = error.lineno
    return {"type": type(error).__name__[:100], "message": message, "line": line}


# What a network answers for itself.
_QUESTIONS = (
    *("layers", "num_parameters", "state", "outputs"),
    *("gradients", "trace", "output_gradients"),
)


class Notebook:
    """A student's notebook while it runs: `run` a cell, `fetch` a name, `call` a function."""

    def __init__(self, seconds: float, clock: float):
        self.limits, self.kept = (seconds, clock), []
        self.module = types.ModuleType("__main__")
        self.module.display = self.module.get_ipython = Inert("display")
        sys.modules["__main__"] = self.module
        self.builtins, self.pristine = vars(builtins), dict(vars(builtins))
        self.memory = memory_in_use()

    def keep(self, value: Any) -> int | None:
        """Number a function or network, so that it can be asked for later."""
        if not callable(value) and not isinstance(value, Network):
            return None
        self.kept.append(value)
        return len(self.kept) - 1

    def run(self, message: dict, value: Any) -> tuple[dict, Any]:
        source, name = message["source"], f"cell {message['cell']}"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(_compile(source, name), vars(self.module))
        return {}, None

    def memory_kept(self, message: dict, value: Any) -> tuple[dict, Any]:
        gc.collect()
        return {"memory": memory_in_use() - self.memory}, None

    def fetch(self, message: dict, value: Any) -> tuple[dict, Any]:
        return {}, vars(self.module).get(message["name"], ...)

    def call(self, message: dict, value: Any) -> tuple[dict, Any]:
        function = self.kept[message["handle"]]
        return {}, function(*value["args"], **value["kwargs"])

    def call_watched(self, message: dict, value: Any) -> tuple[dict, Any]:
        """Call a function, and refuse what it mustn't use: the names in the first argument."""
        forbidden, *arguments = value["args"]
        function = self.kept[message["handle"]]
        return {}, call_watched(function, *arguments, forbidden=forbidden)

    def build_network(self, message: dict, value: Any) -> tuple[dict, Any]:
        return {}, build_network(self.kept[message["handle"]], seed=value["args"][0])

    def __getattr__(self, name: str) -> Callable[[dict, Any], tuple[dict, Any]]:
        """Have a network answer for itself."""
        if name not in _QUESTIONS:
            raise AttributeError(name)

        def ask_network(message: dict, value: Any) -> tuple[dict, Any]:
            return {}, getattr(self.kept[message["handle"]], name)(*value["args"])

        return ask_network

    def answer(self, message: dict, value: Any) -> bytes:
        """Do what is asked within the limits, and describe the outcome or the error."""
        name = f"cell {message.get('cell')}"
        try:
            with limited(*self.limits):
                try:
                    reply, value = getattr(self, message["do"])(message, value)
                finally:
                    self.builtins.update(self.pristine)
                return write_message(reply, value, self.keep)
        except BaseException as error:
            self.builtins.update(self.pristine)
            return write_message({"error": describe(error, name)})


def _sweep(folder: Path) -> None:
    """Empty a folder, whatever permissions it and its content have."""
    folder.chmod(0o700)
    for place, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o700)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _live(channel: socket.socket) -> None:
    """Be a notebook's process, until the other side closes the channel."""
    message, _ = read_message(*receive(channel, trusting=True))
    os.chdir(os.environ["HOME"])
    sys.stdout = sys.stderr = _Nowhere()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what an old-fashioned notebook draws from
    torch.manual_seed(0)
    torch.set_num_threads(1)
    notebook = Notebook(message["seconds"], message["clock"])
    give_up(message["memory"], message["file_size"])
    channel.sendall(write_message({}))
    while True:
        request = read_message(
            *receive(channel, trusting=True),
            lambda tree: notebook.kept[tree["handle"]],
            trusting=True,
        )
        reply = notebook.answer(*request)
        channel.settimeout(None)
        channel.sendall(reply)


def _preload(modules: list[str]) -> None:
    """Import what notebooks import, once for all of them; what isn't installed is left out."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def serve(
    control: socket.socket,  # Each message on it brings a channel to a new notebook
    modules: list[str],  # To import beforehand
    checks: list[str],  # Modules that aren't here, and that a notebook may import
) -> None:
    """Fork a process for each notebook, until the other side closes the control socket."""
    _preload(modules)
    for name in checks:
        sys.modules[name] = Inert(name)
    prctl(SET_DUMPABLE, 0, 0, 0, 0)
    gc.freeze()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    control.sendall(b"r")
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        channel = socket.socket(fileno=descriptors[0])
        child = os.fork()
        if not child:
            control.close()
            try:
                _live(channel)
            finally:
                os._exit(0)
        channel.close()
        if not control.recv(1):
            return
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        _sweep(Path(os.environ["HOME"]))
        control.sendall(struct.pack("i", status))
