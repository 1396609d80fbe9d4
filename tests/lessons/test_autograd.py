"""Lesson 2: the traced graph, its drawing, finite differences, the scalar engine, the exercises."""

import itertools
import math

import matplotlib.pyplot as plt
import networkx as nx
import pytest
import torch

from nnlab_course.autograd import (
    Value,
    layered_layout,
    leaf_table,
    matrix_rows,
    numerical_gradient,
    plot_graph,
    topological_order,
    trace,
)

M = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]])


def leaves(dtype=torch.float32):
    return [torch.ones(n, 2, dtype=dtype, requires_grad=True) for n in (3, 2, 3)]


def compute(x, y, z):
    steps = {"x": x, "y": y, "z": z, "y_tilde": 0.5 * y, "z_tilde": 0.25 * z}
    steps["z1"] = torch.mm(x, steps["y_tilde"])
    steps["z2"] = steps["z1"] + steps["z_tilde"]
    steps["y1"] = M.to(z.dtype) * steps["z2"] + steps["z_tilde"]
    return steps | {"o": steps["y1"].sum()}


@pytest.fixture
def steps():
    return compute(*leaves())


@pytest.fixture
def graph(steps):
    """The lesson's graph after backward, with the gradient of every named tensor."""
    for tensor in steps.values():
        tensor.retain_grad()
    steps["o"].backward()
    return trace(steps["o"], steps)


# --- the lesson's values ------------------------------------------------------------------

VALUES = {
    "y_tilde": [[0.5, 0.5]] * 2,
    "z_tilde": [[0.25, 0.25]] * 3,
    "z1": [[1.0, 1.0]] * 3,
    "z2": [[1.25, 1.25]] * 3,
    "y1": [[1.5, 0.25], [2.75, 1.5], [0.25, 1.5]],
    "o": 7.75,
}
GRADIENTS = {
    "o": 1.0,
    "y1": [[1.0, 1.0]] * 3,
    "z2": M.tolist(),
    "z1": M.tolist(),
    "z_tilde": (M + 1).tolist(),
    "z": ((M + 1) / 4).tolist(),
    "y_tilde": [[3.0, 2.0], [3.0, 2.0]],
    "y": [[1.5, 1.0], [1.5, 1.0]],
    "x": [[0.5, 0.5], [1.5, 1.5], [0.5, 0.5]],
}


@pytest.mark.parametrize("name", VALUES)
def test_value_at_every_node(graph, name):
    assert graph.nodes[name]["value"].tolist() == VALUES[name]


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient_at_every_node(graph, name):
    assert graph.nodes[name]["grad"].tolist() == GRADIENTS[name]


def test_gradcheck_of_the_lessons_graph():
    inputs = leaves(torch.float64)
    assert torch.autograd.gradcheck(lambda x, y, z: compute(x, y, z)["o"], inputs)


def test_two_paths_add_up(steps):
    fixed, base, z_tilde = steps["z_tilde"].detach(), steps["z1"].detach(), steps["z_tilde"]
    (direct,) = torch.autograd.grad((M * (base + fixed) + z_tilde).sum(), z_tilde)
    (through,) = torch.autograd.grad((M * (base + z_tilde) + fixed).sum(), z_tilde)
    assert direct.tolist() == [[1.0, 1.0]] * 3
    assert through.tolist() == M.tolist()


def test_rebinding_loses_the_leaf():
    x, z = torch.ones(3, 2, requires_grad=True), torch.ones(3, 2, requires_grad=True) * 0.25
    y = torch.ones(2, 2, requires_grad=True) * 0.5
    y.retain_grad()
    (torch.tensor([[1, 0], [2, 1], [0, 1]]) * (torch.mm(x, y) + z) + z).sum().backward()
    traced = trace(y, {"y": y})
    assert not y.is_leaf
    assert y.grad.tolist() == [[3.0, 2.0], [3.0, 2.0]]
    assert traced.nodes["leaf 1"]["grad"].tolist() == [[1.5, 1.0], [1.5, 1.0]]


def test_a_graph_of_additions_serves_twice():
    a = torch.ones(2, requires_grad=True)
    total = (a + a).sum()
    total.backward()
    total.backward()
    assert a.grad.tolist() == [4.0, 4.0]


# --- trace ----------------------------------------------------------------------------------


