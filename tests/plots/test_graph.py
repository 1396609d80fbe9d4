"""Layout and drawing of a computation graph."""

import itertools
import math

import matplotlib.pyplot as plt
import networkx as nx
import pytest
import torch
from lesson_graph import compute, compute_with_gradients, leaves

from nnlab_course.plots.graph import layered_layout, matrix_rows, plot_graph
from nnlab_course.plots.trace import trace


@pytest.fixture
def steps():
    return compute(*leaves())


@pytest.fixture
def graph():
    """The lesson's graph after backward, with the gradient of every named tensor."""
    steps = compute_with_gradients()
    return trace(steps["o"], steps)


def test_layout_of_the_lessons_graph(graph):
    places, routes = layered_layout(graph)
    assert {node: places[node][0] for node in graph} == {
        "o": 0,
        "y1": -1,
        "Mul 1": -2,
        "z2": -3,
        "z1": -4,
        "z_tilde": -4,
        "x": -5,
        "y_tilde": -5,
        "z": -5,
        "y": -6,
    }
    assert len(set(places.values())) == len(places)
    for route in routes.values():
        columns = [places[node][0] for node in route]
        assert columns == list(range(columns[0], columns[-1] + 1))


@pytest.mark.parametrize("seed", range(3))
def test_layout_points_right_and_shares_no_place(seed):
    tree = nx.gn_graph(30, seed=seed)
    tree.add_edges_from((n + 3, n) for n in range(20))
    places, _ = layered_layout(tree)
    assert len(set(places.values())) == len(places)
    assert all(places[start][0] < places[end][0] for start, end in tree.edges)


def test_layout_of_a_deep_chain():
    chain = nx.path_graph(10_000, create_using=nx.DiGraph)
    places, _ = layered_layout(chain)
    assert places[0] == (-9_999, 0.0)


def test_layout_refuses_a_cycle():
    with pytest.raises(nx.NetworkXUnfeasible, match="cycle"):
        layered_layout(nx.DiGraph([(0, 1), (1, 0)]))


@pytest.mark.parametrize(
    ("numbers", "rows"),
    [
        ([[1.0, 0.0], [2.0, 1.0]], ["1  0", "2  1"]),
        ([[1.5, 1.0], [-0.25, 10.0]], [" 1.50   1.00", "-0.25  10.00"]),
        (7.75, ["7.75"]),
        ([1.0, 2.0, 3.0], ["1  2  3"]),
        ([1 / 3, 100.0], ["  0.333  100.000"]),
        ([-3.0186e-05], ["-3.0e-05"]),
        ([0.0], ["0"]),
        ([100.0, -100.0], [" 100  -100"]),
        ([2.0e6], ["2.0e+06"]),
        ([math.nan, math.inf], ["nan  inf"]),
        ([True, False], ["1  0"]),
        ([[0.0] * 5], ["1 x 5"]),
        ([], ["0"]),
        ([[[1.0]]], ["1 x 1 x 1"]),
    ],
)
def test_matrix_rows(numbers, rows):
    assert matrix_rows(torch.tensor(numbers)) == rows


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_matrix_rows_of_other_dtypes(dtype):
    assert matrix_rows(torch.tensor([[1, 2]], dtype=dtype)) == ["1  2"]


def boxes_and_texts(ax):
    """Draw, and measure in pixels every box and the lines of text in the axes."""
    ax.figure.canvas.draw()
    boxes = [p for p in ax.patches if hasattr(p, "get_boxstyle")]
    return [b.get_window_extent() for b in boxes], [t.get_window_extent() for t in ax.texts]


@pytest.mark.parametrize("figsize", [None, (8, 8), (3, 4)])
def test_drawing_keeps_text_in_its_box_and_boxes_apart(graph, figsize):
    ax = plt.subplots(figsize=figsize)[1] if figsize else None
    ax = plot_graph(graph, ax=ax)
    boxes, texts = boxes_and_texts(ax)
    assert len(boxes) == len(graph)
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for text in texts:
        assert any(
            box.x0 <= text.x0 and text.x1 <= box.x1 and box.y0 <= text.y0 and text.y1 <= box.y1
            for box in boxes
        )
    for one, other in itertools.combinations(texts, 2):
        assert not one.padded(-1).overlaps(other.padded(-1))
    legend = ax.get_legend().get_window_extent()
    assert not any(legend.overlaps(box) for box in boxes)


