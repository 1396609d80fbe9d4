"""How values leave a student's process: as JSON and plain bytes, never as objects"""

# A plain module, edited here.

import json
import math
import struct
import unicodedata
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

_CROSSING = "float64 float32 float16 int64 int32 int16 int8 uint8 bool"
_DTYPES = {name: getattr(torch, name) for name in _CROSSING.split()}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
MOST_BYTES = 64 * 2**20  # of the arrays in one message
MOST_JSON = 2**20
_LONGEST_TEXT = 10_000
_DEEPEST = 20
_MOST_HANDLES = 10**6

_detach, _to_dense, _to = Tensor.detach, Tensor.to_dense, Tensor.to
_numpy, _contiguous, _numel = Tensor.numpy, Tensor.contiguous, Tensor.numel
_is_contiguous = Tensor.is_contiguous


class CrossingError(ValueError):
    """A message that doesn't keep to the rules."""


_LAYOUT = ("Cc", "Cf", "Cs", "Zl", "Zp")  # What moves cursors, or turns the order of letters
_SPELLING = "\n\t\u200c\u200d\u00ad"


def clean_text(text: str, most: int = _LONGEST_TEXT) -> str:
    """Write control characters and lone halves of characters as escapes, and cut what is long."""
    text = text[:most]
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in _LAYOUT and letter not in _SPELLING
        else letter
        for letter in text
    )


class Unreadable:
    """Stands for an answer that can't cross; its class has the name of the answer's own."""


def _plain_tensor(value: Tensor) -> Tensor:
    """Copy a tensor of any kind into a plain one on the CPU, of a dtype that may cross."""
    value = _detach(value)
    if value.layout != torch.strided:
        value = _to_dense(value)
    value = value.as_subclass(Tensor)
    if value.dtype not in _NAMES:
        if value.is_complex():
            raise CrossingError("complex numbers")
        value = _to(value, torch.float32 if value.is_floating_point() else torch.int64)
    return _to(value, "cpu").resolve_neg()


