"""How values leave a student's process: as JSON and plain bytes, never as objects"""

# A plain module, edited here.

import json
import math
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

_CROSSING = "float64 float32 float16 int64 int32 int16 int8 uint8 bool"
_DTYPES = {name: getattr(torch, name) for name in _CROSSING.split()}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_MOST_BYTES = 64 * 2**20  # of the arrays in one message
_MOST_JSON = 2**20
_LONGEST_TEXT = 10_000
_DEEPEST = 20

_detach, _to_dense, _to = Tensor.detach, Tensor.to_dense, Tensor.to
_numpy, _contiguous, _numel = Tensor.numpy, Tensor.contiguous, Tensor.numel


class CrossingError(ValueError):
    """A message that doesn't keep to the rules."""


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
    return _contiguous(_to(value, "cpu").resolve_neg())


class _Writer:
    """Turns a value into JSON, and gathers the bytes of its arrays."""

    def __init__(self, handle: Callable[[Any], int] | None):
        self.handle, self.blobs, self.size = handle, [], 0

    def tensor(self, value: Tensor, kind: str) -> dict:
        if self.size + _numel(value) * value.element_size() > _MOST_BYTES:
            return {"is": "unreadable", "name": "tensor_too_large"}
        try:
            value = _plain_tensor(value)
        except (CrossingError, RuntimeError, NotImplementedError):
            return {"is": "unreadable", "name": type(value).__name__}
        blob = _numpy(value).tobytes()
        at, self.size = self.size, self.size + len(blob)
        self.blobs.append(blob)
        shape = list(value.shape)
        return {"is": kind, "dtype": _NAMES[value.dtype], "shape": shape, "at": at}

    def array(self, value: np.ndarray) -> Any:
        if value.nbytes > _MOST_BYTES:
            return {"is": "unreadable", "name": "array_too_large"}
        try:
            return self.tensor(torch.from_numpy(np.array(value, order="C")), "array")
        except TypeError:  # objects, texts, dates
            return {"is": "unreadable", "name": "ndarray"}

    def write(self, value: Any, depth: int = 0) -> Any:
        """Describe a value; what can't cross is noted by its type."""
        if value is None or isinstance(value, bool):
            return value
        if value is ...:
            return {"is": "ellipsis"}
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return {"is": "unreadable", "name": "integer_too_large"}
        if isinstance(value, int | float):
            return value
        if isinstance(value, str):
            return str(value)[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
        if isinstance(value, Tensor):
            return self.tensor(value, "tensor")
        if isinstance(value, np.ndarray):
            return self.array(value)
        if isinstance(value, np.generic):
            return self.write(value.item(), depth + 1) if depth < _DEEPEST else None
        if isinstance(value, torch.Generator):
            return {"is": "generator", "state": self.write(value.get_state())}
        return self.compound(value, depth)

    def compound(self, value: Any, depth: int) -> dict:
        if depth < _DEEPEST:
            if isinstance(value, list | tuple | range):
                return {"is": "list", "items": [self.write(item, depth + 1) for item in value]}
            if isinstance(value, dict) and all(isinstance(key, str | int) for key in value):
                items = [[self.write(k), self.write(v, depth + 1)] for k, v in value.items()]
                return {"is": "dict", "items": items}
        number = self.handle(value) if self.handle else None
        if number is None:
            return {"is": "unreadable", "name": type(value).__name__[:100]}
        kind = "function" if callable(value) else "network"
        name = str(getattr(value, "__name__", type(value).__name__))
        return {"is": "handle", "kind": kind, "handle": number, "name": name[:100]}


_LENGTHS = struct.Struct(">IQ")
_TOO_LONG = {"is": "unreadable", "name": "answer_too_long"}


def write_message(
    message: dict,  # What there is to say, plain JSON
    value: Any = None,  # What goes with it: anything
    handle: Callable[[Any], int | None] | None = None,  # Gives what stays behind its number
) -> bytes:
    """Write a message and a value; what can't cross in the value is noted by its type."""
    writer = _Writer(handle)
    tree = writer.write(value)
    text = json.dumps(message | {"value": tree}).encode()
    if len(text) > _MOST_JSON:
        writer, text = _Writer(None), json.dumps(message | {"value": _TOO_LONG}).encode()
    return _LENGTHS.pack(len(text), writer.size) + text + b"".join(writer.blobs)


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
            return torch.empty(shape, dtype=_DTYPES[dtype])
        numbers = self.blob[at : at + count * width]  # a copy: aligned, and the receiver's own
        if dtype == "bool":  # a byte other than 0 and 1 would be no bool
            return (torch.frombuffer(numbers, dtype=torch.uint8) != 0).reshape(shape)
        return torch.frombuffer(numbers, dtype=_DTYPES[dtype]).reshape(shape)

    def read(self, tree: Any) -> Any:
        if isinstance(tree, int) and not -(2**63) <= tree < 2**63:
            raise CrossingError("a whole number of more than 64 bits")
        if tree is None or isinstance(tree, bool | int | float | str):
            return tree
        match tree:
            case {"is": "ellipsis"}:
                return ...
            case {"is": "list", "items": list(items)}:
                return [self.read(item) for item in items]
            case {"is": "dict", "items": list(items)}:
                return {self.key(key): self.read(value) for key, value in items}
            case {"is": "tensor"}:
                return self.tensor(tree)
            case {"is": "array"}:
                return self.tensor(tree).numpy()
            case {"is": "generator", "state": dict(state)} if self.trusting:
                generator = torch.Generator()
                return generator.set_state(self.tensor(state))
            case {"is": "unreadable", "name": str(name)}:
                return unreadable(name)
            case {"is": "handle", "kind": str(), "handle": int(), "name": str()} if self.build:
                return self.build(tree)
        raise CrossingError(f"an unknown description: {str(tree)[:60]}")

    def key(self, key: Any) -> str | int:
        if not isinstance(key, str | int):
            raise CrossingError("a key that is neither text nor number")
        return key


def unreadable(name: str) -> Unreadable:
    """Make what stands for an object of a type with this name."""
    name = "".join(letter if f"a{letter}".isidentifier() else "_" for letter in name[:100])
    return type(name or "object", (Unreadable,), {})()


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


def send(channel: socket.socket, message: bytes, deadline: float | None = None) -> None:
    """Send a whole message. `deadline` is a time of `time.monotonic`.

    **Raises:** `TimeoutError` at the deadline, `OSError` if the other side is gone.
    """
    _wait(channel, deadline)
    channel.sendall(message)


def receive(
    channel: socket.socket,
    deadline: float | None = None,  # A time of `time.monotonic`; None: for ever
    *,
    trusting: bool = False,  # Whether the other side may send as much as it likes
) -> tuple[bytes, bytearray]:  # The JSON text, and the bytes of the arrays
    """Receive one message.

    **Raises:** `TimeoutError` at the deadline, `EOFError` if the other side is gone,
    `CrossingError` if the message is larger than agreed.
    """
    text, blob = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size, deadline))
    if not trusting and (text > _MOST_JSON + 2**16 or blob > _MOST_BYTES):
        raise CrossingError("a message larger than agreed")
    return bytes(_exactly(channel, text, deadline)), _exactly(channel, blob, deadline)


def _wait(channel: socket.socket, deadline: float | None) -> None:
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise TimeoutError("no answer in time")
    channel.settimeout(left)


def _exactly(channel: socket.socket, size: int, deadline: float | None) -> bytearray:
    received, view = 0, memoryview(bytearray(size))
    while received < size:
        _wait(channel, deadline)
        count = channel.recv_into(view[received:])
        if not count:
            raise EOFError("the other side is gone")
        received += count
    return view.obj