def test_trace_of_the_lessons_graph(graph):
    assert set(graph.edges) == {
        ("y", "y_tilde"),
        ("z", "z_tilde"),
        ("x", "z1"),
        ("y_tilde", "z1"),
        ("z1", "z2"),
        ("z_tilde", "z2"),
        ("z2", "Mul 1"),
        ("Mul 1", "y1"),
        ("z_tilde", "y1"),
        ("y1", "o"),
    }
    assert {n for n, is_leaf in graph.nodes(data="is_leaf") if is_leaf} == {"x", "y", "z"}
    operations = dict(graph.nodes(data="op"))
    assert (operations["z1"], operations["z2"], operations["o"]) == ("Mm", "Add", "Sum")
    assert graph.nodes["Mul 1"] == {
        "name": None,
        "op": "Mul",
        "is_leaf": False,
        "shape": None,
        "value": None,
        "grad": None,
    }
    assert graph.nodes["y1"]["shape"] == (3, 2)


def test_trace_is_the_graph_that_autograd_walks(graph, steps):
    """Multiplying slopes along every path of the traced graph gives torch's gradient."""
    slopes = {("y1", "o"): 1.0, ("Mul 1", "y1"): 1.0, ("z_tilde", "y1"): 1.0}
    slopes |= {("z2", "Mul 1"): M, ("z_tilde", "z2"): 1.0}
    paths = nx.all_simple_paths(graph, "z_tilde", "o")
    total = sum(
        math.prod((slopes[edge] for edge in itertools.pairwise(path)), start=torch.ones(3, 2))
        for path in paths
    )
    assert torch.equal(total, steps["z_tilde"].grad)


def test_trace_without_names_knows_leaves_and_output():
    graph = trace((torch.ones(2, requires_grad=True) * 3).sum())
    assert list(graph) == ["Sum 1", "Mul 2", "leaf 3"]
    assert graph.nodes["Sum 1"]["value"].item() == 6.0
    assert graph.nodes["Mul 2"]["value"] is None
    assert graph.nodes["leaf 3"]["value"].tolist() == [1.0, 1.0]


def test_trace_before_backward_has_no_gradients(steps):
    graph = trace(steps["o"], steps)
    assert all(grad is None for _, grad in graph.nodes(data="grad"))


def test_trace_shows_only_the_gradients_that_are_kept(steps):
    steps["o"].backward()
    graph = trace(steps["o"], steps)
    assert {n for n, grad in graph.nodes(data="grad") if grad is not None} == {"x", "y", "z"}


def test_trace_counts_repeated_use_of_one_node():
    a = torch.ones(2, requires_grad=True)
    graph = trace((a * a).sum(), {"a": a})
    assert graph.number_of_nodes() == 3
    assert graph.edges["a", "Mul 2"]["count"] == 2


def test_trace_keeps_given_names_apart_from_made_ones():
    a = torch.ones(2, requires_grad=True)
    b = a * 2
    graph = trace((b * b * 3).sum(), {"Mul 2": a, "b": b})
    assert set(graph) == {"Sum 1", "Mul 3", "Mul 4", "b", "Mul 2"}
    assert graph.nodes["Mul 2"]["is_leaf"]


def test_trace_of_an_operation_with_several_results():
    first, second = torch.ones(2, 3, requires_grad=True).unbind()
    graph = trace(first.sum() + second.sum(), {"first": first})
    assert graph.number_of_nodes() == 5
    assert graph.out_degree("first") == 2


