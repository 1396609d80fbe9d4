"""Mark notebooks in several processes; a process that is killed loses nothing but a second"""

# A plain module, edited here.

import multiprocessing
import os
import select
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

import torch

from nnlab_course.data import data_root
from nnlab_course.grading.judge import mark_notebook, unmarked
from nnlab_course.grading.lessons import DATA_SETS, import_lesson, lesson_names
from nnlab_course.grading.marks import Mark
from nnlab_course.grading.notebooks import Readable
from nnlab_course.grading.settings import Settings
from nnlab_course.sandbox import Sandbox, SandboxError, require_bubblewrap

# Why not a pool from a library: the workers of pebble share one pipe and its lock, which a killed
# one keeps for ever; loky gives up all that is waiting when a process is killed. Here each worker
# has a pipe of its own, and what it was at is given to another.

_LOST = "the grader's own process was lost twice on this one; look at it yourself"
# Imported at the first optimiser and grid of images: up to half of a notebook's time.
_LATE = ("torch._dynamo", "torchvision.utils")


def open_sandbox(settings: Settings, lessons: Sequence[str]) -> Sandbox:
    """Start a sandbox that has imported what notebooks of these lessons import."""
    return Sandbox(
        modules=["matplotlib.pyplot", *_LATE, *(f"nnlab_course.{name}" for name in lessons)],
        checks=["nnlab_course.checks", *(f"nnlab_course.checks.{n}" for n in lesson_names())],
        data=settings.data,
        data_sets=[name for lesson in lessons for name in DATA_SETS.get(lesson, ())],
        unsafe=settings.unsafe,
    )


def grade_notebook(readable: Readable, sandbox: Sandbox, settings: Settings) -> Mark:
    """Run a notebook and judge its answers."""
    return mark_notebook(readable, sandbox, settings.seed or 0, settings.limits)


def _try_twice(readable: Readable, sandbox: Sandbox, settings: Settings) -> Mark:
    """Mark a notebook; a fault of the sandbox or the grader is no student's."""
    for _ in range(2):
        try:
            return grade_notebook(readable, sandbox, settings)
        except Exception as error:  # whatever it is, the others are to be marked
            reason = f"{type(error).__name__}: {error}"[:300]
            sandbox.stop()
            sandbox.start()
    return unmarked(readable, f"not marked, by a fault of the grader ({reason}); grade again")


def _load_data(lessons: Sequence[str]) -> None:
    """Load what the judges compare with, before anybody's notebook runs."""
    for lesson in lessons:
        for name in ("digits_to_judge_by", "pictures_to_judge_by"):
            if load := getattr(import_lesson(lesson), name, None):
                load(data_root())


def _end_with_parent(connection: Connection) -> None:
    """End this process, and with it the sandbox, as soon as nobody waits for its marks."""
    poll = select.poll()
    poll.register(connection.fileno(), 0)  # nothing but that the other end was closed

    def watch() -> None:
        poll.poll()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(connection: Connection, settings: Settings, lessons: Sequence[str]) -> None:
    """Grade what comes through the pipe, until it is closed."""
    torch.set_num_threads(1)
    # The checks judge by the data that the notebooks have been given, and by no others.
    os.environ["NNLAB_DATA"] = str(settings.data or Path(os.devnull, "none"))
    os.environ["NNLAB_OFFLINE"] = "1"
    _load_data(lessons)
    try:
        sandbox = open_sandbox(settings, lessons)
    except SandboxError as error:
        connection.send(error)
        return
    _end_with_parent(connection)
    with sandbox, suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        connection.send(None)
        while True:
            connection.send(_try_twice(connection.recv(), sandbox, settings))


class _Worker:
    """A process that grades, and the notebook that it is at."""

    def __init__(self, settings: Settings, lessons: Sequence[str]):
        context = multiprocessing.get_context("forkserver")
        checks = [f"nnlab_course.checks.{name}" for name in lessons]
        context.set_forkserver_preload([__name__, *checks])  # imported once for all workers
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, settings, lessons))
        self.process.start()
        theirs.close()
        self.task: Readable | None = None
        self.since, self.started = 0.0, False

    def hear(self) -> Mark | None:
        """Return the mark that it sends, or None when it has only started.

        **Raises:** `SandboxError` if it can't start; `EOFError` if it was lost.
        """
        try:
            said = self.connection.recv()
        except (EOFError, OSError) as error:
            if self.started:
                raise EOFError from error
            said = SandboxError("a grading process ended before it had begun; try fewer at a time")
        if isinstance(said, SandboxError):
            raise said
        self.started, self.task = True, None
        return said

    def give(self, task: Readable) -> None:
        self.task, self.since = task, time.monotonic()
        with suppress(BrokenPipeError):  # that it was lost will be heard
            self.connection.send(task)

    def stop(self) -> None:
        self.connection.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _Team:
    """The workers, what they are at, and what is still to be done."""

    def __init__(self, tasks: Sequence[Readable], settings: Settings, num_workers: int):
        self.settings, self.waiting = settings, list(reversed(tasks))
        self.lessons = sorted({task.lesson for task in tasks})
        self.lost: set[str] = set()
        self.used: dict[str, float] = defaultdict(float)  # Seconds by the clock for each student
        self.workers = [self.hire() for _ in range(min(num_workers, len(tasks)))]

    def hire(self) -> _Worker:
        return _Worker(self.settings, self.lessons)

    def replace(self, worker: _Worker) -> Mark | None:
        """Put a new worker into a lost one's place; give its notebook a second try, or up."""
        self.workers[self.workers.index(worker)] = self.hire()
        worker.stop()
        if worker.task is None:
            return None
        label = worker.task.handed_in.label
        if label in self.lost:
            return unmarked(worker.task, _LOST)
        self.lost.add(label)
        self.waiting.append(worker.task)
        return None

    def hear(self, worker: _Worker) -> Mark | None:
        """Take what a worker has to say, and count the time that it took."""
        task, seconds = worker.task, time.monotonic() - worker.since
        if task:
            self.used[task.handed_in.student] += seconds
        try:
            return worker.hear()
        except EOFError:
            return self.replace(worker)

    def next_task(self) -> Iterator[Mark]:
        """Give idle workers something to do; yield marks of what is not run any more."""
        for worker in self.workers:
            while self.waiting and worker.started and not worker.task:
                task = self.waiting.pop()
                if self.used[task.handed_in.student] > self.settings.student_seconds:
                    minutes = self.settings.student_seconds / 60
                    yield unmarked(
                        task, f"not looked at: the student's notebooks took {minutes:g} minutes"
                    )
                else:
                    worker.give(task)

    def marks(self) -> Iterator[Mark]:
        while self.waiting or any(worker.task for worker in self.workers):
            ready = wait([worker.connection for worker in self.workers])
            for worker in [worker for worker in self.workers if worker.connection in ready]:
                if mark := self.hear(worker):
                    yield mark
            yield from self.next_task()


def grade_all(
    tasks: Sequence[Readable],
    settings: Settings,
    num_workers: int,
) -> Iterator[Mark]:  # One for each notebook, in the order in which they are ready
    """Grade notebooks in parallel.

    **Raises:** `SandboxError` if there is no sandbox on this machine.
    """
    if not tasks:
        return
    require_bubblewrap(settings.unsafe)
    team = _Team(tasks, settings, num_workers)
    try:
        yield from team.marks()
    finally:
        for worker in team.workers:
            worker.stop()
