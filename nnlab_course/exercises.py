"""Compare an answer with a reference, recognise the mistake behind it, and give hints"""

# A plain module, edited here.

import copy
import html
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "AnswerError",
    "Exercise",
    "Hints",
    "Layer",
    "Mistake",
    "Network",
    "NotAnswered",
    "Progress",
    "Result",
    "SameFunction",
    "SameValue",
    "Solution",
    "as_tensor",
    "build_network",
    "call",
    "combine",
    "compare",
    "diagnose",
    "is_close",
    "is_unanswered",
]

_SYMBOLS = {"right": "✔", "partly": "◐", "wrong": "✘", "unanswered": "…"}
_COLORS = {"right": "#009E73", "partly": "#E69F00", "wrong": "#D55E00", "unanswered": "#888888"}


def _as_html(text: str) -> str:
    """Escape a text, and show what stands between backticks as code."""
    escaped = html.escape(text).replace("\n", "<br>")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    `verdict` is `"right"`, `"partly"`, `"wrong"` or `"unanswered"`; `points` the fraction earned, 0
    to 1; `mistake` the slug of the mistake that was recognised, or None. `name` says what was
    judged. `parts` are the results for the single answers, if there are several.
    """

    verdict: str
    message: str
    points: float = 0.0
    mistake: str | None = None
    name: str = ""
    parts: tuple["Result", ...] = ()

    @classmethod
    def right(cls, message: str = "right") -> "Result":
        return cls("right", message, 1.0)

    @classmethod
    def wrong(cls, message: str, mistake: str | None = None) -> "Result":
        return cls("wrong", message, 0.0, mistake)

    @classmethod
    def unanswered(cls, message: str = "not answered yet") -> "Result":
        return cls("unanswered", message)

    def __bool__(self) -> bool:
        return self.verdict == "right"

    def __repr__(self) -> str:
        head = f"{_SYMBOLS[self.verdict]} {self.name + ': ' if self.name else ''}{self.message}"
        return "\n  ".join([head, *(repr(part) for part in self._listed())])

    def _repr_html_(self) -> str:
        def line(result):
            name = f"<b>{_as_html(result.name)}</b>: " if result.name else ""
            return f"{_SYMBOLS[result.verdict]} {name}{_as_html(result.message)}"

        indent = "margin-left:1.2em"
        lines = "".join(f'<div style="{indent}">{line(part)}</div>' for part in self._listed())
        style = f"border-left:4px solid {_COLORS[self.verdict]};padding:0.2em 0.8em;margin:0.3em 0"
        return f'<div style="{style}">{line(self)}{lines}</div>'

    def _listed(self) -> tuple["Result", ...]:
        """Return the parts, unless there is only one, which says the same as the whole."""
        return self.parts if len(self.parts) > 1 else ()


def combine(
    parts: Sequence[Result],  # One for each answer, at least one
    name: str = "",  # What they belong to
) -> Result:
    """Sum up the results for the answers of one exercise."""
    points = sum(part.points for part in parts) / len(parts)
    verdicts = {part.verdict for part in parts}
    verdict = verdicts.pop() if len(verdicts) == 1 else ("partly" if points else "wrong")
    count = sum(part.verdict == "right" for part in parts)
    mistakes = [part.mistake for part in parts if part.mistake]
    message = parts[0].message
    if len(parts) > 1:
        fixed = {"right": "right", "unanswered": "not answered yet"}
        message = fixed.get(verdict, f"{count} of {len(parts)} right")
    return Result(verdict, message, points, mistakes[0] if mistakes else None, name, tuple(parts))


class NotAnswered(Exception):
    """There is no answer yet."""


class AnswerError(ValueError):
    """An answer that can't be compared; the text is for the student, `mistake` is a slug."""

    def __init__(self, message: str, mistake: str = "unreadable"):
        super().__init__(message)
        self.mistake = mistake


def is_unanswered(
    answer: Any,  # Whatever the student's name holds
    depth: int = 3,  # How many lists deep to look
) -> bool:
    """Tell whether an answer is still `...` or `None`, or a list with one of them inside."""
    if answer is None or answer is ...:
        return True
    if depth == 0 or not isinstance(answer, list | tuple | set):
        return False
    return any(is_unanswered(item, depth - 1) for item in islice(answer, 1000))


