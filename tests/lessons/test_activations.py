"""Lesson 1: values and slopes against torch's own, the counters, the plots."""

import math
from functools import partial

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnlab_course.activations import (
    ACTIVATIONS,
    dead_units,
    plot_activation,
    plot_activations,
    saturated_fraction,
    two_moons,
    value_and_derivative,
)

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def normal_cdf(x):
    return (1 + torch.erf(x / math.sqrt(2))) / 2


def normal_density(x):
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


# name: (value, slope), each by its formula
FORMULAS = {
    "sigmoid": (
        lambda x: 1 / (1 + torch.exp(-x)),
        lambda x: torch.sigmoid(x) * torch.sigmoid(-x),
    ),
    "tanh": (
        lambda x: 2 * torch.sigmoid(2 * x) - 1,
        lambda x: 1 - torch.tanh(x) ** 2,
    ),
    "relu": (lambda x: x.clamp(min=0), lambda x: (x > 0).to(x)),
    "relu6": (lambda x: x.clamp(0, 6), lambda x: ((x > 0) & (x < 6)).to(x)),
    "elu": (
        lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
        lambda x: torch.exp(x.clamp(max=0)),
    ),
    "selu": (
        lambda x: SELU_SCALE * torch.where(x > 0, x, SELU_ALPHA * (torch.exp(x) - 1)),
        lambda x: SELU_SCALE * torch.where(x > 0, torch.ones_like(x), SELU_ALPHA * torch.exp(x)),
    ),
    "celu": (
        lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
        lambda x: torch.exp(x.clamp(max=0)),
    ),
    "gelu": (
        lambda x: x * normal_cdf(x),
        lambda x: normal_cdf(x) + x * normal_density(x),
    ),
    "leaky_relu": (
        lambda x: torch.where(x > 0, x, 0.1 * x),
        lambda x: 0.1 + 0.9 * (x > 0).to(x),
    ),
    "tanhshrink": (lambda x: x - torch.tanh(x), lambda x: torch.tanh(x) ** 2),
    "softplus": (lambda x: torch.log(1 + torch.exp(x)), lambda x: torch.sigmoid(x)),
}

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)


# --- the family -----------------------------------------------------------------------------


def test_family_is_the_curriculums():
    assert list(ACTIVATIONS) == list(FORMULAS)


@every_activation
def test_value_and_slope_follow_the_formulas(name):
    x = torch.linspace(-7, 7, 280, dtype=torch.float64)  # neither 0 nor 6
    value, slope = value_and_derivative(ACTIVATIONS[name], x)
    expected_value, expected_slope = (formula(x) for formula in FORMULAS[name])
    torch.testing.assert_close(value, expected_value, rtol=0, atol=1e-12)
    torch.testing.assert_close(slope, expected_slope, rtol=0, atol=1e-12)


@every_activation
def test_slope_agrees_with_finite_difference(name):
    x = torch.linspace(-7, 7, 280, dtype=torch.float64)
    h = 1e-6
    function = ACTIVATIONS[name]
    difference = (function(x + h) - function(x - h)) / (2 * h)
    slope = value_and_derivative(function, x)[1]
    torch.testing.assert_close(slope, difference, rtol=0, atol=1e-8)


@every_activation
def test_gradcheck(name):
    x = torch.linspace(-7, 7, 28, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ACTIVATIONS[name], (x,))


@every_activation
def test_finite_and_flat_or_straight_far_out(name):
    value, slope = value_and_derivative(ACTIVATIONS[name], torch.tensor([-100.0, 0.0, 100.0]))
    assert torch.isfinite(value).all()
    assert torch.isfinite(slope).all()
    tails = {"sigmoid": (0, 0), "tanh": (0, 0), "relu6": (0, 0), "leaky_relu": (0.1, 1)}
    tails |= {"tanhshrink": (1, 1), "selu": (0, SELU_SCALE)}
    left, right = tails.get(name, (0, 1))
    assert float(slope[0]) == pytest.approx(left, abs=1e-6)
    assert float(slope[2]) == pytest.approx(right, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("sigmoid", 0.25),
        ("tanh", 1),
        ("relu", 0),
        ("relu6", 0),
        ("elu", 1),
        ("selu", SELU_SCALE * SELU_ALPHA),
        ("celu", 1),
        ("gelu", 0.5),
        ("leaky_relu", 0.1),
        ("tanhshrink", 0),
        ("softplus", 0.5),
    ],
)
def test_slope_at_zero(name, slope):
    _, at_zero = value_and_derivative(ACTIVATIONS[name], torch.zeros(1, dtype=torch.float64))
    assert float(at_zero) == pytest.approx(slope)


