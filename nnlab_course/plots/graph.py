"""A computation graph as boxes and arrows, from left to right"""

# A plain module, edited here.

import math
import re
from collections.abc import Collection, Mapping
from itertools import pairwise

import matplotlib.pyplot as plt
import networkx as nx
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path
from torch import Tensor

__all__ = ["lay_out_boxes", "layered_layout", "matrix_rows", "plot_graph"]


def layered_layout(
    graph: nx.DiGraph,  # Without cycles
) -> tuple[dict, dict]:  # Node or bend -> (column, row); edge -> its nodes and bends in order
    """Place every node in a column, so that each edge points to the right.

    The last column, number 0, holds what nothing depends on; columns count down to the left. Rows
    count downwards, in steps of 1, centred on 0. A long edge bends in every column that it passes,
    where it has a row to itself.

    **Raises:** `networkx.NetworkXUnfeasible` if the graph has a cycle.

    **Source:** the layers, and the order by mean position, of Sugiyama, Tagawa and Toda (1981).
    """
    layers = nx.topological_generations(graph.reverse())
    depth = {node: number for number, layer in enumerate(layers) for node in layer}
    routes, extended = {}, nx.DiGraph()
    extended.add_nodes_from(graph)
    for start, end in graph.edges:
        bends = [(start, end, number) for number in range(depth[start] - 1, depth[end], -1)]
        routes[start, end] = [start, *bends, end]
        nx.add_path(extended, routes[start, end])
    rows, places = {}, {}
    for number, layer in enumerate(nx.topological_generations(extended.reverse())):
        heights = {node: [rows[end] for end in extended.successors(node)] for node in layer}
        layer.sort(key=lambda node: sum(heights[node]) / max(len(heights[node]), 1))
        rows |= {node: i - (len(layer) - 1) / 2 for i, node in enumerate(layer)}
        places |= {node: (-number, rows[node]) for node in layer}
    return places, routes


def matrix_rows(
    tensor: Tensor,  # Any shape and dtype
) -> list[str]:  # Lines of equal width
    """Write a matrix of at most 4 by 4 as aligned rows, and anything larger as its shape.

    Numbers have as few decimals as show them to three, and a power of ten where that would show
    zeros.
    """
    if tensor.ndim > 2 or not tensor.numel() or any(size > 4 for size in tensor.shape):
        return [" x ".join(str(size) for size in tensor.shape)]
    table = torch.atleast_2d(tensor.detach().cpu().double()).tolist()
    numbers = [number for row in table for number in row]
    largest = max(abs(number) for number in numbers)
    if 0 < largest < 1e-2 or 1e5 <= largest < math.inf:
        style = ".1e"
    else:
        exact = (d for d in range(3) if all(abs(round(n, d) - n) < 5e-4 for n in numbers))
        style = f".{next(exact, 3)}f"
    width = max(len(f"{number:{style}}") for number in numbers)
    return ["  ".join(f"{number:{style}}".rjust(width) for number in row) for row in table]


_CHARACTER, _LINE = 0.068, 0.145  # Inches that one character of 8-point monospace takes
_PAD, _GAP = 0.07, 0.42  # Inches inside a box, and between columns
_GRAD = {"color": "#0b4f8a"}  # A blue that is dark in grey too


def _entries(tensor: Tensor, is_hidden: bool) -> list[str]:
    """Write the rows of a matrix; if it is hidden, with a question mark in each place."""
    rows = matrix_rows(tensor)
    if is_hidden:
        rows = [re.sub(r"\S+", lambda number: "?".center(len(number[0])), row) for row in rows]
    return rows


def _box_lines(facts: dict, hidden: Collection[str]) -> list[tuple[str, dict]]:
    """List what a node's box says, each line with how it is written."""
    lines = [(facts["name"] or facts["op"], {"weight": "bold"})]
    if facts["name"]:
        lines.append((facts["op"], {"color": "0.35"}))
    if facts["value"] is not None:
        lines += [(row, {}) for row in _entries(facts["value"], "value" in hidden)]
    if facts["grad"] is not None:
        lines.append(("grad", {"style": "italic", **_GRAD}))
        lines += [(row, _GRAD) for row in _entries(facts["grad"], "grad" in hidden)]
    return lines


def _geometry(graph: nx.DiGraph, texts: dict) -> tuple[dict, dict]:
    """Give each node its box, (x, y, width, height) in inches, and each edge its points."""
    places, routes = layered_layout(graph)
    widths = {n: max(len(line) for line, _ in texts[n]) * _CHARACTER + 2 * _PAD for n in texts}
    heights = {n: len(texts[n]) * _LINE + 2 * _PAD for n in texts}
    pitch = max(heights.values()) + 0.2
    middles, broad, left = {}, {}, 0.0
    for column in sorted({column for column, _ in places.values()}):
        broad[column] = max(widths[n] for n in texts if places[n][0] == column)
        middles[column] = left + broad[column] / 2
        left += broad[column] + _GAP
    boxes = {}
    for node, (column, row) in places.items():
        size = (widths.get(node, broad[column]), heights.get(node, 0.0))
        boxes[node] = (middles[column], -row * pitch, *size)
    points = {}
    for edge, route in routes.items():
        stops = [boxes[node] for node in route]
        points[edge] = [(x + s * w / 2, y) for x, y, w, _ in stops for s in (-1, 1)][1:-1]
    return {node: boxes[node] for node in graph}, points