class _Writer:
    """Turns a value into JSON, and gathers the bytes of its arrays."""

    def __init__(self, handle: Callable | None, convert: Callable | None):
        self.handle, self.convert, self.blobs, self.size = handle, convert, [], 0

    def tensor(self, value: Tensor, kind: str) -> dict:
        if self.size + _numel(value) * value.element_size() > MOST_BYTES:
            return {"is": "unreadable", "name": "tensor_too_large"}
        try:
            value = _plain_tensor(value)
        except (CrossingError, RuntimeError, NotImplementedError):
            return {"is": "unreadable", "name": type(value).__name__[:100]}
        blob = _numpy(_contiguous(value)).tobytes()
        at, self.size = self.size, self.size + len(blob)
        self.blobs.append(blob)
        shape = list(value.shape)
        tree = {"is": kind, "dtype": _NAMES[value.dtype], "shape": shape, "at": at}
        # By its layout 5.5 tells a network of the course's class.
        last = len(shape) == 4 and not _is_contiguous(value)
        if last and _is_contiguous(value, memory_format=torch.channels_last):
            tree["channels_last"] = True
        return tree

    def array(self, value: np.ndarray) -> Any:
        if value.nbytes > MOST_BYTES:
            return {"is": "unreadable", "name": "array_too_large"}
        try:
            return self.tensor(torch.from_numpy(np.array(value, order="C")), "array")
        except (TypeError, ValueError):  # objects, texts, dates, long doubles, foreign orders
            return self.converted(value, "ndarray")

    def write(self, value: Any, depth: int = 0) -> Any:
        """Describe a value; what can't cross is noted by its type."""
        if value is None or isinstance(value, bool):
            return value
        if value is ...:
            return {"is": "ellipsis"}
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return self.converted(value, "integer_too_large")
        if isinstance(value, int | float):
            return value
        if isinstance(value, str):
            return str(value)[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
        if isinstance(value, Tensor):
            return self.tensor(value, "tensor")
        if isinstance(value, np.ndarray):
            return self.array(value)
        if isinstance(value, np.generic):
            plain = value.item()  # of a long double, itself
            return self.write(float(value) if isinstance(plain, np.generic) else plain)
        if isinstance(value, torch.Generator):
            return {"is": "generator", "state": self.write(value.get_state())}
        return self.compound(value, depth)

    def compound(self, value: Any, depth: int) -> dict:
        if depth < _DEEPEST:
            if isinstance(value, list | tuple | range | deque):
                return {"is": "list", "items": [self.write(item, depth + 1) for item in value]}
            if isinstance(value, dict) and all(isinstance(key, str | int) for key in value):
                items = [[self.write(k), self.write(v, depth + 1)] for k, v in value.items()]
                return {"is": "dict", "items": items}
        number, type_name = self.handle(value) if self.handle else None, type(value).__name__[:100]
        if number is None:
            return self.converted(value, type_name)
        kind = "function" if callable(value) else "network"
        name = str(getattr(value, "__name__", type_name))[:100]
        return {"is": "handle", "kind": kind, "handle": number, "name": name, "type": type_name}

    def converted(self, value: Any, type_name: str) -> dict:
        """Describe as numbers what the lesson's own check would read as numbers."""
        try:
            return self.tensor(self.convert(value), "tensor")
        except Exception:
            return {"is": "unreadable", "name": type_name}


LENGTHS = struct.Struct(">IQ")
_TOO_LONG = {"is": "unreadable", "name": "answer_too_long"}


def write_message(
    message: dict,  # What there is to say, plain JSON
    value: Any = None,  # What goes with it: anything
    handle: Callable[[Any], int | None] | None = None,  # Gives what stays behind its number
    convert: Callable[[Any], Tensor] | None = None,  # Makes numbers of other objects, or raises
) -> bytes:
    """Write a message and a value; what can't cross in the value is noted by its type."""
    writer = _Writer(handle, convert)
    tree = writer.write(value)
    text = json.dumps(message | {"value": tree}).encode()
    if len(text) > MOST_JSON:
        writer, text = _Writer(None, None), json.dumps(message | {"value": _TOO_LONG}).encode()
    return LENGTHS.pack(len(text), writer.size) + text + b"".join(writer.blobs)


class _Reader:
    """Turns a message back into values, and checks every claim in it."""

    def __init__(self, blob: bytearray, build: Callable[[dict], Any] | None, trusting: bool):
        self.blob, self.build, self.trusting = blob, build, trusting

    def tensor(self, tree: dict) -> Tensor:
        dtype, shape, at = tree["dtype"], tree["shape"], tree["at"]
        if dtype not in _DTYPES or not isinstance(shape, list) or len(shape) > 16:
            raise CrossingError(f"a tensor of dtype {str(dtype)[:20]!r}")
        if not all(type(number) is int and 0 <= number < 2**40 for number in (at, *shape)):
            raise CrossingError("sizes that are no whole numbers")
        count, width = math.prod(shape), _DTYPES[dtype].itemsize
        if at + count * width > len(self.blob):
            raise CrossingError("more numbers announced than sent")
        if not count:
            return torch.empty([min(size, _LONGEST_TEXT) for size in shape], dtype=_DTYPES[dtype])
        numbers = self.blob[at : at + count * width]  # a copy: aligned, and the receiver's own
        if dtype == "bool":  # a byte other than 0 and 1 would be no bool
            return (torch.frombuffer(numbers, dtype=torch.uint8) != 0).reshape(shape)
        return torch.frombuffer(numbers, dtype=_DTYPES[dtype]).reshape(shape)

    def read(self, tree: Any) -> Any:
        if isinstance(tree, int) and not -(2**63) <= tree < 2**63:
            raise CrossingError("a whole number of more than 64 bits")
        if isinstance(tree, str):
            return tree if self.trusting else clean_text(tree)
        if tree is None or isinstance(tree, bool | int | float):
            return tree
        match tree:
            case {"is": "ellipsis"}:
                return ...
            case {"is": "list", "items": list(items)}:
                return [self.read(item) for item in items]
            case {"is": "dict", "items": list(items)}:
                return {self.key(key): self.read(value) for key, value in items}
            case {"is": "tensor", "channels_last": True, "shape": [_, _, _, _]}:
                return self.tensor(tree).contiguous(memory_format=torch.channels_last)
            case {"is": "tensor"}:
                return self.tensor(tree)
            case {"is": "array"}:
                return self.tensor(tree).numpy()
            case {"is": "generator", "state": dict(state)} if self.trusting:
                generator = torch.Generator()
                return generator.set_state(self.tensor(state))
            case {"is": "unreadable", "name": str(name)}:
                return unreadable(name)
            case {"is": "handle", "kind": str(), "handle": int(), "name": str(), "type": str()} if (
                self.build and 0 <= tree["handle"] < _MOST_HANDLES
            ):
                return self.build(tree)
        raise CrossingError(f"an unknown description: {str(tree)[:60]}")

    def key(self, key: Any) -> str | int:
        if not isinstance(key, str | int):
            raise CrossingError("a key that is neither text nor number")
        return clean_text(key) if isinstance(key, str) else key


def identifier(name: str) -> str:
    """Make a name for a class of a text."""
    name = "".join(letter if f"a{letter}".isidentifier() else "_" for letter in name[:100])
    return name or "object"


def unreadable(name: str) -> Unreadable:
    """Make what stands for an object of a type with this name."""
    return type(identifier(name), (Unreadable,), {})()


def read_message(
    text: bytes,
    blob: bytearray,
    build: Callable[[dict], Any] | None = None,  # Makes what stands for a handle
    *,
    trusting: bool = False,  # Whether a generator may be set to a state that was sent
) -> tuple[dict, Any]:  # The message, and the value that came with it
    """Read what `write_message` wrote, or what somebody claims that it wrote.

    **Raises:** `CrossingError` if the text isn't JSON, nests too deep, or describes what isn't
    there.
    """
    try:
        message = json.loads(text)
        value = _Reader(blob, build, trusting).read(message.pop("value"))
    except CrossingError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CrossingError(f"a malformed message ({type(error).__name__})") from error
    return message, value
