"""The program that runs a student's cells: small, and of no use to whoever takes it over"""

# A plain module, edited here.

import ast
import asyncio
import builtins
import gc
import inspect
import linecache
import os
import random
import resource
import signal
import socket
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnlab_course.exercises import Network, as_tensor, build_network
from nnlab_course.exercises.calling import call_watched
from nnlab_course.sandbox import missing, substitutes
from nnlab_course.sandbox.channel import receive
from nnlab_course.sandbox.messages import read_message, write_message
from nnlab_course.sandbox.processes import bytes_in, memory_in_use
from nnlab_course.sandbox.seccomp import install_filter

_MOST_FILES = 100  # Open at once


def give_up(
    memory: int,  # Bytes, on top of what is in use
    file_size: int,  # Bytes of the largest file
) -> None:
    """Limit this process for good: memory, files, no new processes. Needs Linux."""
    memory += memory_in_use()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_FILES, _MOST_FILES))
    install_filter()


class TimeIsUp(BaseException):
    """Interrupts a student's code; not an `Exception`, so that few catch it by accident."""


def _limit_computing(seconds: int) -> None:
    """Have the kernel end this process after so many seconds of computing, or by its own limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = seconds if hard == resource.RLIM_INFINITY else min(seconds, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


_FOR_EVER = 10**9
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
    _limit_computing(int(used.ru_utime + used.ru_stime + seconds) + _GRACE)
    # Again and again: a loop with a bare `except` catches the first one.
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.2)
    signal.setitimer(signal.ITIMER_REAL, clock, 0.2)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _limit_computing(_FOR_EVER)


_LAST = "_value_of_the_last_line"


def _compile(source: str, name: str) -> types.CodeType:
    """Compile a cell, which may `await` as in Jupyter, and whose last value is kept as `_LAST`."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile(source, name, "exec", flags=flags | ast.PyCF_ONLY_AST)
    except RecursionError:
        return compile(source, name, "exec", flags=flags)
    missing.replace_missing(tree)
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        kept = ast.Assign([ast.Name(_LAST, ast.Store())], last.value)
        tree.body[-1] = ast.fix_missing_locations(ast.copy_location(kept, last))
    return compile(tree, name, "exec", flags=flags)


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
_QUESTIONS = ("layers", "num_parameters", "state", "outputs", "trace", "output_gradients")


class Notebook:
    """A student's notebook while it runs: a command for each thing that may be asked of it."""

    def __init__(self, seconds: float, clock: float):
        self.limits, self.kept, self.loop = (seconds, clock), [], None
        self.module = types.ModuleType("__main__")
        self.module.display = self.module.get_ipython = missing.Inert("display")
        self.sources, self.shown = [""], {}
        self.module.In, self.module.Out = self.sources, self.shown
        sys.modules["__main__"] = self.module
        self.builtins, self.pristine = vars(builtins), dict(vars(builtins))
        self.memory, self.home = memory_in_use(), os.environ["HOME"]
        self.taken = bytes_in(self.home)
        self.commands: dict[str, Callable[[dict, Any], tuple[dict, Any]]] = {
            "files": self.write_files,
            "run": self.run,
            "memory": self.memory_kept,
            "fetch": self.fetch,
            "call": self.call,
            "call_watched": self.call_watched,
            "build_network": self.build_network,
            **dict.fromkeys(_QUESTIONS, self.ask_network),
        }

    def keep(self, value: Any) -> int | None:
        """Number a function or network, so that it can be asked for later."""
        if not callable(value) and not isinstance(value, Network):
            return None
        self.kept.append(value)
        return len(self.kept) - 1

    def write_files(self, message: dict, value: dict) -> tuple[dict, Any]:
        for name, content in value.items():
            path = Path(self.home, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.numpy().tobytes())
        return {}, None

    def run(self, message: dict, value: Any) -> tuple[dict, Any]:
        source, name = message["source"], f"cell {message['cell']}"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        substitutes.prepare_for(source)
        code = _compile(source, name)
        if code.co_flags & inspect.CO_COROUTINE:
            self.loop = self.loop or asyncio.new_event_loop()
            self.loop.run_until_complete(eval(code, vars(self.module)))
        else:
            exec(code, vars(self.module))
        self.remember(source, vars(self.module).pop(_LAST, None))
        return {}, None

    def remember(self, source: str, value: Any) -> None:
        """Keep what a cell said, and showed at its end, as Jupyter does."""
        self.sources.append(source)
        self.module._i = source
        if value is not None:
            self.module._ = self.shown[len(self.sources) - 1] = value

    def memory_kept(self, message: dict, value: Any) -> tuple[dict, Any]:
        gc.collect()
        files = bytes_in(self.home) - self.taken
        return {"memory": max(0, memory_in_use() - self.memory + files)}, None

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

    def ask_network(self, message: dict, value: Any) -> tuple[dict, Any]:
        return {}, getattr(self.kept[message["handle"]], message["do"])(*value["args"])

    def answer(self, message: dict, value: Any) -> bytes:
        """Do what is asked within the limits, and describe the outcome or the error."""
        name, command = f"cell {message.get('cell')}", self.commands[message["do"]]
        try:
            with limited(*self.limits):
                try:
                    reply, value = command(message, value)
                finally:
                    self.builtins.update(self.pristine)
                if message["do"] == "run":  # what is asked after each cell, in the same breath
                    reply, _ = self.commands["memory"](message, None)
                return write_message(reply, value, self.keep, as_tensor)
        except BaseException as error:
            self.builtins.update(self.pristine)
            return write_message({"error": describe(error, name)})


def live(channel: socket.socket) -> None:
    """Be a notebook's process, until the other side closes the channel."""
    message, _ = read_message(*receive(channel, trusting=True))
    os.chdir(os.environ["HOME"])
    sys.stdout = sys.stderr = substitutes.Nowhere()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what an old-fashioned notebook draws from
    torch.manual_seed(0)
    torch.set_num_threads(1)
    notebook = Notebook(message["seconds"], message["clock"])
    sys.addaudithook(substitutes.explain_refusal)
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