_MOST_ENTRIES = 1_000_000
_MOST_IN_LISTS = 100_000  # Python's lists are slow to read


def _count(answer: Any, depth: int = 8) -> int:
    """Count the numbers in an answer, and refuse a list that is too long before it is read."""
    if isinstance(answer, Tensor):
        return answer.numel()
    if not isinstance(answer, list | tuple):
        size = getattr(answer, "size", 1)
        return size if isinstance(size, int) else 1
    if depth == 0:
        raise AnswerError("the lists are nested too deeply to be numbers")
    total = 0
    for item in answer:
        total += _count(item, depth - 1)
        if total > _MOST_IN_LISTS:
            raise AnswerError("the answer is a list with more than 100,000 entries", "too-large")
    return total


def as_tensor(
    answer: Any,  # A number, a nested list, an array or a tensor of numbers
) -> Tensor:  # float64, on the CPU, detached
    """Read an answer as a tensor of float64.

    **Raises:** `AnswerError` if the answer holds something other than real numbers, if its rows
    differ in length, or if it has more than a million entries (100,000 in lists).
    """
    if _count(answer) > _MOST_ENTRIES:
        raise AnswerError("the answer has more than a million entries", "too-large")
    try:
        if isinstance(answer, Sequence) and any(isinstance(item, Tensor) for item in answer):
            answer = [item.tolist() if isinstance(item, Tensor) else item for item in answer]
        # A subclass of Tensor could bring a comparison of its own.
        with torch._C.DisableTorchFunctionSubclass():
            tensor = torch.as_tensor(answer).detach()
            if tensor.is_complex():
                raise ValueError("complex numbers")
            return tensor.to("cpu", torch.float64).as_subclass(Tensor)
    except Exception as error:
        raise AnswerError(
            f"got a {type(answer).__name__} that can't be read as numbers ({str(error)[:200]}); "
            "give a number, a list of lists, an array or a tensor"
        ) from error


_EXPLAINED = {
    "Boolean value of Tensor": (
        "`if`, `and`, `max` and `min` decide once, but x is a tensor of many numbers; decide for "
        "each of them with `torch.where`, `torch.clamp` or `torch.maximum`",
        "branch-on-tensor",
    ),
    "converted to Python scalars": (
        "functions of `math` take a single number, but x is a tensor of many; torch has a function "
        "of the same name",
        "math-on-tensor",
    ),
    "floating point": (
        "bytes and other whole numbers have no `mean` and no `std`; make floating-point numbers of "
        "them first, by `/ 255` or `.float()`",
        "bytes",
    ),
}


def call(
    function: Callable[..., Any],  # The student's
    *arguments: Any,  # Handed over as copies
) -> Any:
    """Call a student's function.

    **Raises:** `NotAnswered` if it returns `None` or `...`; `AnswerError` if it raises, or can't be
    called.
    """
    if not callable(function):
        raise AnswerError(f"is a {type(function).__name__}, not a function", "not-a-function")
    try:
        answer = function(*copy.deepcopy(arguments))
    except (NotAnswered, AnswerError):
        raise
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {error}"[:300]
        for sign, (explanation, slug) in _EXPLAINED.items():
            if sign in text:
                raise AnswerError(f"your code raised {text}; {explanation}", slug) from error
        raise AnswerError(f"your code raised {text}", "raised") from error
    if is_unanswered(answer):
        raise NotAnswered("not answered yet: it returns nothing")
    return answer


def is_close(answer: Tensor, expected: Tensor, atol: float, rtol: float) -> bool:
    """Tell whether two tensors agree in shape and in every entry, within the tolerances."""
    return answer.shape == expected.shape and torch.allclose(answer, expected, rtol, atol)


