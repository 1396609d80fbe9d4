"""Messages through a socket: lengths first, and never later than a deadline"""

# A plain module, edited here.

import socket
import time

from nnlab_course.sandbox.messages import LENGTHS, MOST_BYTES, MOST_JSON, CrossingError


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
    text, blob = LENGTHS.unpack(_exactly(channel, LENGTHS.size, deadline))
    if not trusting and (text > MOST_JSON + 2**16 or blob > MOST_BYTES):
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
