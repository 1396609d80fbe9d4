"""A folder of notebooks in, a table of marks, feedback for each student and a summary out"""

# A plain module, edited here.

import csv
import hashlib
import html
import importlib
import io
import json
import multiprocessing
import os
import pkgutil
import re
import secrets
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.resources import files
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import torch
from filelock import FileLock, Timeout
from tqdm import tqdm

from nnlab_course.exercises import Exercise, Result
from nnlab_course.sandbox import (
    Limits,
    ProcessEnded,
    Sandbox,
    SandboxError,
    Submission,
    require_bubblewrap,
    visible_folders,
)


class Refused(ValueError):
    """Something that isn't graded; the message says why, and is for the teacher."""


_LARGEST_FILE = 32 * 2**20
_MOST_CELLS = 1000


@dataclass(frozen=True)
class Found:
    """A file that was handed in, or a place where one is missing."""

    student: str
    path: Path
    problem: str = ""  # Why it isn't graded


def _shown(path: Path) -> str:
    """Return a file name that can be written anywhere, whatever bytes it consists of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _find_in(folder: Path, student: str) -> Iterator[Found]:
    """Yield a student's notebooks."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *sorted(names)]:
            path = Path(place, name)
            if path.is_symlink():
                count += 1
                yield Found(student, path, "a symbolic link, not followed")
            elif name not in folders and path.suffix == ".ipynb" and not name.startswith("."):
                count += 1
                yield Found(student, path)
    if not count:
        yield Found(student, folder, "no notebook in this folder")


def find_submissions(
    folder: Path,
) -> list[Found]:  # In alphabetical order
    """List what was handed in: a folder for each student, or a notebook.

    **Raises:** `NotADirectoryError` if there is no such folder.
    """
    found = []
    for path in sorted(folder.iterdir()):
        student = _shown(Path(path.stem if path.suffix == ".ipynb" else path.name))
        if path.name.startswith("."):
            continue
        if path.is_symlink():
            found.append(Found(student, path, "a symbolic link, not followed"))
        elif path.is_dir():
            found += _find_in(path, student)
        else:
            found.append(Found(student, path))
    return found


def read_file(path: Path) -> bytes:
    """Read a submission.

    **Raises:** `Refused` if it isn't a file of a reasonable size, or can't be read.
    """
    try:
        # Neither a link that was put there meanwhile, nor a pipe that nobody writes to.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"can't be read: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise Refused("not a file")
        if facts.st_size > _LARGEST_FILE:
            raise Refused(f"larger than {_LARGEST_FILE // 2**20} MB")
        return file.read(_LARGEST_FILE)


def code_cells(
    content: bytes,  # Of a file that should be a notebook
) -> list[str]:
    """Return the source of a notebook's code cells.

    **Raises:** `Refused` if it is no notebook.
    """
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Refused("not a notebook: it isn't JSON") from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Refused("not a notebook of format 4: it has no list of cells")
    sources = []
    for cell in notebook["cells"]:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        lines = source if isinstance(source, list) else [source]
        if not all(isinstance(line, str) for line in lines):
            raise Refused("not a notebook: a cell's source isn't text")
        sources.append("".join(lines).encode("utf-8", "replace").decode())
    if len(sources) > _MOST_CELLS:
        raise Refused(f"more than {_MOST_CELLS} code cells")
    return sources


_PACKAGE = Path(str(files("nnlab_course")))


def lesson_names() -> list[str]:
    """List the lessons that have exercises."""
    modules = pkgutil.iter_modules([str(_PACKAGE / "checks")])
    return sorted(module.name for module in modules if module.name != "common")


def import_lesson(name: str) -> ModuleType:
    """Import the checks of a lesson."""
    return importlib.import_module(f"nnlab_course.checks.{name}")


def answer_names(lesson: ModuleType) -> list[str]:
    """List the names of all answers of a lesson."""
    return [name for exercise in lesson.EXERCISES for name in exercise.names]


def find_lesson(
    cells: Sequence[str],
) -> str:
    """Name the lesson to which a notebook belongs.

    **Raises:** `Refused` if no lesson's answers are named in it.
    """
    words = set(re.findall(r"\w+", "\n".join(cells)))

    def share(lesson: str) -> float:
        names = answer_names(import_lesson(lesson))
        return sum(name in words for name in names) / len(names)

    best = max(lesson_names(), key=share)
    if not share(best):
        raise Refused("no answer to any exercise of the course in it")
    return best