def diagnose(
    answer: Tensor,  # float64
    expected: Tensor,  # float64
    atol: float,  # Largest difference that still counts as equal
    rtol: float,  # The same, relative to the expected value
) -> tuple[str, str] | None:  # Slug and text of what differs first, or None where nothing does
    """Say how `answer` differs from `expected`, without giving the expected values away."""
    if is_close(answer, expected, atol, rtol):
        return None
    if answer.shape != expected.shape:
        if expected.ndim == 2 and answer.shape == expected.T.shape:
            return (
                "transposed",
                f"the shape is {tuple(answer.shape)}, transposed from what is asked",
            )
        return "shape", f"the shape is {tuple(answer.shape)}, asked for is {tuple(expected.shape)}"
    if not torch.isfinite(answer).all():
        return "not-finite", "some values are not finite (inf or nan)"
    if answer.ndim == 2 and is_close(answer.T, expected, atol, rtol):
        return "transposed", "the values are right, but rows and columns are swapped"
    if is_close(-answer, expected, atol, rtol):
        return "sign", "the size is right, the sign is not"
    if answer.ndim == 0:
        return "value", f"{float(answer):.6g} is not it"
    return _diagnose_entries(answer, expected, atol, rtol)


def _diagnose_entries(
    answer: Tensor, expected: Tensor, atol: float, rtol: float
) -> tuple[str, str]:
    """Compare two tensors of one shape, entry by entry."""
    ordered = [torch.sort(values.flatten()).values for values in (answer, expected)]
    if is_close(*ordered, atol, rtol):
        return "order", "the numbers are right, but not in their places"
    factor = (answer * expected).sum() / expected.square().sum()
    if len(expected.unique()) > 1 and is_close(answer, factor * expected, atol, rtol) and factor:
        return "factor", "all entries are off by one and the same factor"
    off = (answer - expected).abs() - (atol + rtol * expected.abs())
    index = tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape))
    where = ", ".join(map(str, index))
    wrong = int((off > 0).sum())
    return "value", (
        f"{wrong} of {off.numel()} entries differ; furthest off is [{where}], {answer[index]:.6g}"
    )


@dataclass(frozen=True)
class Mistake:
    """A classic mistake: its slug, what to say, and what somebody answers who makes it."""

    slug: str
    message: str
    answer: Any


def compare(
    answer: Any,  # A number, nested list, array or tensor
    expected: Any,  # The reference, in any of the same forms
    mistakes: Sequence[Mistake] = (),  # With answers in any of the same forms
    *,
    atol: float = 1e-4,  # Largest difference that still counts as equal
    rtol: float = 1e-3,  # The same, relative to the expected value
) -> Result:
    """Compare a value with its reference, and recognise mistakes.

    **Raises:** `AnswerError` as `as_tensor` does.
    """
    answer, expected = as_tensor(answer), as_tensor(expected)
    if expected.ndim == 0 and answer.numel() == 1:
        answer = answer.reshape(())
    problem = diagnose(answer, expected, atol, rtol)
    if problem is None:
        return Result.right()
    for mistake in mistakes:
        if is_close(answer, as_tensor(mistake.answer), atol, rtol):
            return Result.wrong(mistake.message, mistake.slug)
    slug, message = problem
    return Result.wrong(message, slug)


@dataclass(frozen=True)
class SameValue:
    """Judge a number, list, array or tensor by its values."""

    expected: Any  # The reference
    mistakes: tuple[Mistake, ...] = ()  # Their answers are values
    atol: float = 1e-4  # Largest difference that still counts as equal
    rtol: float = 1e-3  # The same, relative to the expected value

    def __call__(self, answer: Any) -> Result:
        return compare(answer, self.expected, self.mistakes, atol=self.atol, rtol=self.rtol)