def lay_out_boxes(
    graph: nx.DiGraph,  # As `trace` returns it
) -> tuple[dict, dict]:  # Node -> (x, y, width, height); edge -> its points
    """Place a box for every node, in inches of 8-point text; x and y are a box's middle."""
    texts = {node: _box_lines(facts, ()) for node, facts in graph.nodes(data=True)}
    return _geometry(graph, texts)


def _box(facts: dict, x: float, y: float, width: float, height: float, **style) -> Patch:
    """Make a box around (x, y): square and grey for a leaf, round and white for an operation."""
    is_leaf = facts["is_leaf"]
    corner = "square,pad=0" if is_leaf else f"round,pad=0,rounding_size={_PAD}"
    style = {"boxstyle": corner, "linewidth": 1.4 if is_leaf else 0.8, "edgecolor": "k"} | style
    style["facecolor"] = "0.88" if is_leaf else "white"
    return FancyBboxPatch((x - width / 2, y - height / 2), width, height, **style)


def _arrow(points: list[tuple[float, float]], size: float) -> FancyArrowPatch:
    """Make an arrow that swings from box to bend to box, and is level at each of them."""
    path, codes = points[:1], [Path.MOVETO]
    for number, (start, end) in enumerate(pairwise(points)):
        if number % 2:  # straight along the row that a bend keeps free
            path, codes = [*path, end], [*codes, Path.LINETO]
        else:
            middle = (start[0] + end[0]) / 2
            path = [*path, (middle, start[1]), (middle, end[1]), end]
            codes = [*codes, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    return FancyArrowPatch(path=Path(path, codes), arrowstyle="-|>", mutation_scale=size, fc="k")


def _canvas(boxes: dict, ax: Axes | None) -> tuple[Axes, float]:  # And what 8 points become there
    """Open axes of the right size, or fit the given ones to the boxes."""
    right = max([2.2, *(x + w / 2 + 0.05 for x, _, w, _ in boxes.values())])
    top = max(y + h / 2 + 0.05 for _, y, _, h in boxes.values())
    bottom = min(y - h / 2 - 0.4 for _, y, _, h in boxes.values())  # room for the legend
    width, height = right + 0.05, top - bottom
    if ax is None:
        fig, ax = plt.subplots(figsize=(width, height + 0.35))  # room for a title
        fig.subplots_adjust(0, 0, 1, height / (height + 0.35))
    ax.set(xlim=(-0.05, right), ylim=(bottom, top), aspect="equal")
    ax.set_axis_off()
    room = ax.get_window_extent()
    return ax, 8 * min(room.width / width, room.height / height) / ax.figure.dpi


def plot_graph(
    graph: nx.DiGraph,  # As `trace` returns it, at most 100 nodes
    *,
    hidden: Mapping[str, Collection[str]] | None = None,  # Node -> what to hide: value, grad
    highlight: str | None = None,  # A node to frame boldly
    ax: Axes | None = None,  # Where to draw; by default a new figure of a size that fits
) -> Axes:
    """Draw a traced graph from left to right: each node's name, operation, value and gradient.

    Leaves are grey and square, operations white and round. What is hidden is drawn as question
    marks, and takes the same room. The text is as large as the axes allow when the function is
    called; one unit of the axes is the inch in which it would have 8 points.

    **Raises:** `ValueError` if the graph is empty or has more than 100 nodes, or if what is to be
    hidden or highlighted isn't in it.
    """
    if not 1 <= len(graph) <= 100:
        raise ValueError(f"the graph has {len(graph)} nodes; a drawing can show 1 to 100 of them")
    hidden = hidden or {}
    if strangers := [n for n in (*hidden, highlight) if n is not None and n not in graph]:
        raise ValueError(f"no node is called {strangers[0]!r}; there are {', '.join(graph)}")
    texts = {n: _box_lines(facts, hidden.get(n, ())) for n, facts in graph.nodes(data=True)}
    boxes, points = _geometry(graph, texts)
    ax, size = _canvas(boxes, ax)
    center = {"ha": "center", "va": "center_baseline", "fontsize": size}
    for start, end, count in graph.edges(data="count", default=1):
        ax.add_patch(_arrow(points[start, end], size))
        if count > 1:
            x, y = points[start, end][-1]
            ax.text(x - 0.2, y + 0.09, rf"$\times {count}$", **center)
    for node, (x, y, width, height) in boxes.items():
        bold = {"edgecolor": "#D55E00", "linewidth": 2.8} if node == highlight else {}
        ax.add_patch(_box(graph.nodes[node], x, y, width, height, **bold))
        for number, (line, style) in enumerate(texts[node]):
            middle = y + height / 2 - _PAD - (number + 0.5) * _LINE
            ax.text(x, middle, line, family="monospace", **center, **style)
    handles = [_box({"is_leaf": is_leaf}, 0, 0, 1, 1) for is_leaf in (True, False)]
    ax.legend(
        handles, ["leaf", "operation"], loc="lower center", ncols=2, frameon=False, fontsize=size
    )
    return ax