def fresh(
    exercise: Exercise,
    seed: int,
) -> Exercise:  # The same exercise, with other inputs for functions than the lesson shows
    """Draw new inputs for an exercise, so that the lesson's own are of no use."""
    return exercise.redrawn(seed)


def _as_record(exercise: Exercise, result: Result) -> dict:
    """Write a result as plain data."""
    parts = [(part.verdict, part.name, part.message, part.mistake) for part in result.parts]
    return {
        "id": exercise.id,
        "title": exercise.title,
        "points": round(result.points * exercise.points, 4),
        "of": exercise.points,
        "verdict": result.verdict,
        "message": result.message,
        "mistake": result.mistake,
        "parts": [list(part) for part in parts],
    }


def mark(
    submission: Submission,  # Its cells needn't have run yet
    lesson: ModuleType,
    seed: int,  # For the inputs of functions
) -> list[dict]:  # One record for each exercise
    """Judge the answers of a notebook, in the trusted process."""
    records = []
    submission.collect(answer_names(lesson))
    for exercise in lesson.EXERCISES:
        try:
            answers = submission.answers(exercise.names)
            result = fresh(exercise, seed).judge(*answers)
        except ProcessEnded as end:
            result = Result.unanswered(f"not looked at: {end}")
        records.append(_as_record(exercise, result))
    return records


@dataclass(frozen=True)
class Settings:
    """How a folder is graded."""

    seed: int | None = None  # For the inputs of functions; None: draw one
    limits: Limits | None = None  # None: what the lesson needs
    lesson: str | None = None  # Grade as this lesson; None: find it out
    data: Path | None = None  # Prepared data sets
    unsafe: bool = False  # Without a sandbox


# Lessons that train networks take minutes with the real data, on one core.
LIMITS = {"lenet": Limits.for_cells_of(120), "cifar10": Limits.for_cells_of(400)}
# torch imports these when it is first asked for a gradient or a step: seconds, for each notebook.
_LATE = ("torch.fx.experimental.symbolic_shapes", "torch.nested._internal.nested_tensor")


def _open_sandbox(settings: Settings, lessons: Sequence[str]) -> Sandbox:
    """Start a sandbox that has imported what notebooks of these lessons import."""
    return Sandbox(
        modules=["matplotlib.pyplot", *_LATE, *(f"nnlab_course.{name}" for name in lessons)],
        checks=["nnlab_course.checks", *(f"nnlab_course.checks.{n}" for n in lesson_names())],
        data=settings.data,
        unsafe=settings.unsafe,
    )


@dataclass(frozen=True)
class Task:
    """A notebook that can be graded, or a record that says why not."""

    record: dict
    cells: tuple[str, ...] = ()


def read_submission(found: Found, settings: Settings) -> Task:
    """Read what was handed in, as text, and find out where it belongs."""
    record = {"student": found.student, "file": _shown(found.path), "digest": "", "lesson": ""}
    record |= {"points": 0.0, "of": 0, "problem": found.problem, "exercises": [], "errors": []}
    if found.problem:
        return Task(record)
    try:
        content = read_file(found.path)
        record["digest"] = hashlib.sha256(content).hexdigest()
        cells = tuple(code_cells(content))
        record["lesson"] = settings.lesson or find_lesson(cells)
    except Refused as reason:
        return Task(record | {"problem": str(reason)})
    return Task(record, cells)


def grade_notebook(task: Task, sandbox: Sandbox, settings: Settings) -> dict:
    """Run a notebook and judge its answers."""
    lesson = task.record["lesson"]
    sandbox.limits = settings.limits or LIMITS.get(lesson, Limits())
    submission = Submission(sandbox, task.cells)
    exercises = mark(submission, import_lesson(lesson), settings.seed)
    errors = sorted(submission.errors.items())
    errors = [{"cell": number + 1, **error} for number, error in errors]
    return task.record | {"exercises": exercises, "errors": errors} | _totals(exercises)


def _totals(exercises: list[dict]) -> dict:
    points = sum(exercise["points"] for exercise in exercises)
    return {"points": round(points, 4), "of": sum(exercise["of"] for exercise in exercises)}