def test_facts_of_the_lesson():
    x = torch.arange(-800, 801, dtype=torch.float64) / 100
    facts = {name: value_and_derivative(function, x) for name, function in ACTIVATIONS.items()}
    sigmoid, sigmoid_slope = facts["sigmoid"]
    tanh, tanh_slope = facts["tanh"]
    assert sigmoid.min() > 0
    assert sigmoid.max() < 1
    assert -1 < tanh.min() < -0.999
    assert tanh.max() < 1
    assert sigmoid_slope.max() == 0.25
    assert tanh_slope.max() == 1
    torch.testing.assert_close(tanh, 2 * torch.sigmoid(2 * x) - 1)
    torch.testing.assert_close(tanh, -tanh.flip(0))
    assert float(facts["gelu"][0].min()) == pytest.approx(-0.17, abs=1e-3)
    assert float(facts["gelu"][1].max()) == pytest.approx(1.13, abs=5e-3)
    falling = {name for name, (_, slope) in facts.items() if slope.min() < 0}
    steep = {name for name, (_, slope) in facts.items() if slope.max() > 1}
    assert falling == {"gelu"}
    assert steep == {"selu", "gelu"}
    assert f"{SELU_SCALE:.4f} {SELU_ALPHA:.4f}" == "1.0507 1.6733"  # as the lesson's table says


# --- value_and_derivative --------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str
)
@every_activation
def test_dtype_is_kept(name, dtype):
    x = torch.tensor([-100, -1, 0, 1, 100], dtype=dtype)
    value, slope = value_and_derivative(ACTIVATIONS[name], x)
    assert value.dtype == slope.dtype == dtype
    torch.testing.assert_close(value, ACTIVATIONS[name](x))
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3, 4)])
def test_any_shape(shape):
    value, slope = value_and_derivative(torch.tanh, torch.full(shape, 0.5))
    assert value.shape == slope.shape == shape
    torch.testing.assert_close(slope, torch.full(shape, 1 - math.tanh(0.5) ** 2))


def test_callers_tensor_and_graph_stay():
    w = torch.ones(3, requires_grad=True)
    x = 2 * w
    x.retain_grad()
    value, slope = value_and_derivative(torch.tanh, x)
    assert x.grad is None
    assert w.grad is None
    assert not value.requires_grad
    assert not slope.requires_grad
    x.sum().backward()  # the caller's graph still works
    assert w.grad.tolist() == [2, 2, 2]


def test_leaf_is_left_without_grad_mode_change():
    x = torch.zeros(2)
    value_and_derivative(torch.tanh, x)
    assert not x.requires_grad


def test_works_under_no_grad():
    with torch.no_grad():
        _, slope = value_and_derivative(torch.sigmoid, torch.zeros(2))
        assert not torch.is_grad_enabled()
    assert slope.tolist() == [0.25, 0.25]


def test_in_place_function_leaves_x_alone():
    x = torch.tensor([-1.0, 2.0])
    value, slope = value_and_derivative(nn.ReLU(inplace=True), x)
    assert x.tolist() == [-1, 2]
    assert value.tolist() == [0, 2]
    assert slope.tolist() == [0, 1]


def test_non_contiguous_input():
    x = torch.arange(6.0).reshape(2, 3).T
    _, slope = value_and_derivative(torch.square, x)
    assert torch.equal(slope, 2 * x)


def test_mixing_function_gives_the_gradient_of_the_sum():
    _, slope = value_and_derivative(partial(torch.softmax, dim=0), torch.tensor([-1.0, 0.0, 2.0]))
    torch.testing.assert_close(slope, torch.zeros(3), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64], ids=str)
def test_floating_inputs_only(dtype):
    with pytest.raises(TypeError, match=r"needs a floating dtype: pass x\.float\(\)"):
        value_and_derivative(torch.tanh, torch.zeros(2, dtype=dtype))


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"gave shape \(\) for an input of shape \(3,\)"):
        value_and_derivative(torch.sum, torch.zeros(3))


@pytest.mark.parametrize("function", [torch.ones_like, lambda x: torch.tanh(x.detach())])
def test_broken_graph_is_refused(function):
    with pytest.raises(ValueError, match="autograd cannot follow"):
        value_and_derivative(function, torch.zeros(3))


