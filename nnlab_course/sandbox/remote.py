"""Stand-ins for what stays in a student's process: functions, classes and networks"""

# A plain module, edited here.

import re
from collections.abc import Callable
from typing import Any

from torch import Tensor

from nnlab_course.exercises import AnswerError, Layer, NotAnswered
from nnlab_course.exercises.watching import Forbidden
from nnlab_course.sandbox.limits import BROKE_THE_RULES, TOO_LONG, ProcessEnded
from nnlab_course.sandbox.messages import CrossingError, identifier
from nnlab_course.sandbox.replies import (
    Failure,
    read_count,
    read_layers,
    read_tensors,
    read_trace,
    without_numbers,
)


class StudentError(Exception):
    """An exception in a student's code; its class has the name of the original."""

    @classmethod
    def named(cls, name: str) -> type["StudentError"]:
        """Make a class with this name, or one like it."""
        return type(identifier(name), (cls,), {})


def _as_it_is(value: Any) -> Any:
    return value


class Remote:
    """Something that lives in a notebook's process, known here by a number."""

    def __init__(self, session: Any, handle: int, name: str):
        self.session, self.handle = session, handle
        self.__name__ = name if name.isidentifier() else "function"

    def ask(
        self, what: str, *args: Any, reader: Callable[[Any], Any] = _as_it_is, **kwargs: Any
    ) -> Any:
        """Have the process do something with it.

        **Raises:** `AnswerError` if it takes too long, ends the process or answers what can't be,
        and what the student's code raises, under the name that it has there; `SandboxFault` if the
        sandbox is gone.
        """
        message = {"do": what, "handle": self.handle}
        value = {"args": list(args), "kwargs": kwargs}
        try:
            reply, value = self.session.ask(message, value, self.session.deadline)
            if not reply.error:
                return reader(value)
        except ProcessEnded as end:
            raise AnswerError(f"could not be run to its end: {end}", "ended") from end
        except CrossingError as error:
            raise AnswerError(f"{BROKE_THE_RULES}: {error}", "broke-the-rules") from error
        raise _exception(reply.error)


_OWN = {kind.__name__: kind for kind in (NotAnswered, AnswerError, Forbidden)}


def _exception(error: Failure) -> Exception:
    """Make an exception again of what was told about one, without the numbers in it."""
    message = without_numbers(error.message)
    if error.type == "TimeIsUp":
        return AnswerError(TOO_LONG, "too-slow")
    if error.type in _OWN:
        return _OWN[error.type](message)
    return StudentError.named(re.sub(r"\d", "", error.type))(message)


class RemoteFunction(Remote):
    """A student's function, class or network: calling it runs it in the sandbox."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.ask("call", *args, **kwargs)

    def call_watched(self, forbidden: tuple[str, ...], *args: Any) -> Any:
        """Call it, and have the process refuse what it mustn't use."""
        return self.ask("call_watched", forbidden, *args)

    def build_network(self, seed: int) -> "RemoteNetwork":
        """Make the network that this describes, over there."""
        return self.ask("build_network", seed)


class RemoteNetwork(Remote):
    """Answers the questions of `nnlab_course.exercises.Network`."""

    def layers(self) -> list[Layer]:
        return self.ask("layers", reader=read_layers)

    def num_parameters(self) -> int:
        return self.ask("num_parameters", reader=read_count)

    def state(self) -> dict[str, Tensor]:
        return self.ask("state", reader=read_tensors)

    def outputs(self, inputs: Tensor, state: dict[str, Tensor] | None = None) -> Tensor:
        return self.ask("outputs", inputs, state)

    def trace(
        self, inputs: Tensor, nudges: dict[str, Tensor] | None = None, training: bool = True
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return self.ask("trace", inputs, nudges, training, reader=read_trace)

    def output_gradients(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return self.ask("output_gradients", inputs, labels, reader=read_tensors)


def stand_in(
    session: Any,  # That of the process in which it lives
    described: dict,  # Its number, its kind, its name, the name of its type
) -> Remote:
    """Make what stands for a function or network; its class has the name of the original's."""
    kind = RemoteNetwork if described["kind"] == "network" else RemoteFunction
    named = type(identifier(described["type"]), (kind,), {})
    return named(session, described["handle"], described["name"])