def _work(connection: Connection, settings: Settings, lessons: Sequence[str]) -> None:
    """Grade what comes through the pipe, until it is closed."""
    torch.set_num_threads(1)
    # The checks judge by the data that the notebooks have been given, and by no others.
    os.environ["NNLAB_DATA"] = str(settings.data or Path(os.devnull, "none"))
    os.environ["NNLAB_OFFLINE"] = "1"
    try:
        sandbox = _open_sandbox(settings, lessons)
    except SandboxError as error:
        connection.send(error)
        return
    with sandbox, suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        connection.send(None)
        while True:
            connection.send(grade_notebook(connection.recv(), sandbox, settings))


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
        self.task: Task | None = None
        self.started = False

    def hear(self) -> dict | None:
        """Return the record that it sends, or None when it has only started.

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

    def give(self, task: Task) -> None:
        self.task = task
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

    def __init__(self, tasks: Sequence[Task], settings: Settings, num_workers: int):
        self.settings, self.waiting = settings, list(reversed(tasks))
        self.lessons = sorted({task.record["lesson"] for task in tasks})
        self.lost: set[str] = set()
        self.workers = [self.hire() for _ in range(min(num_workers, len(tasks)))]

    def hire(self) -> _Worker:
        return _Worker(self.settings, self.lessons)

    def replace(self, worker: _Worker) -> dict | None:
        """Put a new worker into a lost one's place; give its notebook a second try, or up."""
        self.workers[self.workers.index(worker)] = self.hire()
        worker.stop()
        if worker.task is None:
            return None
        record = worker.task.record
        if record["file"] in self.lost:
            return record | {"problem": _LOST}
        self.lost.add(record["file"])
        self.waiting.append(worker.task)
        return None

    def records(self) -> Iterator[dict]:
        while self.waiting or any(worker.task for worker in self.workers):
            ready = wait([worker.connection for worker in self.workers])
            for worker in [worker for worker in self.workers if worker.connection in ready]:
                try:
                    record = worker.hear()
                except EOFError:
                    record = self.replace(worker)
                else:
                    if self.waiting:
                        worker.give(self.waiting.pop())
                if record:
                    yield record
            # A second try goes to whoever is idle.
            for worker in self.workers:
                if self.waiting and worker.started and not worker.task:
                    worker.give(self.waiting.pop())


def grade_all(
    tasks: Sequence[Task],
    settings: Settings,
    num_workers: int,
) -> Iterator[dict]:  # One record for each notebook, in the order in which they are ready
    """Grade notebooks in parallel.

    **Raises:** `SandboxError` if there is no sandbox on this machine.
    """
    if tasks:
        require_bubblewrap(settings.unsafe)
    team = _Team(tasks, settings, num_workers)
    try:
        yield from team.records()
    finally:
        for worker in team.workers:
            worker.stop()


_LOST = "the grader's own process was lost twice on this one; look at it yourself"


