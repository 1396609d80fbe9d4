"""What a notebook was worth: typed values, and how they are written as JSON and read again"""

# A plain module, edited here.

import types
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints


class Refused(ValueError):
    """Something that isn't graded; the message says why, and is for the teacher."""


class Fields:
    """Lets fields be read by their names in brackets as well: marks were dicts once."""

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


@dataclass(frozen=True)
class PartMark(Fields):
    """One answer of an exercise."""

    name: str
    verdict: str  # "right", "partly", "wrong" or "unanswered"
    message: str
    mistake: str | None = None  # Slug of a mistake that was recognised


@dataclass(frozen=True)
class ExerciseMark(Fields):
    """One exercise."""

    id: str
    title: str
    points: float
    of: float
    verdict: str
    message: str
    mistake: str | None = None
    parts: tuple[PartMark, ...] = ()
    notes: tuple[str, ...] = ()  # What marking couldn't do, and what it looked at


@dataclass(frozen=True)
class CellError(Fields):
    """What went wrong in a cell when the cells were run in order."""

    cell: int  # Counted from 1, code cells only
    type: str  # The exception's class; empty if the cell was left out
    message: str
    line: int | None = None
    code: str = ""  # That line, or the cell's first one
    exercises: tuple[str, ...] = ()  # The exercises that are answered there


@dataclass(frozen=True)
class Mark(Fields):
    """What became of one notebook."""

    student: str
    file: str
    digest: str = ""  # Of its bytes
    lesson: str = ""
    points: float = 0.0
    of: float = 0.0
    problem: str = ""  # Why it wasn't graded
    exercises: tuple[ExerciseMark, ...] = ()
    errors: tuple[CellError, ...] = ()
    passed_over: tuple[str, ...] = ()  # Lines that only work in Jupyter
    notes: tuple[str, ...] = ()
    place: str = ""  # The platform's name for the folder or file
    platform_id: str = ""  # The platform's number for the student
    handed_in: float = 0.0  # Seconds since 1970, or 0
    late: bool = False  # The platform says so


FORMAT = "nnlab marks, version 2"


@dataclass(frozen=True)
class Register(Fields):
    """The marks of a class, or of one part of it."""

    seed: int
    edition: str  # Of the checks and the settings
    listing: str  # Digest of the names of all that was handed in, in all parts
    shard: tuple[int, ...]  # (3, 10): the third of ten parts
    submissions: int
    records: tuple[Mark, ...]
    format: str = FORMAT


def as_plain(value: Any) -> Any:
    """Write a dataclass as plain data for JSON."""
    return asdict(value)


def from_plain(kind: Any, data: Any) -> Any:
    """Read what `as_plain` wrote, and check its types.

    **Raises:** `ValueError` if it is something else.
    """
    if is_dataclass(kind):
        return _read_dataclass(kind, data)
    if get_origin(kind) is tuple:
        if isinstance(data, list | tuple):
            return tuple(from_plain(get_args(kind)[0], item) for item in data)
    elif get_origin(kind) is types.UnionType:
        if data is None:
            return None
        return from_plain(get_args(kind)[0], data)
    elif kind is float and type(data) in (int, float):
        return float(data)
    elif type(data) is kind:
        return data
    raise ValueError(f"{str(data)[:40]!r} stands where a {kind} is expected")


def _read_dataclass(kind: Any, data: Any) -> Any:
    hints = get_type_hints(kind)
    if not isinstance(data, dict) or not data.keys() <= hints.keys():
        raise ValueError(f"not a {kind.__name__}")
    try:
        return kind(**{name: from_plain(hints[name], value) for name, value in data.items()})
    except TypeError as error:
        raise ValueError(f"not a whole {kind.__name__}: {error}") from error


def total(exercises: Sequence[ExerciseMark]) -> tuple[float, float]:
    """Add up the points, and what could be had."""
    return round(sum(e.points for e in exercises), 4), sum(e.of for e in exercises)
