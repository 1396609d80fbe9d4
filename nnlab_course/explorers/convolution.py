"""A kernel on one patch of a digit: the products, their sum, and where it goes"""

# A plain module, edited here.

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.explorers.base import Explorer
from nnlab_course.plots.images import plot_images, plot_maps

__all__ = [
    "KERNELS",
    "ConvolutionMicroscope",
    "convolve",
    "plot_convolution",
    "plot_numbers",
    "read_kernel",
]


KERNELS: dict[str, list[list[float]]] = {
    "vertical edge": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "horizontal edge": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "blur": [[1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
}
_YOURS = "your own"
_MAX_SIZE, _MAX_ENTRY = 7, 99  # What can be read in the picture


def read_kernel(
    entries: Tensor | Sequence[Sequence[float]],  # (k, k)
    name: str = "kernel",  # For the message of an error
) -> Tensor:  # (k, k), float32
    """Make a kernel of its entries.

    **Raises:** `ValueError` unless it is square, with 1 to 7 entries on a side, all of them finite
    and from -99 to 99.
    """
    try:
        kernel = torch.as_tensor(entries, dtype=torch.float32).detach().cpu()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is {entries!r}; give rows of numbers, all as long") from error
    shape = tuple(kernel.shape)
    if kernel.ndim != 2 or shape[0] != shape[1] or not 1 <= shape[0] <= _MAX_SIZE:
        raise ValueError(f"{name} has the shape {shape}; use (k, k) with k from 1 to {_MAX_SIZE}")
    if not (kernel.abs() <= _MAX_ENTRY).all():
        raise ValueError(
            f"{name} has the entries {kernel.flatten().tolist()}; "
            f"use finite numbers from {-_MAX_ENTRY} to {_MAX_ENTRY}"
        )
    return kernel


def convolve(
    image: Tensor,  # (1, H, W), floating
    kernel: Tensor,  # (k, k)
) -> Tensor:  # (H - k + 1, W - k + 1)
    """Slide a kernel over an image."""
    return F.conv2d(image[None], kernel[None, None].to(image.dtype))[0, 0]


_FRAME = {"fill": False, "linewidth": 2, "clip_on": False}
_HALO = [withStroke(linewidth=4, foreground="white")]  # black is seen on any colour


def plot_numbers(
    values: Tensor,  # (k, k)
    ax: Axes,  # Where to draw
    *,
    title: str = "",
    signed: bool = True,  # Colour them with white at zero; otherwise grey, from 0 to 1
    edgecolor: str = "0.6",  # Of the frame
) -> Axes:
    """Draw a small matrix as coloured cells with their numbers."""
    if signed:
        plot_maps(values[None], ax=ax, colorbar=False)
    else:
        plot_images(values[None, None], axs=np.array([ax]))
    (image,) = ax.images
    colours = image.cmap(image.norm(values.numpy()))
    size = 11 if len(values) < 4 else 8 if len(values) < 6 else 6
    for (row, column), value in np.ndenumerate(values.numpy()):
        light = colours[row, column, :3] @ (0.3, 0.6, 0.1) > 0.5
        text = f"{value:.2f}".rstrip("0").rstrip(".").replace("-", "−")
        style = {"ha": "center", "va": "center", "size": size}
        ax.text(column, row, "0" if text == "−0" else text, color=_INK[light], **style)
    ax.add_patch(Rectangle((-0.5, -0.5), *values.shape, edgecolor=edgecolor, **_FRAME))
    _entitle(ax, title)
    return ax


_INK = {True: "black", False: "white"}


def _entitle(ax: Axes, title: str) -> None:
    ax.set_title(title.replace("-", "−"), fontsize=10, y=1)  # y saves the search for a place


def plot_convolution(
    image: Tensor,  # (1, H, W), floating, 0-1
    kernel: Tensor,  # (k, k)
    row: int,  # Of the patch's upper edge, from 0
    column: int,  # Of its left edge
    axs: dict[str, Axes],  # "digit", "map", "patch", "kernel" and "products"
) -> None:
    """Draw a kernel at one place of an image, and the map of all places."""
    size, maps = len(kernel), convolve(image, kernel)
    patch = image[0, row : row + size, column : column + size]
    plot_images(image[None], axs=np.array([axs["digit"]]))
    _entitle(axs["digit"], "digit")
    corner = (column - 0.5, row - 0.5)
    axs["digit"].add_patch(Rectangle(corner, size, size, edgecolor="#D55E00", **_FRAME))
    plot_maps(maps[None], ax=axs["map"], colorbar=False)
    height, width = maps.shape
    limit = maps.abs().max().item()
    _entitle(axs["map"], f"map, {height} × {width}, colours from -{limit:.3g} to {limit:.3g}")
    cell = Rectangle(corner, 1, 1, edgecolor="black", path_effects=_HALO, **_FRAME)
    axs["map"].add_patch(cell)
    plot_numbers(patch, axs["patch"], title="patch", signed=False, edgecolor="#D55E00")
    plot_numbers(kernel, axs["kernel"], title="× kernel")
    total = maps[row, column].item()
    plot_numbers(patch * kernel, axs["products"], title=f"= products, sum {total:.3f}")


def _read_image(image: Tensor) -> Tensor:
    if not isinstance(image, Tensor) or image.ndim != 3 or image.shape[0] != 1:
        given = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"image is {given}; give one grey image, a tensor of shape (1, H, W)")
    if not image.is_floating_point() or not (image.ge(0) & image.le(1)).all():
        raise ValueError(
            f"image is {image.dtype}, from {image.min():.4g} to {image.max():.4g}; "
            "give floating pixels from 0 to 1, as unit_range makes them"
        )
    return image.detach().cpu().float()


def _name_learned(learned: Tensor | None) -> dict[str, Tensor]:
    if learned is None:
        return {}
    if learned.ndim != 4 or learned.shape[1] != 1 or len(learned) == 0:
        raise ValueError(
            f"learned has the shape {tuple(learned.shape)}; give the weight of a layer "
            "with one input channel, (K, 1, k, k)"
        )
    return {f"learned {number}": kernel[0] for number, kernel in enumerate(learned, start=1)}


def _tuples(kernel: Tensor) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, kernel.tolist()))