@dataclass(frozen=True)
class SameFunction:
    """Judge a function by what it returns."""

    reference: Callable[..., Any]  # What it should compute
    cases: tuple[tuple[Any, ...], ...]  # The arguments of each call
    mistakes: tuple[Mistake, ...] = ()  # Their answers are functions
    atol: float = 1e-4  # Largest difference that still counts as equal
    rtol: float = 1e-3  # The same, relative to the expected value
    # Draws other cases, for a marker; by default, the numbers of these are moved a little.
    draw: Callable[[torch.Generator], tuple[tuple[Any, ...], ...]] | None = None

    def __call__(self, answer: Any) -> Result:
        found = [as_tensor(call(answer, *case)) for case in self.cases]
        results = [
            self._compare(value, self.reference(*case), case)
            for value, case in zip(found, self.cases, strict=True)
        ]
        if all(results):
            return Result.right()
        for mistake in self.mistakes:
            made = (as_tensor(mistake.answer(*case)) for case in self.cases)
            if all(
                is_close(value, wrong, self.atol, self.rtol)
                for value, wrong in zip(found, made, strict=True)
            ):
                return Result.wrong(mistake.message, mistake.slug)
        return next(result for result in results if not result)

    def _compare(self, value: Tensor, expected: Any, case: tuple[Any, ...]) -> Result:
        result = compare(value, expected, atol=self.atol, rtol=self.rtol)
        expected, x = as_tensor(expected), case[0]
        if result.mistake != "value" or not isinstance(x, Tensor) or x.shape != expected.shape:
            return result
        off = (value - expected).abs() - (self.atol + self.rtol * expected.abs())
        worst = off.argmax()
        x_there, y_there = x.flatten()[worst], value.flatten()[worst]
        given = f"furthest off at x = {x_there:.3g}, where yours gives {y_there:.4g}"
        for side, mistake in (("<", "left-half"), (">", "right-half")):
            blamed = x < 0 if side == "<" else x > 0
            if blamed.any() and (off[~blamed] <= 0).all() and not blamed.all():
                return Result.wrong(f"only x {side} 0 is wrong; {given}", mistake)
        return Result.wrong(given, "value")


@dataclass(frozen=True)
class Exercise:
    """An exercise: its task stands in the lesson; here are its checks and hints.

    `id` is `"1.1"`, `slug` names it in files, `judges` maps the name of each answer, in the order
    of `check`'s arguments, to its judge: a function from the answer to a `Result`. `hints` lead
    from a nudge to nearly there. `points` is what the whole exercise is worth.
    """

    id: str
    slug: str
    title: str
    judges: Mapping[str, Callable[[Any], Result]]
    hints: tuple[str, ...]
    points: int = 1
    together: Callable[..., Result | None] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the answers, in the order of `check`'s arguments."""
        return tuple(self.judges)

    def judge(self, *answers: Any) -> Result:
        """Judge the answers. Never raises on a bad answer, and leaves no trace."""
        name = f"Exercise {self.id}"
        if len(answers) != len(self.judges):
            asked = ", ".join(self.names)
            message = f"{len(answers)} answers given, asked for: {asked}"
            return replace(Result.wrong(message, "arguments"), name=name)
        if self.together is not None:
            result = _result_of(lambda _: self.together(*answers), answers)
            if result is not None and result.verdict != "unanswered":
                return replace(result, name=name)
        parts = [
            replace(_result_of(judge, answer), name=answer_name)
            for (answer_name, judge), answer in zip(self.judges.items(), answers, strict=True)
        ]
        return combine(parts, name)

    def check(self, *answers: Any) -> Result:
        """Judge the answers, and in a notebook remember the result. Never raises."""
        result = self.judge(*answers)
        if _in_notebook():
            _MEMORY.keep(self.slug, result)
        return result

    def grade(self, *answers: Any) -> None:
        """Report the points to nbgrader.

        **Raises:** `AssertionError` with the diagnosis where no points were earned.
        """
        result = self.judge(*answers)
        assert result.points > 0, repr(result)
        if result.points < 1:
            sys.displayhook(round(result.points * self.points, 4))

    def hint(self, number: int = 1) -> "Hints":
        """Show the hints, folded; `number` is the one to open."""
        return Hints(self, number)

    def solution(self) -> "Solution":
        """Show the worked solution, where the teacher has published it."""
        return Solution(self.id, self.slug)


