"""Other inputs for a student's function: drawn for a marker, moved to see what a mistake is"""

# A plain module, edited here.

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

Case = tuple[Any, ...]  # The arguments of one call


def move_case(case: Case, generator: torch.Generator) -> Case:
    """Draw other arguments of the same kinds and shapes, by default."""
    return tuple(_move(value, generator) for value in case)


def _move(value: Any, generator: torch.Generator) -> Any:
    """Move floating-point numbers by up to 10 % and shuffle a row of them; draw new integers."""
    if isinstance(value, bool) or not isinstance(value, float | int | Tensor | list | tuple):
        return value
    if isinstance(value, list | tuple):
        return type(value)(_move(item, generator) for item in value)
    if isinstance(value, int):
        return _draw(abs(value) // 2, abs(value) + 2, (), generator).item() * (-1) ** (value < 0)
    if isinstance(value, float):
        return _move(torch.tensor(value, dtype=torch.float64), generator).item()
    if value.dtype == torch.bool or value.is_complex() or not value.numel():
        return value
    if value.is_floating_point():
        noise = torch.rand(value.shape, generator=generator, dtype=value.dtype)
        moved = value.detach() * (0.9 + 0.2 * noise)
        order = torch.randperm(len(value), generator=generator) if value.ndim == 1 else ...
        return moved[order]
    low, high = int(value.min()), int(value.max())
    return _draw(low, high, value.shape, generator).to(value.dtype)


def _draw(low: int, high: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.randint(low, high + 1, tuple(shape), generator=generator)


def as_float32(case: Case) -> Case:
    """Make float32 of every float64 tensor."""
    return tuple(
        x.float() if isinstance(x, Tensor) and x.dtype == torch.float64 else x for x in case
    )


def as_arrays(case: Case) -> Case:
    """Make numpy arrays of tensors."""
    return tuple(x.detach().numpy() if isinstance(x, Tensor) else x for x in case)


_CHANGES: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("−x in place of x", lambda x: -x),
    ("2x in place of x", lambda x: 2 * x),
    ("x/2 in place of x", lambda x: x / 2),
    ("x² in place of x", lambda x: x * x),
    ("|x| in place of x", lambda x: abs(x)),
    ("x + 1 in place of x", lambda x: x + 1),
    ("x − 1 in place of x", lambda x: x - 1),
    ("the transposed argument", torch.t),
    ("the argument in reverse order", lambda x: x.flip(0)),
    ("the argument with each row reversed", lambda x: x.flip(-1)),
    ("the argument turned by 180 degrees", lambda x: x.flip(0, 1)),
)


def changed_arguments(cases: Sequence[Case]) -> Iterator[tuple[str, list[Case]]]:
    """Yield what a function may have been given by mistake, in words and as cases."""
    if len(cases[0]) == 2:
        yield "its two arguments exchanged", [case[::-1] for case in cases]
    for position in range(len(cases[0])):
        which = f", for argument {position + 1}" if len(cases[0]) > 1 else ""
        for words, change in _CHANGES:
            try:
                yield words + which, [_replace(case, position, change) for case in cases]
            except (TypeError, RuntimeError, IndexError, AttributeError):
                continue  # this kind of argument can't be changed so


def _replace(case: Case, position: int, change: Callable[[Any], Any]) -> Case:
    if isinstance(case[position], Tensor) and case[position].dtype == torch.uint8:
        raise TypeError("bytes have no sign")
    return (*case[:position], change(case[position]), *case[position + 1 :])