class ConvolutionMicroscope(Explorer):
    """A kernel on one patch of an image: the products, their sum, and the map of all sums.

    **Raises:** `ValueError` if the image is not `(1, H, W)`, floating and from 0 to 1, or smaller
    than a kernel; for a wrong kernel (see `read_kernel`), and a row or a column that isn't there.
    """

    title = "A digit with a patch framed, the patch times the kernel, and the map of all sums."
    name = "convolution"
    figsize = (7.5, 5.2)

    def __init__(
        self,
        image: Tensor,  # One digit, (1, H, W), floating, 0-1
        kernels: dict[str, Any] | None = None,  # Name: rows of numbers; `KERNELS` by default
        *,
        learned: Tensor | None = None,  # More kernels, a layer's weight, (K, 1, k, k)
        kernel: str | None = None,  # Name of the one to begin with
        row: int | None = None,  # Of the patch's upper edge; in the middle by default
        column: int | None = None,  # Of its left edge
    ):
        self.image = _read_image(image)
        named = {**(KERNELS if kernels is None else kernels), **_name_learned(learned)}
        self.kernels = {name: _tuples(read_kernel(k, name)) for name, k in named.items()}
        if not self.kernels:
            raise ValueError("kernels has none; give one or more, or leave it out")
        for entries in self.kernels.values():
            self._places(len(entries))
        start = "learned 1" if learned is not None else next(iter(self.kernels))
        super().__init__(row=0, column=0, kernel=start, entries=self.kernels[start])
        self.set(kernel=start if kernel is None else kernel)
        places = self._places(len(self.state["entries"]))
        middle = {direction: count // 2 for direction, count in places.items()}
        given = {"row": row, "column": column}
        self.set(**middle | {name: n for name, n in given.items() if n is not None})

    def __repr__(self) -> str:
        shown = {name: self.state[name] for name in ("kernel", "row", "column")}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"

    def _places(self, size: int) -> dict[str, int]:
        """Count the rows and columns that a kernel of this size can stand in."""
        height, width = (n - size + 1 for n in self.image.shape[1:])
        if height < 1 or width < 1:
            raise ValueError(
                f"the kernel is {size} × {size}, the image {tuple(self.image.shape)}; "
                "give a kernel that is no larger"
            )
        return {"row": height, "column": width}

    def draw(self, figure: Figure) -> None:
        boxes = {"digit": (0.03, 0.5, 0.4, 0.44), "map": (0.53, 0.5, 0.4, 0.44)}
        boxes |= {
            name: (0.02 + 0.33 * number, 0.02, 0.3, 0.4)
            for number, name in enumerate(("patch", "kernel", "products"))
        }
        axs = {name: figure.add_axes(box) for name, box in boxes.items()}
        kernel = torch.tensor(self.state["entries"])
        plot_convolution(self.image, kernel, self.state["row"], self.state["column"], axs)

    def describe(self) -> str:
        row, column, name = (self.state[key] for key in ("row", "column", "kernel"))
        total = convolve(self.image, torch.tensor(self.state["entries"]))[row, column]
        height, width = self._places(len(self.state["entries"])).values()
        total = round(total.item(), 3) + 0.0
        return (
            f"Kernel “{name}” at row {row}, column {column}: the products add up to {total:.3f}, "
            f"the framed cell of the map of {height} × {width}."
        )

    def set(self, **changes: Any) -> None:
        """Change the state, as `Explorer.set` does; `kernel` and `entries` follow each other.

        **Raises:** `ValueError` for an unknown name, a wrong kernel, and a place that isn't there.
        """
        name, entries = self.state["kernel"], self.state["entries"]
        if changes.get("entries") is not None:
            entries = _tuples(read_kernel(changes["entries"]))
            names = [name, *self.kernels]
            name = next((n for n in names if self.kernels.get(n) == entries), _YOURS)
        elif "kernel" in changes:
            name = changes["kernel"]
            if name not in (*self.kernels, _YOURS):
                allowed = ", ".join(map(repr, self.kernels))
                raise ValueError(f"kernel={name!r}; choose one of {allowed}")
            entries = self.kernels.get(name, entries)
        changes |= {"kernel": name, "entries": entries}
        num_places = self._places(len(entries))
        for direction, count in num_places.items():
            changes[direction] = _find_place(direction, count, changes, self.state[direction])
        super().set(**changes)

    def data(self) -> dict[str, Any]:
        """Give the pixels and the kernels."""
        # A string a row: a notebook stores each entry of a list on a line of its own.
        image = [" ".join(f"{pixel:.6g}" for pixel in row) for row in self.image[0].tolist()]
        facts = {"image": image, "kernels": self.kernels, "limit": _MAX_ENTRY}
        return {**super().data(), **facts}


def _find_place(direction: str, count: int, changes: dict, now: int) -> int:
    if direction not in changes:
        return min(now, count - 1)
    place = changes[direction]
    if not isinstance(place, int) or not 0 <= place < count:
        raise ValueError(f"{direction}={place!r}; give a whole number from 0 to {count - 1}")
    return place