# --- the counters -----------------------------------------------------------------------------


def test_saturated_fraction():
    z = torch.tensor([[-9.0, -3.0], [0.0, 3.0]])
    assert saturated_fraction(torch.sigmoid, z) == 0.25
    assert saturated_fraction(torch.tanh, z) == 0.75
    assert saturated_fraction(F.relu, z) == 0.75
    assert saturated_fraction(ACTIVATIONS["leaky_relu"], z) == 0
    assert saturated_fraction(torch.sigmoid, z, threshold=0.1) == 0.75
    assert saturated_fraction(torch.tanh, z, threshold=0) == 0


def test_saturation_counts_negative_slopes_by_their_size():
    assert saturated_fraction(torch.neg, torch.zeros(4)) == 0


def test_logistic_saturates_beyond_its_limit():
    limit = math.log((1 + math.sqrt(0.96)) / (1 - math.sqrt(0.96)))  # sigma (1 - sigma) = 0.01
    z = torch.tensor([limit - 1e-3, limit + 1e-3], dtype=torch.float64)
    assert saturated_fraction(torch.sigmoid, z[:1]) == 0
    assert saturated_fraction(torch.sigmoid, z[1:]) == 1


def test_saturated_fraction_of_nothing():
    with pytest.raises(ValueError, match="empty; pass at least one"):
        saturated_fraction(torch.tanh, torch.zeros(0, 3))


def test_dead_units():
    z = torch.tensor([[-1.0, -2.0, 3.0, 0.0], [-5.0, 4.0, 3.0, 0.0]])
    assert dead_units(F.relu, z).tolist() == [True, False, False, True]
    assert not dead_units(ACTIVATIONS["leaky_relu"], z).any()
    assert not dead_units(F.elu, z).any()
    assert not dead_units(torch.tanh, torch.full((3, 1), 5.0)).any()  # saturated, not dead
    assert dead_units(torch.sigmoid, torch.full((3, 1), 20.0)).tolist() == [True]  # by rounding


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 3, 4), ()])
def test_dead_units_needs_inputs_by_units(shape):
    with pytest.raises(ValueError, match=r"pass \(N, units\) with N > 0"):
        dead_units(F.relu, torch.zeros(shape))


def test_dead_units_get_no_gradient():
    generator = torch.Generator().manual_seed(0)
    points, labels = two_moons(200, generator=generator)
    weight = torch.randn(64, 2, generator=generator, requires_grad=True)
    output = torch.randn(2, 64, generator=generator)
    z = points @ weight.T - 1
    F.cross_entropy(F.relu(z) @ output.T, labels).backward()
    dead = dead_units(F.relu, z)
    assert 0 < dead.sum() < 64
    assert (weight.grad[dead] == 0).all()
    assert (weight.grad[~dead] != 0).any(dim=1).all()


def test_negative_biases_kill_and_not_the_centre_of_the_data():
    points, _ = two_moons(400, generator=torch.Generator().manual_seed(0))
    counts = {"as drawn": [], "biases 0": [], "data centred": []}
    for seed in range(20):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            layer = nn.Linear(2, 64)
        with torch.no_grad():
            drawn = layer(points)
            without = points @ layer.weight.T
            centred = layer(points - points.mean(dim=0))
        dead = dead_units(F.relu, drawn)
        assert (layer.bias[dead] < 0).all()
        for name, z in zip(counts, (drawn, without, centred), strict=True):
            counts[name].append(int(dead_units(F.relu, z).sum()))
    means = {name: sum(count) / 20 for name, count in counts.items()}
    assert means == {"as drawn": 6.85, "biases 0": 0.0, "data centred": 5.15}


