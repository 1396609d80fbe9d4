"""The regions of the plane that a classifier assigns to each class"""

# A plain module, edited here.

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

__all__ = ["plot_decision_regions"]


def _check_points(points: Tensor, labels: Tensor) -> None:
    """Refuse points and labels of other shapes."""
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"points have shape {tuple(points.shape)}; pass (N, 2) with N > 0")
    if labels.shape != points.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; pass ({len(points)},), one for each point"
        )


def _grid_around(points: Tensor, resolution: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cover the points with a grid: its columns and rows, and its points, (resolution², 2)."""
    low, high = points.amin(dim=0) - 0.5, points.amax(dim=0) + 0.5
    steps = torch.linspace(0, 1, resolution, dtype=points.dtype, device=points.device).unsqueeze(1)
    columns, rows = (low + steps * (high - low)).unbind(dim=1)
    return columns, rows, torch.cartesian_prod(rows, columns).flip(1)


def plot_decision_regions(
    model: Callable[[Tensor], Tensor],  # Points (M, 2) to logits (M, classes)
    points: Tensor,  # The data, (N, 2), N > 0
    labels: Tensor,  # Their classes, (N,), integers from 0
    *,
    resolution: int = 200,  # Grid points along each axis
    ax: Axes | None = None,  # Where to draw; by default, a new figure
) -> Axes:
    """Colour the plane by the class with the largest logit, and draw the labelled points on it.

    `points` is `(N, 2)`, `labels` is `(N,)`. The model runs without recording a graph, in the mode
    (training or evaluation) that it is in.

    **Raises:** `ValueError` if `points` or `labels` has another shape.
    """
    _check_points(points, labels)
    columns, rows, grid = _grid_around(points, resolution)
    with torch.no_grad():
        logits = model(grid)
    classes = logits.argmax(dim=1).reshape(resolution, resolution)
    if ax is None:
        _, ax = plt.subplots(figsize=(5, 4))
    colours = plt.get_cmap("cividis", logits.shape[1])
    levels = np.arange(logits.shape[1] + 1) - 0.5
    x, y = columns.cpu().numpy(), rows.cpu().numpy()
    ax.contourf(x, y, classes.cpu().numpy(), levels=levels, cmap=colours, alpha=0.4)
    for label in labels.unique().tolist():
        members = points[labels == label].detach().cpu().numpy()
        style = {"color": colours(label), "marker": "o^sDvP*X"[label % 8], "edgecolor": "black"}
        ax.scatter(*members.T, s=22, linewidth=0.4, label=f"class {label}", **style)
    ax.set(xlabel=r"$x_1$", ylabel=r"$x_2$")
    ax.legend()
    return ax
