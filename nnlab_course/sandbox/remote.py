"""Stand-ins for what stays in a student's process: functions, classes and networks"""

# A plain module, edited here.

from typing import Any

from torch import Tensor

from nnlab_course.exercises import AnswerError, Layer, NotAnswered
from nnlab_course.exercises.watching import Forbidden
from nnlab_course.sandbox.limits import TOO_LONG, ProcessEnded
from nnlab_course.sandbox.messages import unreadable


class StudentError(Exception):
    """An exception in a student's code; its class has the name of the original."""

    @classmethod
    def named(cls, name: str) -> type["StudentError"]:
        """Make a class with this name, or one like it."""
        return type(unreadable(name).__class__.__name__, (cls,), {})


class Remote:
    """Something that lives in a notebook's process, known here by a number."""

    def __init__(self, session: Any, handle: int, name: str):
        self.session, self.handle = session, handle
        self.__name__ = name if name.isidentifier() else "function"

    def ask(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Have the process do something with it.

        **Raises:** `AnswerError` if it takes too long or ends the process, and what the student's
        code raises, under the name that it has there.
        """
        message = {"do": what, "handle": self.handle}
        value = {"args": list(args), "kwargs": kwargs}
        try:
            reply, value = self.session.ask(message, value, self.session.deadline)
        except ProcessEnded as end:
            raise AnswerError(f"could not be run to its end: {end}", "ended") from end
        if error := reply.get("error"):
            raise _exception(**error)
        return value


def _exception(type: str, message: str, line: int | None) -> Exception:
    """Make an exception again of what was told about one."""
    if type == "TimeIsUp":
        return AnswerError(TOO_LONG, "too-slow")
    if kind := {kind.__name__: kind for kind in (NotAnswered, AnswerError, Forbidden)}.get(type):
        return kind(message)
    return StudentError.named(type)(message)


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
        return [_layer(described) for described in self.ask("layers")]

    def num_parameters(self) -> int:
        return self.ask("num_parameters")

    def state(self) -> dict[str, Tensor]:
        return self.ask("state")

    def outputs(self, inputs: Tensor, state: dict[str, Tensor] | None = None) -> Tensor:
        return self.ask("outputs", inputs, state)

    def gradients(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return self.ask("gradients", inputs, labels)

    def trace(
        self, inputs: Tensor, nudges: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        outputs, seen = self.ask("trace", inputs, nudges)
        return outputs, seen

    def output_gradients(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return self.ask("output_gradients", inputs, labels)


def _layer(described: Any) -> Layer:
    """Check the description of a layer. Tuples crossed as lists."""
    match described:
        case [str(name), str(kind), dict(shapes), dict(options)]:
            shapes = {key: tuple(size) for key, size in shapes.items()}
            options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
            return Layer(name, kind, shapes, options)
    raise AnswerError("is no network whose layers can be told")