def _result_of(judge: Callable[[Any], Result], answer: Any) -> Result:
    """Call a judge, and make a result of whatever happens."""
    try:
        if is_unanswered(answer):
            return Result.unanswered()
        return judge(answer)
    except NotAnswered as error:
        return Result.unanswered(str(error) or "not answered yet")
    except AnswerError as error:
        return Result.wrong(str(error), error.mistake)
    except Exception as error:  # an answer can be an object that raises at any touch
        return Result.wrong(f"it can't be checked ({type(error).__name__})", "unreadable")


@dataclass(frozen=True)
class Hints:
    """What `Exercise.hint` shows."""

    exercise: Exercise
    number: int = 1

    def __repr__(self) -> str:
        hints = self.exercise.hints
        number = self.number if self.number in range(1, len(hints) + 1) else len(hints)
        more = (
            f"The next one: hint({number + 1})." if number < len(hints) else "It is the last one."
        )
        return f"Hint {number} of {len(hints)}: {hints[number - 1]}\n{more}"

    def _repr_html_(self) -> str:
        folded = []
        for number, hint in enumerate(self.exercise.hints, start=1):
            opened = " open" if 1 < number == self.number else ""
            summary = f"Hint {number} of {len(self.exercise.hints)}"
            body = f'<div style="margin:0.2em 1.2em">{_as_html(hint)}</div>'
            folded.append(f"<details{opened}><summary>{summary}</summary>{body}</details>")
        return "\n".join(folded)


@dataclass(frozen=True)
class Solution:
    """What `Exercise.solution` shows: the published solution, or why there is none."""

    id: str
    slug: str

    def _find(self) -> tuple[str | None, str]:
        """Return the code, or None, and a sentence."""
        try:
            published = json.loads(Path("solutions.json").read_text(encoding="utf-8"))
            return str(published[self.slug]), f"Exercise {self.id}, a worked solution"
        except (FileNotFoundError, KeyError):
            return None, f"The solution of exercise {self.id} is not published."
        except (OSError, ValueError, TypeError) as error:
            return None, f"solutions.json can't be read ({type(error).__name__}); ask your teacher."

    def __repr__(self) -> str:
        code, sentence = self._find()
        return sentence if code is None else f"{sentence}:\n\n{code}"

    def _repr_html_(self) -> str:
        code, sentence = self._find()
        if code is None:
            return f"<p>{_as_html(sentence)}</p>"
        code = f"<pre>{html.escape(code)}</pre>"
        return f"<details><summary>{_as_html(sentence)}</summary>{code}</details>"


class _Memory:
    """The results so far: in a small file, or in this process where the file can't be written."""

    path = Path("nnlab-progress.json")

    def __init__(self):
        self.unsaved: dict[str, dict] = {}
        self.problem = ""

    def load(self) -> dict[str, dict]:
        """Read the results; an unreadable file is an empty one."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            stored = {}
        entries = stored.items() if isinstance(stored, dict) else ()
        return {slug: entry for slug, entry in entries if _is_entry(entry)} | self.unsaved

    def keep(self, slug: str, result: Result) -> None:
        """Add one result."""
        entries = self.load() | {slug: {"verdict": result.verdict, "points": result.points}}
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(entries, indent=1), encoding="utf-8")
            beside.replace(self.path)
            self.unsaved, self.problem = {}, ""
        except OSError as error:
            beside.unlink(missing_ok=True)
            self.unsaved, self.problem = entries, error.strerror or type(error).__name__


def _is_entry(entry: Any) -> bool:
    """Tell whether something read from the file is a result."""
    if not isinstance(entry, dict) or entry.get("verdict") not in list(_SYMBOLS):
        return False
    points = entry.get("points")
    return isinstance(points, int | float) and 0 <= points <= 1


def _in_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this code."""
    ipython = sys.modules.get("IPython")
    return "ipykernel" in sys.modules and ipython is not None and ipython.get_ipython() is not None


_MEMORY = _Memory()


