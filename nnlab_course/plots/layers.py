"""A quantity of every layer as a line, and the values of several layers as histograms"""

# A plain module, edited here.

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

__all__ = ["plot_gradient_norms", "plot_layer_histograms", "plot_seeds"]

_LABELS = {
    "output_grad_norm": "‖δ‖, gradient of the outputs",
    "grad_norm": "norm of the weights' gradient",
    "output_std": "standard deviation of the outputs",
}


def plot_gradient_norms(
    stats: Mapping[str, Any],  # From `watch_gradients`
    *,
    quantity: str = "output_grad_norm",  # A field of `LayerStats`
    ax: Axes | None = None,  # Where to draw; a new figure by default
    **kwargs: Any,  # For `Axes.plot`, e.g. label, marker, color
) -> Axes:
    """Draw a quantity of every layer on a logarithmic axis, the layer nearest the input first.

    Layers without the quantity are left out. A value of 0, which has no logarithm, is a cross on
    the lower edge.

    **Raises:** `ValueError` if no layer has the quantity.
    """
    values = [getattr(layer, quantity) for layer in stats.values()]
    values = [value for value in values if math.isfinite(value)]
    if not values:
        raise ValueError(f"no layer has a finite {quantity}; run backward inside the block")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    numbers = range(1, len(values) + 1)
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    shown = [value if value > 0 else math.nan for value in values]
    (line,) = ax.plot(numbers, shown, **{"marker": "o", "markersize": 4} | kwargs)
    zeros = [number for number, value in zip(numbers, values, strict=True) if value == 0]
    if zeros:
        edge = ax.get_xaxis_transform()
        ax.plot(zeros, [0] * len(zeros), "x", color=line.get_color(), transform=edge, clip_on=False)
    ax.set(xlabel="layer, from the input", ylabel=_LABELS.get(quantity, quantity.replace("_", " ")))
    return ax


def plot_seeds(
    runs: Sequence[Sequence[float]],  # For each seed, a value at each of the numbers
    *,
    ax: Axes,  # Where to draw
    **kwargs: Any,  # For `Axes.plot`: label, color, marker, linestyle
) -> Axes:
    """Draw the median of several runs over 1, 2, 3, …, and shade from the least to the largest."""
    numbers = np.arange(1, len(runs[0]) + 1)
    least, median, most = np.quantile(np.asarray(runs), (0, 0.5, 1), axis=0)
    (line,) = ax.plot(numbers, median, **{"markersize": 4} | kwargs)
    ax.fill_between(numbers, least, most, color=line.get_color(), alpha=0.2, linewidth=0)
    return ax


def plot_layer_histograms(
    layers: Mapping[int, Tensor],  # By the layer's number, values of any shape
    *,
    axs: Sequence[Axes],  # One for each layer
    bins: Sequence[float] | np.ndarray,  # Edges, the same for all, so that widths compare
    **kwargs: Any,  # For `Axes.hist`
) -> Sequence[Axes]:
    """Draw the distribution of each layer's values, in panels that share their bins.

    Each panel's heights add up to 1; what lies outside the bins is counted at their ends.
    """
    for ax, (number, values) in zip(axs, layers.items(), strict=True):
        values = np.clip(values.detach().flatten().numpy(), bins[0], bins[-1])
        ax.hist(values, bins=bins, weights=np.full(len(values), 1 / len(values)), **kwargs)
        ax.set(title=f"layer {number}", yticks=[])
    return axs
