"""A function and its derivative as two curves, one panel or many"""

# A plain module, edited here.

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

__all__ = ["make_panels", "plot_value_and_slope"]


def plot_value_and_slope(
    x: Tensor,  # Inputs in rising order, (N,)
    value: Tensor,  # f(x), (N,)
    slope: Tensor,  # f'(x), (N,)
    *,
    asymptotes: Sequence[float] = (),  # Heights to mark with a dotted line
    ax: Axes | None = None,  # Where to draw; by default, a new figure
) -> Axes:
    """Draw a function (solid) and its derivative (dashed), each of shape `(N,)`, over `x`."""
    if ax is None:
        _, ax = plt.subplots(figsize=(6.5, 2.8))
    for height in asymptotes:
        ax.axhline(height, color="0.5", linewidth=1, linestyle="dotted")
    ax.axhline(0, color="0.8", linewidth=0.8)
    ax.axvline(0, color="0.8", linewidth=0.8)
    inputs, values, slopes = (tensor.detach().cpu().numpy() for tensor in (x, value, slope))
    ax.plot(inputs, values, color="#D55E00", label=r"$f(x)$")
    ax.plot(inputs, slopes, color="#0072B2", linestyle="dashed", label=r"$f'(x)$")
    ax.set_xlabel(r"$x$")
    ax.legend()
    return ax


def make_panels(
    count: int,  # How many are needed, at least 1
    axs: np.ndarray | Axes | None = None,  # Panels to take; by default, a new figure
) -> np.ndarray:  # The panels to draw on, (count,), of Axes
    """Return `count` panels in rows of three; those that are left over are switched off.

    **Raises:** `ValueError` if none is needed, or `axs` holds fewer.
    """
    if count < 1:
        raise ValueError("no function to draw; pass a mapping with at least one name and function")
    if axs is None:
        columns = min(3, count)
        rows = -(-count // columns)
        figsize = (2.6 * columns, 2 * rows)
        _, axs = plt.subplots(rows, columns, figsize=figsize, squeeze=False, layout="constrained")
    panels = np.ravel(axs)
    if len(panels) < count:
        raise ValueError(
            f"{len(panels)} panels for {count} functions; pass axs with one panel each"
        )
    for ax in panels[count:]:
        ax.set_axis_off()
    return panels[:count]
