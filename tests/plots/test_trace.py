"""The copy of autograd's graph: nodes, names, counts, and what is refused."""

import itertools
import math

import networkx as nx
import pytest
import torch
from lesson_graph import M, compute, compute_with_gradients, leaves

from nnlab_course.plots.trace import trace


@pytest.fixture
def steps():
    return compute(*leaves())


def test_trace_of_the_lessons_graph():
    steps = compute_with_gradients()
    graph = trace(steps["o"], steps)
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


def test_trace_is_the_graph_that_autograd_walks():
    """Multiplying slopes along every path of the traced graph gives torch's gradient."""
    steps = compute_with_gradients()
    graph = trace(steps["o"], steps)
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
