"""See whether a student's code uses what its task forbids: a function of torch, autograd, …"""

# A plain module, edited here.

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch.overrides import TorchFunctionMode

from nnlab_course.exercises.answers import AnswerError

_AUTOGRAD = {"backward", "grad", "_make_dual"}
_LESSON = "lesson."


class Forbidden(AnswerError):
    """The student's code used what the task forbids."""

    def __init__(self, message: str, mistake: str = "forbidden"):
        super().__init__(message, mistake)


class _Watch(TorchFunctionMode):
    """Notes the forbidden names that are used while it is entered."""

    def __init__(self, forbidden: Sequence[str]):
        super().__init__()
        self.names = {name for name in forbidden if not name.startswith(_LESSON)}
        self.of_lesson = {n.removeprefix(_LESSON) for n in forbidden if n.startswith(_LESSON)}
        self.seen: list[str] = []

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        name = getattr(function, "__name__", "")
        if name in _AUTOGRAD and "autograd" in self.names:
            self.seen.append("autograd")
        name = name.removeprefix("special_").rstrip("_")
        if name in self.names:
            self.seen.append(name)
        return function(*args, **(kwargs or {}))

    def profile(self, frame: Any, event: str, _: Any) -> None:
        """See which Python functions are called."""
        name = frame.f_code.co_name
        if event == "call" and name in self.of_lesson:
            self.seen.append(name)


@contextmanager
def watching(
    forbidden: Sequence[str],  # As below
) -> Iterator[None]:
    """Watch the block. What is forbidden:

    - `"sigmoid"` is torch's function of that name by whichever way: `torch.sigmoid`,
      `x.sigmoid()`, `x.sigmoid_()`, `F.sigmoid`, `nn.Sigmoid()`, `torch.special.…`. A helper that
      the student wrote under this name is allowed, and so is another library function that uses
      it inside.
    - `"autograd"` is any gradient that torch computes: `backward`, `torch.autograd`,
      `torch.func`.
    - `"lesson.dead_units"` is a function of that name from the lesson, in the notebook or the
      package.

    **Raises:** `Forbidden` at its end if something forbidden was used, even if the block raised.
    """
    watch, before = _Watch(forbidden), sys.getprofile()
    if watch.of_lesson:
        sys.setprofile(watch.profile)
    try:
        with watch:
            yield
    except Exception:
        _complain(watch.seen)
        raise
    finally:
        sys.setprofile(before)
    _complain(watch.seen)


def _complain(seen: Sequence[str]) -> None:
    if seen:
        used = "autograd" if "autograd" in seen else f"`{seen[0]}`"
        raise Forbidden(f"your code uses {used}, which this task doesn't allow: write it yourself")