@pytest.mark.parametrize("seed", range(3))
def test_large_learning_rate_kills(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        points, labels = two_moons(400)
        start = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2)).state_dict()
    dead = {}
    for lr in (0.5, 50):
        model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2))
        model.load_state_dict(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        for _ in range(20):
            optimizer.zero_grad()
            F.cross_entropy(model(points), labels).backward()
            optimizer.step()
        dead[lr] = int(dead_units(F.relu, model[0](points)).sum())
    assert dead[50] > 2 * dead[0.5]


# --- two moons ---------------------------------------------------------------------------------


def test_two_moons_lie_on_their_circles():
    points, labels = two_moons(101, noise=0, generator=torch.Generator().manual_seed(0))
    assert points.shape == (101, 2)
    assert points.dtype == torch.float32
    assert labels.bincount().tolist() == [51, 50]
    centres = torch.tensor([[0.0, 0.0], [1.0, 0.5]])[labels]
    torch.testing.assert_close((points - centres).norm(dim=1), torch.ones(101))
    assert (points[labels == 0, 1] >= 0).all()
    assert (points[labels == 1, 1] <= 0.5).all()


def test_two_moons_come_from_the_generator():
    state = torch.get_rng_state()
    first, second = (two_moons(20, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert len(two_moons(0)[0]) == 0


@pytest.mark.parametrize("arguments", [{"num_points": -1}, {"num_points": 5, "noise": -0.1}])
def test_two_moons_refuses_negatives(arguments):
    with pytest.raises(ValueError, match="both must be 0 or more"):
        two_moons(**arguments)


@pytest.mark.parametrize("seed", range(3))
def test_moons_need_an_activation(seed):
    generator = torch.Generator().manual_seed(seed)
    points, labels = two_moons(400, generator=generator)
    new_points, new_labels = two_moons(1000, generator=generator)
    accuracy = {}
    for name, activation in (("none", nn.Identity()), ("tanh", nn.Tanh()), ("relu", nn.ReLU())):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            layers = (nn.Linear(2, 16), activation, nn.Linear(16, 16), activation, nn.Linear(16, 2))
            model = nn.Sequential(*layers)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(150):
            optimizer.zero_grad()
            F.cross_entropy(model(points), labels).backward()
            optimizer.step()
        accuracy[name] = float((model(new_points).argmax(dim=1) == new_labels).float().mean())
    assert 0.8 < accuracy["none"] < 0.92
    assert accuracy["tanh"] > 0.98
    assert accuracy["relu"] > 0.98


# --- plots -------------------------------------------------------------------------------------


def lines_by_label(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_plot_activation_draws_value_and_slope():
    x = torch.linspace(-2, 2, 11, requires_grad=True)
    ax = plot_activation(torch.tanh, x=x, asymptotes=(-1, 1))
    lines = lines_by_label(ax)
    value, slope = value_and_derivative(torch.tanh, x)
    assert lines["$f(x)$"].get_ydata() == pytest.approx(value.numpy())
    assert lines["$f'(x)$"].get_ydata() == pytest.approx(slope.numpy())
    assert lines["$f(x)$"].get_linestyle() != lines["$f'(x)$"].get_linestyle()
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert [line.get_ydata()[0] for line in dotted] == [-1, 1]
    assert ax.get_xlabel()
    assert ax.get_legend()
    ax.figure.canvas.draw()


def test_plot_activation_uses_the_axes_it_is_given():
    _, ax = plt.subplots()
    assert plot_activation(F.relu, ax=ax) is ax
    assert len(plt.get_fignums()) == 1
    assert not [line for line in ax.get_lines() if line.get_linestyle() == ":"]


def test_plot_activation_opens_no_figure_for_a_bad_function():
    with pytest.raises(ValueError, match="autograd"):
        plot_activation(torch.ones_like)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("count", [1, 2, 3, 4, 11])
def test_plot_activations_has_a_panel_each(count):
    functions = dict(list(ACTIVATIONS.items())[:count])
    axs = plot_activations(functions)
    assert [ax.get_title() for ax in axs] == list(functions)
    assert sum(ax.get_legend() is not None for ax in axs) == 1
    assert len(plt.get_fignums()) == 1
    shown = [ax for ax in axs[0].figure.axes if ax.axison]
    assert len(shown) == count
    axs[0].figure.canvas.draw()


def test_plot_activations_on_given_panels():
    _, panels = plt.subplots(2, 2)
    functions = {"tanh": torch.tanh, "silu": F.silu}
    axs = plot_activations(functions, x=torch.linspace(-1, 1, 5), axs=panels)
    assert list(axs) == list(panels[0])
    assert lines_by_label(axs[1])["$f(x)$"].get_xdata().tolist() == [-1, -0.5, 0, 0.5, 1]
    assert len(plt.get_fignums()) == 1


def test_plot_activations_refuses_too_few_panels_and_none():
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="1 panels for 11 functions; pass axs"):
        plot_activations(axs=ax)
    with pytest.raises(ValueError, match="no function to draw"):
        plot_activations({})