def _edition(settings: Settings) -> str:
    """Tell apart what may lead to other marks: the package with its checks, and the settings."""
    digest = hashlib.sha256(repr(replace(settings, seed=0)).encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Journal:
    """The records so far, in a file that grows line by line.

    A file that was cut short loses its last line only. One that belongs to another edition of the
    checks, or to other settings, is begun again.
    """

    def __init__(self, path: Path, settings: Settings, seed: int | None):
        head, self.records = {"edition": _edition(settings), "seed": seed}, {}
        old, *lines = self._read(path) or [{}]
        if old.get("edition") == head["edition"] and seed in (None, old["seed"]):
            self.records = {(line["file"], line["digest"]): line for line in lines}
            head = old
        if head["seed"] is None:
            head["seed"] = secrets.randbelow(2**31)
        self.seed = head["seed"]
        with _written_beside(path) as file:
            file.writelines(json.dumps(line) + "\n" for line in [head, *self.records.values()])
        self.file = path.open("a", encoding="utf-8")

    @staticmethod
    def _read(path: Path) -> list[dict]:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        parsed = []
        for line in lines:
            with suppress(ValueError):
                parsed.append(json.loads(line))
        return parsed

    def find(self, record: dict) -> dict | None:
        """Return the record of a file that was graded before and is the same still."""
        return self.records.get((record["file"], record["digest"]))

    def add(self, record: dict) -> None:
        """Write down a record. What wasn't graded is looked at again the next time."""
        if not record["problem"]:
            self.file.write(json.dumps(record) + "\n")
            self.file.flush()
            os.fsync(self.file.fileno())

    def close(self) -> None:
        self.file.close()


@contextmanager
def _written_beside(path: Path) -> Iterator[io.TextIOBase]:
    """Write a file under another name, and give it its own when it is whole."""
    beside = path.with_name(f"{path.name}.part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def rows(records: Sequence[dict]) -> list[dict]:  # By student and lesson
    """Choose the record that counts for each student and lesson."""
    groups: dict[tuple[str, str], list[dict]] = {}
    for record in sorted(records, key=lambda record: (-record["points"], record["file"])):
        groups.setdefault((record["student"], record["lesson"]), []).append(record)
    chosen = []
    for key in sorted(groups):
        best, *others = groups[key]
        notes = [best["problem"]] if best["problem"] else []
        if others and best["lesson"]:
            notes.append(f"the best of {1 + len(others)} notebooks")
        notes += [record["problem"] for record in others if record["problem"]]
        chosen.append(best | {"note": "; ".join(notes)})
    return chosen


def _cell(value: Any) -> Any:
    """Keep a spreadsheet from taking a name for a formula."""
    is_formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_formula else value


def write_csv(records: Sequence[dict], path: Path) -> None:
    """Write the register: a row for each student and lesson, a column for each exercise."""
    chosen = rows(records)
    ids = {exercise["id"] for record in chosen for exercise in record["exercises"]}
    ids = sorted(ids, key=lambda name: [int(number) for number in name.split(".")])
    with _written_beside(path) as file:
        table = csv.writer(file)
        table.writerow(["student", "lesson", "points", "of", *ids, "note"])
        for record in chosen:
            points = {exercise["id"]: exercise["points"] for exercise in record["exercises"]}
            facts = [record[name] for name in ("student", "lesson", "points", "of")]
            facts += [points.get(name, "") for name in ids]
            table.writerow([_cell(fact) for fact in [*facts, record["note"]]])


_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
section, table { margin: 1.2rem 0; }
section { border-left: 4px solid; padding-left: 0.8rem; }
section p { margin: 0.2rem 0; }
.right { border-color: #009E73; } .partly { border-color: #E69F00; }
.wrong { border-color: #D55E00; } .unanswered { border-color: #888888; }
table { border-collapse: collapse; width: 100%; }
@media (max-width: 30rem) { table { font-size: 0.75rem; } }
th, td { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid #8884; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: #0072B2; height: 1rem; min-width: 1px; }
"""
_SYMBOLS = {"right": "✔", "partly": "◐", "wrong": "✘", "unanswered": "…"}


def _text(text: str) -> str:
    """Escape a text, and show what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _page(title: str, body: str) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _exercise_html(exercise: dict) -> str:
    """Show how one exercise was judged."""
    verdict, points = exercise["verdict"], f"{exercise['points']:g} of {exercise['of']:g}"
    title = f"{exercise['id']} · {exercise['title']}"
    lines = [f"<h3>{_SYMBOLS[verdict]} {_text(title)}: {points}</h3>"]
    parts = exercise["parts"]
    if len(parts) != 1:
        lines.append(f"<p>{_text(exercise['message'])}</p>")
    for part_verdict, name, message, _ in parts:
        lines.append(f"<p>{_SYMBOLS[part_verdict]} <b>{_text(name)}</b>: {_text(message)}</p>")
    return f'<section class="{verdict}">{"".join(lines)}</section>'


def _error_html(error: dict) -> str:
    """Tell what went wrong in a cell."""
    where = f"Code cell {error['cell']}" + (f", line {error['line']}" if error["line"] else "")
    if not error["type"]:
        return f"<li>{where} was left out: {_text(error['message'])}</li>"
    return f"<li>{where}: <code>{_text(error['type'])}</code>: {_text(error['message'])}</li>"


def feedback_html(
    student: str,
    records: Sequence[dict],  # The student's rows, as `rows` returns them
) -> str:
    """Write a student's feedback: what the checks say, and which cells failed."""
    body = [f"<h1>Feedback for {html.escape(student)}</h1>"]
    for record in records:
        title = f"{record['lesson'] or 'Not graded'}: {record['points']:g} of {record['of']:g}"
        body.append(f"<h2>{_text(title)}</h2><p>{_text(Path(record['file']).name)}</p>")
        body.append(f"<p>{_text(record['note'])}</p>" if record["note"] else "")
        body += [_exercise_html(exercise) for exercise in record["exercises"]]
        if record["errors"]:
            errors = "".join(_error_html(error) for error in record["errors"])
            body.append(f"<h3>Cells that failed when they were run in order</h3><ul>{errors}</ul>")
    return _page(f"Feedback for {student}", "".join(body))


def _distribution_html(chosen: Sequence[dict]) -> str:
    """Draw how many students reached which share of the points."""
    shares = [record["points"] / record["of"] for record in chosen if record["of"]]
    counts = Counter(min(int(share * 10), 9) for share in shares)
    most = max(counts.values(), default=1)
    lines = []
    for step in range(9, -1, -1):
        width, count = 100 * counts[step] / most, counts[step]
        label = f"{10 * step}–{10 * step + (10 if step == 9 else 9)} %"
        bar = f'<div class="bar" style="width:{width:.0f}%"></div>' if count else ""
        lines.append(f'<tr><td>{label}</td><td class="number">{count}</td><td>{bar}</td></tr>')
    head = '<tr><th>Points</th><th class="number">Notebooks</th><th style="width:70%"></th></tr>'
    return f"<table>{head}{''.join(lines)}</table>"


def _exercises_html(chosen: Sequence[dict]) -> str:
    """Tabulate how each exercise went."""
    verdicts: dict[tuple[str, str], Counter] = {}
    for exercise in (exercise for record in chosen for exercise in record["exercises"]):
        key = exercise["id"], exercise["title"]
        verdicts.setdefault(key, Counter())[exercise["verdict"]] += 1
    names = ("right", "partly", "wrong", "unanswered")
    head = "".join(f'<th class="number">{name}</th>' for name in names)
    lines = []
    for (number, title), counts in verdicts.items():
        cells = "".join(f'<td class="number">{counts[name]}</td>' for name in names)
        lines.append(f"<tr><td>{_text(number)} {_text(title)}</td>{cells}</tr>")
    return f"<table><tr><th>Exercise</th>{head}</tr>{''.join(lines)}</table>"


def frequent_mistakes(
    records: Sequence[dict],
) -> list[
    tuple[int, str, str, str]
]:  # How many made it, exercise, slug, an example of what was said
    """Count recognised mistakes, each once for a notebook; the most frequent ones first."""
    counts: Counter[tuple[str, str]] = Counter()
    examples = {}
    for record in records:
        found = {
            (exercise["id"], slug): message
            for exercise in record["exercises"]
            for _, _, message, slug in exercise["parts"]
            if slug
        }
        counts.update(found.keys())
        examples = found | examples
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(count, *key, examples[key]) for key, count in ordered]


def summary_html(
    records: Sequence[dict],
    feedback: dict[str, str],  # Student -> address of the feedback, relative to the summary
) -> str:
    """Write the teacher's summary."""
    chosen, body = rows(records), ["<h1>Marks</h1>"]
    for lesson in sorted({record["lesson"] for record in chosen} - {""}):
        of_lesson = [record for record in chosen if record["lesson"] == lesson]
        body.append(f"<h2>{_text(lesson)}: {len(of_lesson)} notebooks</h2>")
        body += [_distribution_html(of_lesson), _exercises_html(of_lesson)]
        lines = "".join(
            f'<tr><td class="number">{count}</td><td>{_text(number)}</td><td>{_text(slug)}</td>'
            f"<td>{_text(message)}</td></tr>"
            for count, number, slug, message in frequent_mistakes(of_lesson)[:15]
        )
        head = '<tr><th class="number">Made by</th><th>Exercise</th><th>Mistake</th><th></th></tr>'
        body.append(f"<h3>Most frequent mistakes</h3><table>{head}{lines}</table>")
    lines = []
    for record in chosen:
        name, address = html.escape(record["student"]), feedback.get(record["student"])
        link = f'<a href="{html.escape(address)}">{name}</a>' if address else name
        points = f"{record['points']:g} of {record['of']:g}" if record["of"] else "–"
        lines.append(
            f"<tr><td>{link}</td><td>{_text(record['lesson'])}</td>"
            f'<td class="number">{points}</td><td>{_text(record["note"])}</td></tr>'
        )
    head = '<tr><th>Student</th><th>Lesson</th><th class="number">Points</th><th>Note</th></tr>'
    body.append(f"<h2>Students</h2><table>{head}{''.join(lines)}</table>")
    return _page("Marks", "".join(body))


def _feedback_name(student: str) -> str:
    """Choose a file name for a student's feedback: the student's own, unless it is too long."""
    name = f"{student}.html"
    if len(os.fsencode(name)) > 240:
        name = f"{hashlib.sha256(name.encode()).hexdigest()}.html"
    return name


def write_reports(
    document: dict,  # What `grade_folder` returns
    out: Path,  # The table's path, ending in .csv; the others are put beside it
) -> None:
    """Write the table, its JSON, the summary, and a folder of feedback."""
    records = document["records"]
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    names = {}
    by_student: dict[str, list[dict]] = {}
    for row in rows(records):
        by_student.setdefault(row["student"], []).append(row)
    for student, own in by_student.items():
        name = _feedback_name(student)
        names[student] = quote(f"{folder.name}/{name}")
        with _written_beside(folder / name) as file:
            file.write(feedback_html(student, own))
    with _written_beside(out.with_suffix(".json")) as file:
        json.dump(document, file, indent=1)
    with _written_beside(out.with_suffix(".html")) as file:
        file.write(summary_html(records, names))
    write_csv(records, out)


_FORMAT = "nnlab marks, version 1"


def _check_place(path: Path, settings: Settings) -> None:
    """Refuse a folder that students' code could read."""
    for folder in [*visible_folders(), *([settings.data] if settings.data else [])]:
        if folder.resolve() in (path.resolve(), *path.resolve().parents):
            raise SandboxError(
                f"{path} lies in {folder}, which students' code can read; use another folder"
            )


def grade_folder(
    folder: Path,  # One folder or notebook for each student
    out: Path,  # The table of marks, ending in .csv
    settings: Settings,
    *,
    num_workers: int | None = None,  # By default, one for each core
    shard: tuple[int, int] = (1, 1),  # (3, 10): the third of ten parts
) -> dict:  # What was found: format, seed, shard, number of submissions, records
    """Grade a folder of submissions, and write the reports.

    **Raises:** `SandboxError` if there is no sandbox, or if submissions or marks lie where a
    student's code could read them; `NotADirectoryError` if there is no such folder; `ValueError` if
    the marks are to lie among the submissions; `RuntimeError` if another grader writes to the same
    table.
    """
    if not settings.unsafe:
        _check_place(folder, settings)
        _check_place(out, settings)
    if folder.resolve() in out.resolve().parents:
        raise ValueError(f"{out} lies among the submissions; write the marks somewhere else")
    part, num_parts = shard
    submissions = find_submissions(folder)[part - 1 :: num_parts]
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.with_suffix(".journal")
    with _alone(path), closing(Journal(path, settings, settings.seed)) as journal:
        settings = replace(settings, seed=journal.seed)
        records = list(_graded(submissions, settings, journal, num_workers))
        order = {_shown(found.path): number for number, found in enumerate(submissions)}
        records.sort(key=lambda record: order[record["file"]])
        document = {"format": _FORMAT, "seed": journal.seed, "shard": list(shard)}
        document |= {"submissions": len(submissions), "records": records}
        write_reports(document, out)
    return document


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Make sure that no other grader writes to the same files."""
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            yield
    except Timeout as error:
        message = f"another grader is writing {path.stem}; wait for it, or use another --out"
        raise RuntimeError(message) from error


def _graded(
    submissions: Sequence[Found], settings: Settings, journal: Journal, num_workers: int | None
) -> Iterator[dict]:
    """Yield a record for each submission: from the journal, from what is known, or by grading."""
    todo = []
    for task in (read_submission(found, settings) for found in submissions):
        record = task.record if task.record["problem"] else journal.find(task.record)
        if record:
            yield record
        else:
            todo.append(task)
    num_workers = num_workers or len(os.sched_getaffinity(0))
    graded = grade_all(todo, settings, num_workers)
    for record in tqdm(graded, "graded", len(todo), unit="notebook", disable=None):
        journal.add(record)
        yield record


def merge(
    documents: Sequence[dict],  # The JSON of each part
) -> dict:
    """Put the parts of a class together.

    **Raises:** `ValueError` if something is no such part, or a part is missing or there twice.
    """
    for document in documents:
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ValueError(f"not a file of marks of this version ({_FORMAT})")
    parts = Counter(tuple(document["shard"]) for document in documents)
    totals = {total for _, total in parts}
    if len(totals) != 1:
        raise ValueError(f"parts of different divisions: {sorted(totals)}")
    (total,) = totals
    missing = [part for part in range(1, total + 1) if (part, total) not in parts]
    twice = [part for (part, _), count in parts.items() if count > 1]
    if missing or twice:
        missing, twice = (missing or "none"), (twice or "none")
        raise ValueError(f"of {total} parts, missing: {missing}; twice: {twice}")
    records = [record for document in documents for record in document["records"]]
    records.sort(key=lambda record: record["file"])
    merged = {"format": _FORMAT, "seed": documents[0]["seed"], "shard": [1, 1]}
    return merged | {"submissions": len(records), "records": records}