class Progress:
    """How far a lesson's exercises have come; shows itself as a table."""

    def __init__(self, exercises: Sequence[Exercise]):
        self.exercises, entries = tuple(exercises), _MEMORY.load()
        self.problem = _MEMORY.problem
        blank = {"verdict": "unanswered", "points": 0.0}
        self.entries = [entries.get(exercise.slug, blank) for exercise in self.exercises]

    @property
    def earned(self) -> float:
        """Points earned so far."""
        return sum(
            entry["points"] * exercise.points
            for entry, exercise in zip(self.entries, self.exercises, strict=True)
        )

    def _lines(self) -> list[tuple[str, str]]:
        return [
            (_SYMBOLS[entry["verdict"]], f"{exercise.id} {exercise.title}")
            for entry, exercise in zip(self.entries, self.exercises, strict=True)
        ]

    def _summary(self) -> str:
        right = sum(entry["verdict"] == "right" for entry in self.entries)
        total = sum(exercise.points for exercise in self.exercises)
        saved = f" (not saved: {self.problem})" if self.problem else ""
        return f"{right} of {len(self.entries)} right, {self.earned:g} of {total} points{saved}"

    def __repr__(self) -> str:
        return "\n".join([self._summary(), *(" ".join(line) for line in self._lines())])

    def _repr_html_(self) -> str:
        total = sum(exercise.points for exercise in self.exercises)
        bar = f'<progress value="{self.earned:g}" max="{total}"></progress>'
        column = '<span style="display:inline-block;width:1.5em">'
        lines = "".join(
            f"<div>{column}{symbol}</span> {_as_html(text)}</div>" for symbol, text in self._lines()
        )
        return f"<div><b>{_as_html(self._summary())}</b> {bar}</div>{lines}"


class Layer(NamedTuple):
    """One module without children, as plain data."""

    name: str  # Where it stands, such as "features.0"
    kind: str  # Its class's name, such as "Conv2d"
    shapes: dict[str, tuple[int, ...]]  # Its own parameters, such as {"weight": (6, 1, 5, 5), ...}
    options: dict[str, Any]  # Its numbers, tuples and strings, such as {"stride": (1, 1), ...}


class Network:
    """A network, seen by what the checks need of it."""

    def __init__(self, module: nn.Module):
        self._module = module

    def layers(self) -> list[Layer]:
        """List the modules without children, in the order in which they were registered."""
        return [
            Layer(
                name,
                type(module).__name__,
                {n: tuple(p.shape) for n, p in module.named_parameters(recurse=False)},
                {
                    key: value
                    for key, value in vars(module).items()
                    if isinstance(value, bool | int | float | str | tuple) and key[0] != "_"
                },
            )
            for name, module in self._module.named_modules()
            if not list(module.children())
        ]

    def num_parameters(self) -> int:
        """Count the numbers that training may change."""
        return sum(p.numel() for p in self._module.parameters() if p.requires_grad)

    def state(self) -> dict[str, Tensor]:
        """Copy the parameters and buffers."""
        return {name: t.detach().clone() for name, t in self._module.state_dict().items()}

    def outputs(self, inputs: Tensor) -> Tensor:
        """Compute the outputs in evaluation mode, without a graph, for `inputs` of `(N, ...)`."""
        was_training = self._module.training
        self._module.eval()
        try:
            with torch.no_grad():
                return call(self._module, inputs)
        finally:
            self._module.train(was_training)

    def gradients(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Compute the gradient of the mean cross-entropy for each parameter, in training mode."""
        self._module.train()
        loss = F.cross_entropy(call(self._module, inputs), labels)
        named = dict(self._module.named_parameters())
        found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
        return {
            name: torch.zeros_like(p) if g is None else g
            for (name, p), g in zip(named.items(), found, strict=True)
        }


def build_network(
    answer: Any,  # A module, a function or class without arguments, or a marker's stand-in
    *,
    seed: int = 0,  # For the starting weights; the caller's random numbers are left alone
) -> Network:
    """Make the network that an answer describes.

    **Raises:** `NotAnswered` if nothing comes out; `AnswerError` if no module does.
    """
    if hasattr(type(answer), "build_network"):
        return answer.build_network(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = answer if isinstance(answer, nn.Module) else call(answer)
    if not isinstance(module, nn.Module):
        raise AnswerError(f"a {type(module).__name__} came out, not an nn.Module", "not-a-network")
    return Network(module)
