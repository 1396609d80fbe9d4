"""Lesson 2: the traced graph, its drawing, finite differences, the scalar engine, the exercises."""

import ast
import json
import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from lesson_graph import M, compute, compute_with_gradients, leaves

from nnlab_course.activations import two_moons
from nnlab_course.autograd import (
    Value,
    leaf_table,
    numerical_gradient,
    topological_order,
    trace,
)

LESSON = Path(__file__).parents[2] / "nbs" / "02_autograd.ipynb"


@pytest.fixture
def steps():
    return compute(*leaves())


@pytest.fixture
def graph():
    """The lesson's graph after backward, with the gradient of every named tensor."""
    steps = compute_with_gradients()
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
    "power": lambda a, b: a**3 - 2 * b**2,
    "divide": lambda a, b: a / (b * b + 1) - b / 4 + 3 / (a * a + 2),
    "relu": lambda a, b: (a - 0.5).relu() * b + (b * a).relu(),
    "logistic": lambda a, b: 1 / (1 + (-a * 0.1).exp()) + b,
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


def test_engine_takes_the_slope_of_relu_at_zero_from_torch():
    value, tensor = Value(0.0), torch.zeros((), requires_grad=True)
    value.relu().backward()
    tensor.relu().backward()
    assert value.grad == tensor.grad.item() == 0.0


def test_engine_refuses_to_divide_by_zero():
    with pytest.raises(ZeroDivisionError):
        Value(1.0) / Value(0.0)


def test_engine_finds_the_gradient_of_a_network_as_torch_does():
    """A hidden ReLU layer and the hinge loss of a few moons, as the lesson trains them."""
    generator = torch.Generator().manual_seed(1)
    numbers = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    points, classes = two_moons(8, generator=generator)

    def loss(units):
        missing = []
        for (x1, x2), label in zip(points.tolist(), classes.tolist(), strict=True):
            score = sum(weight * (w1 * x1 + w2 * x2 + b).relu() for w1, w2, b, weight in units)
            missing.append((1 - (2 * label - 1) * score).relu())
        return sum(missing) / 8

    units = [[Value(number) for number in row] for row in numbers.tolist()]
    loss(units).backward()
    weights = numbers.clone().requires_grad_()
    loss(weights).backward()
    found = torch.tensor([[value.grad for value in unit] for unit in units], dtype=torch.float64)
    torch.testing.assert_close(found, weights.grad)


def test_the_lesson_binds_the_names_of_its_graph_once():
    """Every cell can be run again after the last one: no name of the graph means something else."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    bound = Counter()
    for cell in cells:
        if cell["cell_type"] == "code" and "%pip" not in "".join(cell["source"]):
            for statement in ast.parse("".join(cell["source"])).body:
                if isinstance(statement, ast.Assign | ast.For):
                    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
                    names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
                    bound.update(names)
    graph = {*"xyzoMabpqruvwstm", "y_tilde", "z_tilde", "z1", "z2", "y1"}
    assert {name: bound[name] for name in graph} == dict.fromkeys(graph, 1)


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
