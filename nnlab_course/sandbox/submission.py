"""A notebook's cells, run in a sandbox, and the answers that they lead to"""

# A plain module, edited here.

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import torch

from nnlab_course.sandbox.host import Sandbox
from nnlab_course.sandbox.limits import TOO_LONG, ProcessEnded
from nnlab_course.sandbox.messages import unreadable
from nnlab_course.sandbox.remote import Remote

MOST_FILES, MOST_FILE_BYTES = 50, 32 * 2**20  # Beside a notebook, and in sum
_TIME_IS_UP = "the time for the whole notebook was up before"


def _lives_there(value: Any) -> bool:
    """Tell whether a value is, or holds, something that stays in the student's process."""
    if isinstance(value, list | tuple):
        return any(_lives_there(item) for item in value)
    if isinstance(value, dict):
        return any(_lives_there(item) for item in value.values())
    return isinstance(value, Remote)


def _check_files(contents: Mapping[str, bytes]) -> None:
    """Make sure that the files beside a notebook are few, small, and stay below its folder."""
    if len(contents) > MOST_FILES or sum(map(len, contents.values())) > MOST_FILE_BYTES:
        size = MOST_FILE_BYTES // 2**20
        raise ValueError(f"more than {MOST_FILES} files or {size} MB beside a notebook")
    for name in contents:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{name!r} is no file below the notebook's folder")


class Submission:
    """A notebook's cells, run in a sandbox, and the answers that they lead to.

    `errors` tells by cell number what went wrong there, `left_out` which cells were run no more
    after they had ended the process. `after` is called with the submission and the number of each
    cell that has run, while its process is at this point; it lets a `ProcessEnded` pass.

    **Raises:** `ValueError` for files that are too many, too large, or not below the notebook's
    folder.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[str],
        after: Callable[["Submission", int], None] | None = None,
        files: Mapping[str, bytes] | None = None,  # Relative path -> what lies beside the notebook
    ):
        _check_files(files or {})
        self.sandbox, self.cells, self.limits = sandbox, cells, sandbox.limits
        self.after, self.files = after, files or {}
        self.errors: dict[int, dict] = {}
        self.left_out: set[int] = set()
        self.values: dict[str, Any] = {}
        self.end = time.monotonic() + self.limits.total
        self.session = None
        self._finished: set[int] = set()
        self._suspected: set[int] = set()
        self._is_late = False

    def run(self) -> None:
        """Run the cells, without those that were found to end the process.

        When the time for the notebook is up, the cells that had come to an end before are run once
        more, alone.

        **Raises:** `ProcessEnded` if the time isn't enough for them, either.
        """
        while True:
            if time.monotonic() > self.end:
                self._stop_late()
            with suppress(ProcessEnded):
                self._open()
                return self._run_all()

    def _open(self) -> None:
        self.session = self.sandbox.open()
        if self.files:
            contents = {
                name: torch.from_numpy(np.frombuffer(content, np.uint8).copy())
                for name, content in self.files.items()
            }
            self.session.ask({"do": "files"}, contents, self.end)

    def _stop_late(self) -> None:
        """Give what has run before a last chance, and nothing else."""
        if self._is_late:
            raise ProcessEnded("the time for the whole notebook is up")
        self._is_late = True
        self.end += self.limits.clock
        for number in set(range(len(self.cells))) - self._finished - self.left_out:
            self._leave_out(number, f"not run: {_TIME_IS_UP}")

    def time_has_run_out(self) -> bool:
        """Tell whether it was the notebook's time that ended something: a last chance is left."""
        return time.monotonic() > self.end and not self._is_late

    def _leave_out(self, number: int, reason: str) -> None:
        self.left_out.add(number)
        self.errors[number] = {"type": "", "message": reason, "line": None}

    def _run_all(self) -> None:
        """Run the cells, and those that miss a name once more: somebody may have moved them."""
        waiting, progress = list(range(len(self.cells))), True
        while progress:
            for number in (n for n in waiting if n not in self.left_out):
                self._run_cell(number)
            failed = [n for n in waiting if self.errors.get(n, {}).get("type") == "NameError"]
            progress, waiting = len(failed) < len(waiting), failed

    def _run_cell(self, number: int) -> None:
        try:
            self._run_alone(number)
        except ProcessEnded as end:
            if self.session.by_force and number not in self._suspected:
                self._suspected.add(number)  # the machine may be to blame, so it gets a second try
            elif not (self.time_has_run_out() and number in self._finished):
                self._leave_out(number, str(end))
            raise
        self._finished.add(number)
        if self.after:
            self.after(self, number)
            if self.session.over:  # an answer has ended it, not the next cell
                raise ProcessEnded(self.session.over)

    def _run_alone(self, number: int) -> None:
        message = {"do": "run", "cell": number + 1, "source": self.cells[number]}
        self.errors.pop(number, None)
        reply, _ = self.session.ask(message, None, self.end)
        if reply.error:
            self.errors[number] = asdict(reply.error)
            if reply.error.type == "TimeIsUp":
                self._end(TOO_LONG)
            reply, _ = self.session.ask({"do": "memory"}, None, self.end)
        if reply.memory > self.limits.memory / 2:
            self._end("it filled the memory")

    def _end(self, reason: str) -> None:
        self.session.end(reason)
        raise ProcessEnded(reason)

    def look(self, name: str) -> Any:
        """Get what a name stands for at this moment; `...` where it stands for nothing.

        **Raises:** `ProcessEnded` if that ends the process.
        """
        reply, value = self.session.ask({"do": "fetch", "name": name}, None, self.end)
        return unreadable("unreadable_answer") if reply.error else value

    def limit_answers(self) -> None:
        """Give what lives in the process one time limit from now on, all of it together."""
        if self.session:
            self.session.limit(min(time.monotonic() + self.limits.clock, self.end))

    def _fetch(self, name: str) -> Any:
        """Get what a name stands for. A plain value is kept: it outlives the process."""
        if name in self.values:
            return self.values[name]
        if self.session is None or self.session.over:
            self.run()
        try:
            value = self.look(name)
        except ProcessEnded:
            if self.time_has_run_out():
                return self._fetch(name)
            value = unreadable("unreadable_answer")
        if not _lives_there(value):
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
        self.limit_answers()
        return answers