def test_trace_names_a_custom_function():
    class Triple(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3 * x

        @staticmethod
        def backward(ctx, grad):
            return 3 * grad

    graph = trace(Triple.apply(torch.ones(2, requires_grad=True)))
    assert graph.nodes["Triple 1"]["op"] == "Triple"


def test_trace_copies_values(steps):
    graph = trace(steps["o"], steps)
    with torch.no_grad():
        steps["x"].zero_()
    assert graph.nodes["x"]["value"].tolist() == [[1.0, 1.0]] * 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_trace_keeps_the_dtype(dtype):
    a = torch.ones(2, dtype=dtype, requires_grad=True)
    assert trace(a * 2, {"a": a}).nodes["a"]["value"].dtype == dtype


def test_trace_of_an_empty_tensor():
    a = torch.ones(0, 3, requires_grad=True)
    assert trace(a.sum(), {"a": a}).nodes["a"]["shape"] == (0, 3)


def test_trace_inside_no_grad(steps):
    with torch.no_grad():
        assert len(trace(steps["o"], steps)) == 10


def test_trace_of_a_deep_graph():
    x = step = torch.ones((), requires_grad=True)
    for _ in range(10_000):
        step = step * 1.0
    graph = trace(step, {"x": x, "end": step})
    assert len(graph) == 10_001
    assert len(nx.shortest_path(graph, "x", "end")) == 10_001


def test_trace_of_one_leaf_used_ten_thousand_times():
    w = step = torch.ones((), requires_grad=True)
    for _ in range(10_000):
        step = step * w
    graph = trace(step, {"w": w})
    assert (len(graph), graph.out_degree("w")) == (10_001, 10_000)


@pytest.mark.parametrize("output", [torch.ones(2), torch.ones(2, requires_grad=True)])
def test_trace_needs_a_computed_output(output):
    with pytest.raises(ValueError, match="output has no grad_fn"):
        trace(output)


def test_trace_needs_a_recorded_output():
    with torch.no_grad():
        output = torch.ones(2, requires_grad=True) * 2
    with pytest.raises(ValueError, match=r"outside torch\.no_grad"):
        trace(output)


def test_trace_refuses_a_name_without_a_gradient(steps):
    with pytest.raises(ValueError, match="'M' isn't in the graph: it doesn't require grad"):
        trace(steps["o"], {**steps, "M": M})


@pytest.mark.parametrize("make", [lambda o: torch.ones(2, requires_grad=True), lambda o: o * 2])
def test_trace_refuses_a_name_from_elsewhere(steps, make):
    with pytest.raises(ValueError, match="'other' isn't in the graph: output wasn't computed"):
        trace(steps["o"], {"other": make(steps["o"])})


def test_trace_refuses_what_was_detached(steps):
    cut = (steps["z_tilde"].detach() + steps["x"]).sum()
    with pytest.raises(ValueError, match=r"'z_tilde' isn't in the graph.*detach"):
        trace(cut, {"z_tilde": steps["z_tilde"]})


def test_trace_refuses_two_names_for_one_tensor(steps):
    with pytest.raises(ValueError, match="'x' and 'same' name one node; keep one"):
        trace(steps["o"], {"x": steps["x"], "same": steps["x"]})


def test_trace_refuses_two_results_of_one_operation():
    first, second = torch.ones(2, 3, requires_grad=True).unbind()
    with pytest.raises(ValueError, match="'first' and 'second' name one node"):
        trace(first.sum() + second.sum(), {"first": first, "second": second})


def test_trace_refuses_what_is_no_tensor(steps):
    with pytest.raises(TypeError, match="'half' names a float; name tensors only"):
        trace(steps["o"], {"half": 0.5})


# --- layout and drawing ---------------------------------------------------------------------


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


# --- leaf_table -----------------------------------------------------------------------------


def test_leaf_table(steps):
    steps["z_tilde"].retain_grad()
    steps["o"].backward()
    lines = leaf_table({"M": M, **steps}).splitlines()
    words = {line.split()[0]: line.split()[1:] for line in lines}
    assert words["tensor"] == ["is_leaf", "requires_grad", "retains_grad", "made", "by", ".grad"]
    assert words["M"] == ["yes", "no", "no", "-", "-"]
    assert words["x"] == ["yes", "yes", "no", "-", "stored"]
    assert words["z_tilde"] == ["no", "yes", "yes", "Mul", "stored"]
    assert words["z1"] == ["no", "yes", "no", "Mm", "-"]


def test_leaf_table_before_backward_and_without_tensors(steps):
    assert "stored" not in leaf_table(steps)
    assert len(leaf_table({}).splitlines()) == 1


# --- numerical_gradient ---------------------------------------------------------------------

FUNCTIONS = {
    "square": lambda x: (x**2).sum(),
    "tanh": lambda x: torch.tanh(x).sum(),
    "sigmoid of products": lambda x: torch.sigmoid(x * x.flip(0)).sum(),
    "logsumexp": lambda x: torch.logsumexp(x.flatten(), 0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(1,), (4,), (3, 2), (2, 3, 2)])
def test_numerical_gradient_is_autograds(name, shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(FUNCTIONS[name](leaf), leaf)
    estimate = numerical_gradient(FUNCTIONS[name], leaf)
    assert estimate.dtype == torch.float64
    assert not estimate.requires_grad
    torch.testing.assert_close(estimate, expected, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("at", [0.0, 100.0, -100.0])
def test_numerical_gradient_at_extremes(at):
    estimate = numerical_gradient(torch.tanh, torch.tensor(at))
    assert math.isclose(estimate.item(), 1 - math.tanh(at) ** 2, abs_tol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.int64])
def test_numerical_gradient_computes_in_float64(dtype):
    x = torch.tensor([1, 2], dtype=dtype)
    torch.testing.assert_close(
        numerical_gradient(FUNCTIONS["square"], x), torch.tensor([2.0, 4.0], dtype=torch.float64)
    )


def test_numerical_gradient_of_a_scalar_and_of_nothing():
    assert numerical_gradient(torch.exp, torch.tensor(0.0)).shape == ()
    assert numerical_gradient(torch.sum, torch.ones(0, 3)).shape == (0, 3)


def test_numerical_gradient_leaves_x_alone():
    x = torch.ones(2, dtype=torch.float64)
    numerical_gradient(lambda t: t.mul_(2).sum(), x)
    assert x.tolist() == [1.0, 1.0]


def test_numerical_gradient_takes_plain_numbers():
    assert math.isclose(numerical_gradient(lambda t: 3 * t.item(), torch.tensor(1.0)).item(), 3)


@pytest.mark.parametrize("index", range(3))
def test_numerical_gradient_of_the_lessons_graph(index):
    inputs = [t.detach() for t in leaves(torch.float64)]

    def output(moved):
        return compute(*inputs[:index], moved, *inputs[index + 1 :])["o"]

    expected = torch.tensor(GRADIENTS["xyz"[index]], dtype=torch.float64)
    torch.testing.assert_close(numerical_gradient(output, inputs[index]), expected)


@pytest.mark.parametrize("eps", [0.0, -1e-3, math.nan])
def test_numerical_gradient_refuses_a_step(eps):
    with pytest.raises(ValueError, match=r"eps is .*; give a positive step"):
        numerical_gradient(torch.sum, torch.ones(2), eps=eps)


def test_numerical_gradient_refuses_several_numbers():
    with pytest.raises(ValueError, match=r"returned a tensor of shape \(2,\); return a single"):
        numerical_gradient(torch.tanh, torch.ones(2))


# --- the engine -----------------------------------------------------------------------------

EXPRESSIONS = {
    "add": lambda a, b: a + b,
    "add to itself": lambda a, b: a + a + b,
    "multiply": lambda a, b: a * b,
    "square": lambda a, b: a * a - b,
    "numbers right": lambda a, b: (a + 2) * 3 - 1 + b,
    "numbers left": lambda a, b: 1 - (2 + 3 * a) * b,
    "negate": lambda a, b: -a + b,
    "tanh": lambda a, b: a.tanh() * b,
    "exp": lambda a, b: (a * 0.1).exp() + b.tanh(),
    "shared": lambda a, b: ((a * b) + a).tanh() * (a * b) - (b * 0.5).exp() + a * a,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("at", [(0.6, -1.5), (0.0, 0.0), (100.0, -100.0), (-100.0, 1.0)])
def test_engine_against_torch(name, at):
    a, b = (Value(number) for number in at)
    s, t = (torch.tensor(n, dtype=torch.float64, requires_grad=True) for n in at)
    result, expected = EXPRESSIONS[name](a, b), EXPRESSIONS[name](s, t)
    result.backward()
    expected.backward()
    assert math.isclose(result.data, expected.item(), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(a.grad, s.grad.item(), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(b.grad, t.grad.item(), rel_tol=1e-12, abs_tol=1e-12)


def test_engine_on_one_entry_of_the_lessons_graph():
    z = Value(1.0)
    u = 0.25 * z
    o = 2.0 * (1.0 + u) + u
    o.backward()
    assert (o.data, o.grad, u.grad, z.grad) == (2.75, 1.0, 3.0, 0.75)


def test_engine_accumulates_as_torch_does():
    a = Value(2.0)
    b = a * a
    result = b * b
    t = torch.tensor(2.0, requires_grad=True)
    square = t * t
    expected = square * square
    for _ in range(2):
        result.backward()
        expected.backward(retain_graph=True)
    assert a.grad == t.grad.item() == 64.0


def test_engine_on_a_deep_chain():
    x = step = Value(1.0)
    for _ in range(10_000):
        step = step + x
    step.backward()
    assert (step.data, x.grad) == (10_001.0, 10_001.0)


def test_engine_leaves_constants_of_others_alone():
    a = Value(3.0)
    other = a * 5.0
    (a + 1.0).backward()
    assert (a.grad, other.grad) == (1.0, 0.0)


def test_topological_order_has_parents_first_and_each_once():
    a, b = Value(1.0), Value(2.0)
    c = a * b
    output = c + a * c
    order = topological_order(output)
    assert len(order) == len(set(order)) == 5
    assert order[-1] is output
    for value in order:
        assert all(order.index(parent) < order.index(value) for parent, _ in value.parents)


def test_value_shows_itself():
    assert repr(Value(2)) == "Value(data=2.0000, grad=0.0000)"


def test_value_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="could not convert string to float: 'two'"):
        Value("two")
