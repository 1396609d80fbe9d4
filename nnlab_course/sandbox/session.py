"""One process with one notebook in it, and the channel to it"""

# A plain module, edited here.

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from nnlab_course.sandbox.channel import receive, send
from nnlab_course.sandbox.limits import (
    BROKE_THE_RULES,
    MOST_FILES_MADE,
    MOST_THREADS,
    TOO_LONG,
    Limits,
    ProcessEnded,
)
from nnlab_course.sandbox.messages import CrossingError, read_message, write_message
from nnlab_course.sandbox.remote import Remote, stand_in
from nnlab_course.sandbox.replies import Reply, read_reply


class Session:
    """A process in which one notebook runs.

    `deadline` is a time of `time.monotonic` for the stand-ins' questions. `over` says why the
    process has ended, `by_force` that something killed it: perhaps not its own code.
    """

    def __init__(
        self,
        control: socket.socket,  # To the process that starts the notebooks'
        limits: Limits,
        reap: Callable[[], int | None],  # Ends the process, and tells its status
    ):
        self.limits, self.reap = limits, reap
        self.over: str | None = None
        self.by_force = False
        self.deadline: float | None = None
        self.channel, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(control, [b"n"], [theirs.fileno()])
        names = ("seconds", "clock", "memory", "file_size")
        message = {name: getattr(limits, name) for name in names}
        message["clock"] *= 0.75  # Inside, the clock rings before the axe falls
        self.ask(message)

    def ask(
        self,
        message: dict,  # What to do
        value: Any = None,  # With what
        deadline: float | None = None,  # A time of `time.monotonic`
    ) -> tuple[Reply, Any]:  # What it says, and the value that came with it
        """Ask the process for something.

        **Raises:** `ProcessEnded` if it ends before it answers, or has ended already.
        """
        if self.over:
            raise ProcessEnded(self.over)
        latest = time.monotonic() + self.limits.clock
        deadline = latest if deadline is None else min(deadline, latest)
        try:
            send(self.channel, write_message(message, value, self._number), deadline)
            message, value = read_message(*receive(self.channel, deadline), self._build)
            reply = read_reply(message)
        except TimeoutError:
            self.end(TOO_LONG)
        except CrossingError as error:
            self.end(f"{BROKE_THE_RULES}: {error}")
        except (EOFError, OSError):
            self.end()
        if self.over:
            raise ProcessEnded(self.over)
        return reply, value

    def _number(self, value: Any) -> int | None:
        """Find the number of something that lives in this process."""
        return value.handle if isinstance(value, Remote) and value.session is self else None

    def _build(self, tree: dict) -> Remote:
        return stand_in(self, tree)

    def end(self, reason: str | None = None) -> None:
        """End the process; the first reason given or found is kept."""
        if not self.over:
            self.channel.close()
            status = self.reap()
            self.by_force = not reason and _is_by_force(status)
            self.over = reason or _cause(status)

    def limit(self, deadline: float) -> None:
        """Let the stand-ins' questions be answered until then: a time of `time.monotonic`."""
        self.deadline = deadline

    def close(self, reason: str) -> None:
        """Note that the process has gone."""
        self.channel.close()
        self.over = self.over or reason


def _is_by_force(status: int | None) -> bool:
    """Tell whether a process, or the sandbox with it, was killed."""
    return status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)


def _cause(status: int | None) -> str:
    """Say in words how a process ended."""
    if status is None:
        return "it brought the sandbox down"
    if os.WIFEXITED(status):
        return "it ended Python"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return TOO_LONG
    if number == signal.SIGSYS:
        return f"it had more than {MOST_THREADS} threads, or {MOST_FILES_MADE:,} files"
    if number == signal.SIGKILL:
        return "it was ended"
    return f"it crashed Python ({signal.Signals(number).name})"