def test_drawing_says_name_operation_value_and_gradient(graph):
    texts = [text.get_text() for text in plot_graph(graph).texts]
    assert {"z_tilde", "Mm", "leaf", "7.75", "2.75  1.50", "0.75  0.50", "3  2"} <= set(texts)
    assert texts.count("grad") == 9


def test_drawing_without_gradients_mentions_none(steps):
    texts = [text.get_text() for text in plot_graph(trace(steps["o"], steps)).texts]
    assert "grad" not in texts


def test_drawing_marks_repeated_use():
    a = torch.ones(2, requires_grad=True)
    texts = [text.get_text() for text in plot_graph(trace((a * a).sum())).texts]
    assert r"$\times 2$" in texts


def test_drawing_tells_leaves_from_operations_without_colour(graph):
    ax = plot_graph(graph)
    faces = {p.get_facecolor()[:3] for p in ax.patches if hasattr(p, "get_boxstyle")}
    assert faces == {(0.88, 0.88, 0.88), (1.0, 1.0, 1.0)}


def test_arrows_cross_no_box_of_others(graph):
    ax = plot_graph(graph)
    boxes, _ = boxes_and_texts(ax)
    arrows = [p for p in ax.patches if not hasattr(p, "get_boxstyle")]
    assert len(arrows) == graph.number_of_edges()
    for arrow in arrows:
        path = ax.transData.transform_path(arrow.get_path().interpolated(1))
        curve = path.to_polygons(closed_only=False)[0]
        touched = [b for b in boxes if any(b.padded(-3).contains(*point) for point in curve)]
        assert not touched


def test_drawing_hides_what_it_is_told_to_and_keeps_the_room(graph):
    shown = plot_graph(graph)
    asked = plot_graph(graph, hidden={"y_tilde": ["value"], "z": ["value", "grad"]})
    before, after = ([text.get_text() for text in ax.texts] for ax in (shown, asked))
    changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert changed == [
        *[("1  1", "?  ?")] * 3,
        ("0.50  0.25", " ?     ?  "),
        ("0.75  0.50", " ?     ?  "),
        ("0.25  0.50", " ?     ?  "),
        *[("0.5  0.5", " ?    ? ")] * 2,
    ]
    assert (shown.get_xlim(), shown.get_ylim()) == (asked.get_xlim(), asked.get_ylim())


def test_drawing_frames_one_box_boldly(graph):
    ax = plot_graph(graph, highlight="z2")
    widths = [p.get_linewidth() for p in ax.patches if hasattr(p, "get_boxstyle")]
    assert sorted(widths)[-2:] == [1.4, 2.8]
    assert widths.index(2.8) == list(graph).index("z2")


@pytest.mark.parametrize("wrong", [{"hidden": {"q": ["value"]}}, {"highlight": "q"}])
def test_drawing_refuses_a_node_that_is_not_there(graph, wrong):
    with pytest.raises(ValueError, match="no node is called 'q'; there are o, y1, Mul 1"):
        plot_graph(graph, **wrong)


def test_drawing_uses_the_axes_given(graph):
    _, ax = plt.subplots()
    before = plt.get_fignums()
    assert plot_graph(graph, ax=ax) is ax
    assert plt.get_fignums() == before


def test_drawing_refuses_too_many_nodes_and_leaks_no_figure():
    step = torch.ones((), requires_grad=True)
    for _ in range(100):
        step = step * 1.0
    with pytest.raises(ValueError, match="the graph has 101 nodes; a drawing can show 1 to 100"):
        plot_graph(trace(step))
    with pytest.raises(ValueError, match="the graph has 0 nodes"):
        plot_graph(nx.DiGraph())
    assert not plt.get_fignums()
