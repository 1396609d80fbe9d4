"""What a student's process may answer: each reply is checked here, by type and bound"""

# A plain module, edited here.

import re
import site
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import Tensor

from nnlab_course.exercises import Layer
from nnlab_course.sandbox.messages import CrossingError, clean_text

_LONGEST_ERROR, _LAST_LINE, _MOST_MEMORY = 500, 10**6, 2**48
_MOST_ENTRIES = 10_000  # Layers, or tensors of a state


@dataclass(frozen=True)
class Failure:
    """An exception in a student's code, as the code itself told it."""

    type: str
    message: str
    line: int | None


@dataclass(frozen=True)
class Reply:
    """What a student's process says, apart from a value."""

    error: Failure | None = None
    memory: int = 0  # Bytes that the cells left behind


def _folders_of_this_machine() -> list[str]:
    """List what students needn't read of the marker's folders, the longest first."""
    folders = {sys.prefix, sys.base_prefix, *site.getsitepackages(), str(Path.home())}
    folders.add(str(Path(str(files("nnlab_course"))).parent))
    named = {folder for folder in folders if folder.count("/") > 1 or folder == "/root"}
    return sorted(named - {"/usr", "/usr/local"}, key=len, reverse=True)


_FOLDERS = _folders_of_this_machine()


def without_folders(text: str) -> str:
    """Take this machine's folders out of a text."""
    for folder in _FOLDERS:
        text = text.replace(folder, "…")
    return text


def without_numbers(text: str) -> str:
    """Take the numbers out of a text: among them may be inputs that were drawn for the marking."""
    return re.sub(r"\d(?:[\d.,_]*\d)?(?:e[-+]?\d+)?", "…", text)


def _failure(error: Any) -> Failure | None:
    match error:
        case None:
            return None
        case {"type": str(kind), "message": str(message), "line": line}:
            line = line if type(line) is int and 0 < line < _LAST_LINE else None
            message = clean_text(without_folders(message), _LONGEST_ERROR)
            return Failure(clean_text(kind, 100), message, line)
    raise CrossingError("an error without a description")


def read_reply(
    message: dict,  # As it came, without the value
) -> Reply:
    """Check what a student's process says.

    **Raises:** `CrossingError` if it isn't of the kind that was agreed.
    """
    memory = message.get("memory", 0)
    if type(memory) is not int or not 0 <= memory < _MOST_MEMORY:
        raise CrossingError("an amount of memory that is no number of bytes")
    return Reply(_failure(message.get("error")), memory)


def read_count(value: Any) -> int:
    """Check a number of parameters."""
    if type(value) is not int or value < 0:
        raise CrossingError("a number of parameters that is no whole number")
    return value


def read_tensors(value: Any) -> dict[str, Tensor]:
    """Check a network's state or gradients."""
    if not isinstance(value, dict) or len(value) > _MOST_ENTRIES:
        raise CrossingError("a state that is no dict")
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items()):
        raise CrossingError("a state that is no dict of tensors")
    return value


def read_trace(value: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Check a network's outputs and what its layers were given."""
    match value:
        case [Tensor() as outputs, dict() as seen]:
            return outputs, read_tensors(seen)
    raise CrossingError("a trace without outputs and inputs")


def read_layers(value: Any) -> list[Layer]:
    """Check the description of a network's layers."""
    if not isinstance(value, list) or len(value) > _MOST_ENTRIES:
        raise CrossingError("layers that are no list")
    return [_read_layer(described) for described in value]


def _are_sizes(shape: list) -> bool:
    return all(type(size) is int and size >= 0 for size in shape)


def _read_layer(described: Any) -> Layer:
    match described:
        case [str(name), str(kind), dict(shapes), dict(options)]:
            if all(isinstance(shape, list) and _are_sizes(shape) for shape in shapes.values()):
                shapes = {key: tuple(shape) for key, shape in shapes.items()}
                options = {
                    key: tuple(value) if isinstance(value, list) else value
                    for key, value in options.items()
                }
                return Layer(name, kind, shapes, options)
    raise CrossingError("a layer without its description")
