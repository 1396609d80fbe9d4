"""A notebook's cells, run in a sandbox, and the answers that they lead to"""

# A plain module, edited here.

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from nnlab_course.sandbox.host import Sandbox
from nnlab_course.sandbox.limits import TOO_LONG, ProcessEnded
from nnlab_course.sandbox.messages import unreadable
from nnlab_course.sandbox.remote import Remote


def _lives_there(value: Any) -> bool:
    """Tell whether a value is, or holds, something that stays in the student's process."""
    if isinstance(value, list | tuple):
        return any(_lives_there(item) for item in value)
    if isinstance(value, dict):
        return any(_lives_there(item) for item in value.values())
    return isinstance(value, Remote)


class Submission:
    """A notebook's cells, run in a sandbox, and the answers that they lead to.

    `errors` tells by cell number what went wrong there. `after` is called with the submission and
    the number of each cell that has run, while its process is at this point.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[str],
        after: Callable[["Submission", int], None] | None = None,
    ):
        self.sandbox, self.cells, self.limits = sandbox, cells, sandbox.limits
        self.after = after
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
                self.session.end(TOO_LONG)
                raise ProcessEnded(TOO_LONG)
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
                if self.after:
                    self.after(self, number)
                    if self.session.over:  # an answer has ended it, not the next cell
                        raise ProcessEnded(self.session.over)
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

    def look(self, name: str) -> Any:
        """Get what a name stands for at this moment; `...` where it stands for nothing.

        **Raises:** `ProcessEnded` if that ends the process.
        """
        reply, value = self.session.ask({"do": "fetch", "name": name}, None, self.end)
        return unreadable("unreadable_answer") if "error" in reply else value

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
