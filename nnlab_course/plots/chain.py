"""A network of one unit per layer, drawn as a zigzag from the input to the output"""

# A plain module, edited here.

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

__all__ = ["plot_chain"]


def plot_chain(
    nodes: Mapping[str, Tensor],  # From `nnlab_course.gradients.chain`
    *,
    values: bool = False,  # Write the numbers: at each node its value, on each edge its weight
    factors: Mapping[str, Tensor] | None = None,  # From `chain_factors`: on each edge its factor
    ax: Axes | None = None,  # Where to draw; a new figure by default
) -> Axes:
    """Draw a chain of layers from the input (left) to the output (right).

    Pre-activations are in the lower row, activations in the upper one. With `factors`, the path
    runs from `w1` to `y`, and the product of the numbers along it is the gradient.

    **Raises:** `ValueError` if `factors` belong to a chain of another depth.
    """
    depth = (len(nodes) - 1) // 3
    if factors is not None and len(factors) != 2 * depth:
        raise ValueError(f"{len(factors)} factors, but this chain has {2 * depth}: pass its own")
    if ax is None:
        _, ax = plt.subplots(figsize=(1.2 + 1.25 * depth, 2.9), layout="constrained")
    start = "x" if factors is None else "w1"
    upper = [start, *(f"a{k}" for k in range(1, depth)), "y"]
    for k, name in enumerate(upper):
        _draw_node(ax, name, (k, 1), nodes[name] if values else None, "C0")
    for k in range(1, depth + 1):
        _draw_node(ax, f"z{k}", (k, 0), nodes[f"z{k}"] if values else None, "C1")
        down, up = f"$w_{{{k}}}$", ""
        if factors is not None:
            down = f"{factors[f'dz{k}/d{upper[k - 1]}']:.4g}"
            up = f"{factors[f'd{upper[k]}/dz{k}']:.4g}"
        elif values:
            down = f"{nodes[f'w{k}']:.4g}"
        _draw_edge(ax, (k - 1, 1), (k, 0), down)
        _draw_edge(ax, (k, 0), (k, 1), up)
    ax.set(xlim=(-0.5, depth + 0.6), ylim=(-0.55, 1.55), aspect="equal")
    ax.axis("off")
    return ax


def _draw_node(
    ax: Axes, name: str, xy: tuple[float, float], value: Tensor | None, color: str
) -> None:
    label = f"${name[0]}_{{{name[1:]}}}$" if name[1:] else f"${name}$"
    circle = {"boxstyle": "circle,pad=0.35", "facecolor": "white", "edgecolor": color, "lw": 1.8}
    ax.text(*xy, label, ha="center", va="center", size=11, bbox=circle, zorder=3)
    if value is not None:
        offset, va = (-0.27, "top") if xy[1] == 0 else (0.27, "bottom")
        ax.text(xy[0], xy[1] + offset, f"{value.item():.4g}", ha="center", va=va, size=9)


def _draw_edge(ax: Axes, start: tuple[float, float], end: tuple[float, float], label: str) -> None:
    arrow = {"arrowstyle": "->", "color": "0.35", "shrinkA": 13, "shrinkB": 13}
    ax.annotate("", end, start, arrowprops=arrow)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    background = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    ax.text(*middle, label, ha="center", va="center", size=9, bbox=background if label else None)
