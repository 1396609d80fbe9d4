"""The chain, the instrument, the initialisations and the exercises of the third lesson."""

import math

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nnlab_course.gradients import (
    LayerStats,
    Residual,
    chain,
    chain_factors,
    init_weights_,
    mlp,
    plot_chain,
    plot_gradient_norms,
    watch_gradients,
)

SIGMOID_WEIGHTS = (1.2, 0.1, 1.2, -0.5, 1.0)
RELU_WEIGHTS = (1.0, 0.1, 1.2, 0.5, 1.0)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def product(factors):
    return math.prod(factor.item() for factor in factors.values())


def batch(size=64, dtype=torch.float32):
    inputs = torch.randn(size, 2, generator=seeded(), dtype=dtype)
    return inputs, (inputs.norm(dim=1) > 1.2).long()


# --- the chain ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "activation", "y", "gradient"),
    [
        (SIGMOID_WEIGHTS, torch.sigmoid, 0.6033, -3.0186e-05),
        (RELU_WEIGHTS, torch.relu, 0.5300, 0.0299),
        (RELU_WEIGHTS, torch.sigmoid, 0.6412, 4.0e-05),
        (SIGMOID_WEIGHTS, torch.relu, 0.5, 0.0),
    ],
)
def test_chain_figures_of_the_lesson(weights, activation, y, gradient):
    nodes = chain(2.0, weights, activation)
    nodes["y"].backward()
    assert nodes["y"].item() == pytest.approx(y, abs=5e-5)
    assert nodes["w1"].grad.item() == pytest.approx(gradient, rel=2e-3)
    assert product(chain_factors(2.0, weights, activation)) == pytest.approx(gradient, rel=2e-3)


def test_chain_names_every_value_in_order():
    nodes = chain(2.0, (1.0, 2.0, 3.0))
    assert list(nodes) == ["x", "w1", "a1", "z1", "w2", "a2", "z2", "w3", "a3", "y"]
    assert all(value.shape == () for value in nodes.values())


@pytest.mark.parametrize("activation", [torch.sigmoid, torch.tanh, torch.relu, F.softplus])
@pytest.mark.parametrize("x", [0.0, 2.0, -100.0, 100.0])
def test_chain_agrees_with_nested_torch_calls(activation, x):
    weights = torch.randn(4, generator=seeded(), dtype=torch.float64)
    nodes = chain(x, weights, activation)
    nodes["y"].backward()
    w = weights.clone().requires_grad_()
    inner = activation(w[2] * activation(w[1] * activation(w[0] * x)))
    expected = torch.sigmoid(w[3] * inner)
    expected.backward()
    torch.testing.assert_close(nodes["y"], expected)
    torch.testing.assert_close(torch.stack([nodes[f"w{k}"].grad for k in range(1, 5)]), w.grad)
    assert product(chain_factors(x, weights, activation)) == pytest.approx(w.grad[0].item())


def test_chain_gradient_agrees_with_finite_differences():
    def output(w1):
        return chain(2.0, (w1, *SIGMOID_WEIGHTS[1:]), torch.tanh)["y"].item()

    step = 1e-3
    difference = (output(1.2 + step) - output(1.2 - step)) / (2 * step)
    gradient = product(chain_factors(2.0, SIGMOID_WEIGHTS, torch.tanh))
    assert difference == pytest.approx(gradient, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_chain_keeps_the_dtype(dtype):
    weights = torch.tensor(RELU_WEIGHTS, dtype=dtype)
    nodes = chain(2.0, weights, torch.relu)
    assert {value.dtype for value in nodes.values()} == {dtype}
    gradient = product(chain_factors(2.0, weights, torch.relu))
    assert gradient == pytest.approx(0.0299, rel=0.03)


def test_chain_takes_integers_and_one_weight():
    nodes = chain(2, [1])
    assert nodes["y"].item() == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item())
    assert list(chain_factors(2, [1])) == ["dy/da1", "da1/dw1"]


def test_chain_leaves_the_callers_tensor_alone():
    weights = torch.tensor(RELU_WEIGHTS, requires_grad=True)
    chain(2.0, weights)["y"].backward()
    assert weights.grad is None


@pytest.mark.parametrize("function", [chain, chain_factors])
@pytest.mark.parametrize(
    ("x", "weights", "message"),
    [
        (2.0, [], r"weights has the shape \(0,\)"),
        (2.0, 1.0, r"weights has the shape \(\)"),
        (2.0, [[1.0, 2.0]], r"weights has the shape \(1, 2\)"),
        (torch.ones(3), [1.0], r"x has the shape \(3,\); give one number"),
    ],
)
def test_chain_refuses_other_shapes(function, x, weights, message):
    with pytest.raises(ValueError, match=message):
        function(x, weights)


def test_chain_factors_and_the_product_that_stops_half_way():
    factors = chain_factors(2.0, SIGMOID_WEIGHTS)
    names = list(factors)
    assert names[:3] == ["dy/da5", "da5/dz4", "dz4/da4"]
    assert names[-4:] == ["dz2/da2", "da2/dz1", "dz1/da1", "da1/dw1"]
    partial = math.prod(factors[name].item() for name in names[-4:])
    nodes = chain(2.0, SIGMOID_WEIGHTS)
    (expected,) = torch.autograd.grad(nodes["z2"], nodes["w1"])
    assert partial == pytest.approx(expected.item())
    assert partial == pytest.approx(0.0038, abs=5e-5)


def test_slope_bound_needs_five_slopes_and_the_weights():
    weights = torch.tensor(SIGMOID_WEIGHTS, dtype=torch.float64)
    bound = 0.25**5 * 2 * weights[1:].prod().abs().item()
    assert bound == pytest.approx(1.17e-4, abs=5e-7)
    for seed in range(50):
        weights = 8 * torch.randn(5, generator=seeded(seed), dtype=torch.float64)
        gradient = abs(product(chain_factors(2.0, weights)))
        assert gradient <= 0.25**5 * 2 * weights[1:].prod().abs().item()
    assert abs(product(chain_factors(2.0, (-0.5, -5.0, -5.0, -5.0, -5.0)))) > 100 * 0.25**5 * 2


def test_dead_relu_chain_is_cut_at_the_fourth_slope():
    factors = chain_factors(2.0, SIGMOID_WEIGHTS, torch.relu)
    assert [name for name, factor in factors.items() if factor == 0] == ["dz4/da4"]
    nodes = chain(2.0, SIGMOID_WEIGHTS, torch.relu)
    nodes["y"].backward()
    assert all(nodes[f"w{k}"].grad == 0 for k in range(1, 6))


def test_relu_slope_at_zero_is_zero():
    assert chain_factors(0.0, (1.0, 1.0), torch.relu)["dz1/da1"] == 0


# --- the diagram --------------------------------------------------------------------------


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_plot_chain_shows_names_values_or_factors():
    nodes = chain(2.0, SIGMOID_WEIGHTS)
    factors = chain_factors(2.0, SIGMOID_WEIGHTS)
    names = texts(plot_chain(nodes))
    assert {"$x$", "$a_{1}$", "$z_{4}$", "$y$", "$w_{5}$"} <= set(names)
    assert "0.6033" not in names
    assert {"0.6033", "-0.5", "2.4"} <= set(texts(plot_chain(nodes, values=True)))
    shown = texts(plot_chain(nodes, factors=factors))
    assert {f"{factor:.4g}" for factor in factors.values()} <= set(shown)
    assert "$w_{1}$" in shown
    assert "$x$" not in shown


def test_plot_chain_draws_where_it_is_told():
    _, ax = plt.subplots()
    assert plot_chain(chain(1.0, [1.0]), values=True, ax=ax) is ax
    assert len(plt.get_fignums()) == 1


def test_plot_chain_refuses_the_factors_of_another_chain():
    with pytest.raises(ValueError, match="2 factors, but this chain has 10"):
        plot_chain(chain(2.0, SIGMOID_WEIGHTS), factors=chain_factors(2.0, [1.0]))
    assert plt.get_fignums() == []


# --- initialisation and networks ----------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [lambda: nn.Linear(7, 5), lambda: nn.Conv2d(4, 6, 3, groups=2), lambda: nn.Conv1d(2, 3, 5)],
)
def test_default_scheme_is_what_the_layer_does_itself(make):
    torch.manual_seed(3)
    own = make()
    ours = init_weights_(make(), "default", generator=seeded(3))
    torch.testing.assert_close(ours.state_dict(), own.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("scheme", "init"),
    [("xavier", nn.init.xavier_uniform_), ("kaiming", nn.init.kaiming_normal_)],
)
def test_schemes_are_those_of_torch(scheme, init):
    layer = init_weights_(nn.Linear(50, 30), scheme, generator=seeded())
    kwargs = {"nonlinearity": "relu"} if scheme == "kaiming" else {}
    expected = init(torch.empty(30, 50), generator=seeded(), **kwargs)
    torch.testing.assert_close(layer.weight.detach(), expected, rtol=0, atol=0)
    assert layer.bias.abs().max() == 0


def test_init_weights_scales_by_gain_and_reaches_inner_layers():
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 3, bias=False)), nn.LayerNorm(3))
    assert init_weights_(net, "xavier", generator=seeded()) is net
    once = net[0][0].weight.detach().clone()
    init_weights_(net, "xavier", gain=3.0, generator=seeded())
    torch.testing.assert_close(net[0][0].weight.detach(), 3 * once)
    assert (net[1].weight == 1).all()


def test_init_weights_refuses_an_unknown_scheme():
    with pytest.raises(
        ValueError, match="scheme='he'; choose one of 'default', 'xavier', 'kaiming'"
    ):
        init_weights_(nn.Linear(1, 1), "he")


def test_residual_adds_its_input_in_value_and_gradient():
    block = Residual(nn.Linear(3, 3), nn.Tanh()).double()
    x = torch.randn(4, 3, generator=seeded(), dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(block(x), x + torch.tanh(block[0](x)))
    assert torch.autograd.gradcheck(block, (x,))
    with torch.no_grad():
        block[0].weight.zero_()
    (gradient,) = torch.autograd.grad(block(x).sum(), x)
    torch.testing.assert_close(gradient, torch.ones_like(x))


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("norm", [None, nn.LayerNorm, nn.BatchNorm1d])
def test_mlp_has_the_layers_that_are_asked_for(norm, skip):
    net = mlp(
        5, 8, nn.ReLU, in_features=3, out_features=4, norm=norm, skip=skip, generator=seeded()
    )
    kinds = [type(layer) for layer in net.modules()]
    assert kinds.count(nn.Linear) == 5
    assert kinds.count(nn.ReLU) == 4
    assert kinds.count(norm) == (4 if norm else 0)
    assert kinds.count(Residual) == (3 if skip else 0)
    assert net(torch.zeros(2, 3)).shape == (2, 4)
    assert net(torch.zeros(0, 3)).shape == (0, 4) or norm is nn.BatchNorm1d


def test_mlp_of_two_layers_has_no_block_to_skip():
    assert [type(layer) for layer in mlp(2, skip=True, generator=seeded())] == [
        nn.Linear,
        nn.Tanh,
        nn.Linear,
    ]


def test_mlp_draws_from_its_generator_alone():
    before = torch.random.get_rng_state()
    first, second = (mlp(4, init="kaiming", generator=seeded(1)) for _ in range(2))
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"depth": 1}, "depth=1"), ({"depth": 3, "init": "zeros"}, "scheme='zeros'")],
)
def test_mlp_refuses_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        mlp(**kwargs)


# --- watching -----------------------------------------------------------------------------


def hooks(module):
    return sum(len(layer._forward_hooks) for layer in module.modules())


def test_watch_gradients_measures_what_autograd_computes():
    net = mlp(4, 5, nn.Tanh, generator=seeded()).double()
    inputs, labels = batch(dtype=torch.float64)
    with watch_gradients(net) as stats:
        F.cross_entropy(net(inputs), labels).backward()
    h = inputs
    for name, layer in net.named_children():
        h = layer(h)
        h.retain_grad()
        stats_of = stats[name]
        assert stats_of.kind == type(layer).__name__
        assert stats_of.output_mean == pytest.approx(h.mean().item())
        assert stats_of.output_std == pytest.approx(h.std(correction=0).item())
        if isinstance(layer, nn.Linear):
            assert stats_of.grad_norm == pytest.approx(layer.weight.grad.norm().item())
            assert stats_of.weight_norm == pytest.approx(layer.weight.norm().item())
            assert stats_of.update_ratio == 0
        else:
            assert math.isnan(stats_of.grad_norm)
            assert math.isnan(stats_of.update_ratio)
    outputs = []
    h = inputs
    for layer in net:
        h = layer(h)
        outputs.append(h)
    expected = torch.autograd.grad(F.cross_entropy(h, labels), outputs)
    for stats_of, gradient in zip(stats.values(), expected, strict=True):
        assert stats_of.output_grad_norm == pytest.approx(gradient.norm().item())


def test_watching_changes_no_gradient():
    inputs, labels = batch()
    nets = [mlp(6, generator=seeded()) for _ in range(2)]
    F.cross_entropy(nets[0](inputs), labels).backward()
    with watch_gradients(nets[1]):
        F.cross_entropy(nets[1](inputs), labels).backward()
    for plain, watched in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(plain.grad, watched.grad)


def test_update_ratio_is_that_of_the_optimizer():
    net = nn.Linear(2, 2)
    inputs, labels = batch()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with watch_gradients(net) as stats:
        F.cross_entropy(net(inputs), labels).backward()
        optimizer.step()
    layer = stats["Linear"]
    assert layer.update_ratio == pytest.approx(0.1 * layer.grad_norm / layer.weight_norm, rel=1e-5)


def fail_inside(net):
    net(torch.zeros(3, 2))
    raise KeyboardInterrupt


def fail_in_forward(net):
    net(torch.zeros(3, 7))


def fail_in_backward(net):
    loss = net(torch.zeros(3, 2)).sum()
    loss.backward()
    loss.backward()


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (fail_inside, KeyboardInterrupt),
        (fail_in_forward, RuntimeError),
        (fail_in_backward, RuntimeError),
    ],
)
def test_hooks_are_removed_after_an_exception(fail, error):
    net = mlp(4, generator=seeded())
    with pytest.raises(error), watch_gradients(net):  # noqa: PT012 the block is what fails
        assert hooks(net) == 7
        fail(net)
    assert hooks(net) == 0


def test_tensor_hooks_are_removed_too():
    net = nn.Linear(2, 2)
    with watch_gradients(net) as stats:
        output = net(torch.ones(1, 2))
        assert len(output._backward_hooks) == 1
    assert len(output._backward_hooks) == 0
    output.sum().backward()
    assert math.isnan(stats["Linear"].output_grad_norm)
    assert math.isnan(stats["Linear"].grad_norm)


def test_a_layer_that_runs_twice_is_measured_over_both_runs():
    tanh = nn.Tanh()
    x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    with watch_gradients(tanh) as stats:
        first = tanh(x)
        second = tanh(first)
        second.sum().backward()
    both = torch.cat([first, second]).detach()
    assert stats["Tanh"].output_mean == pytest.approx(both.mean().item())
    assert stats["Tanh"].output_std == pytest.approx(both.std(correction=0).item())
    at_first = 1 - second.detach() ** 2
    assert stats["Tanh"].output_grad_norm == pytest.approx(
        math.sqrt(at_first.square().sum().item() + 2)
    )


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (nn.LSTM(2, 3), (torch.randn(5, 4, 2, generator=seeded()),)),
        (nn.Conv2d(1, 2, 3), (torch.randn(2, 1, 5, 5, generator=seeded()),)),
        (nn.Embedding(5, 2), (torch.tensor([0, 3]),)),
        (nn.Embedding(5, 2, sparse=True), (torch.tensor([0, 3]),)),
        (nn.PReLU(), (torch.tensor([-1.0, 2.0]),)),
    ],
)
def test_any_layer_with_weights_can_be_watched(module, inputs):
    with watch_gradients(module) as stats:
        output = module(*inputs)
        (output[0] if isinstance(output, tuple) else output).square().sum().backward()
    (layer,) = stats.values()
    weights = [p for name, p in module.named_parameters() if "bias" not in name]
    expected = math.sqrt(sum(w.grad.to_dense().square().sum().item() for w in weights))
    assert layer.grad_norm == pytest.approx(expected, rel=1e-5)
    assert layer.output_grad_norm > 0


def test_in_place_activations_can_be_watched():
    net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(inplace=True), nn.Linear(4, 1))
    inputs, _ = batch()
    pre = net[0](inputs).detach()
    with watch_gradients(net) as stats:
        net(inputs).sum().backward()
    assert stats["0"].output_mean == pytest.approx(pre.mean().item(), rel=1e-4)
    assert stats["0"].output_grad_norm > 0


def test_forward_without_gradients_measures_activations_only():
    net = nn.Linear(2, 2).requires_grad_(False)
    with watch_gradients(net) as stats, torch.no_grad():
        net(torch.ones(3, 2))
    assert math.isfinite(stats["Linear"].output_std)
    assert math.isnan(stats["Linear"].output_grad_norm)


def test_an_empty_batch_and_a_layer_of_zeros_give_nan_not_errors():
    net = nn.Linear(2, 2)
    nn.init.zeros_(net.weight)
    with watch_gradients(net) as stats:
        net(torch.zeros(0, 2)).sum().backward()
    assert math.isnan(stats["Linear"].output_mean)
    assert math.isnan(stats["Linear"].update_ratio)
    assert stats["Linear"].grad_norm == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_norms_neither_overflow_nor_underflow(dtype):
    layer = nn.Linear(2, 400, bias=False).to(dtype)
    nn.init.constant_(layer.weight, 100.0)
    with watch_gradients(layer) as stats:
        (layer(torch.full((1, 2), 2.0, dtype=dtype)) * 1e-4).sum().backward()
    assert stats["Linear"].output_mean == pytest.approx(400)
    assert stats["Linear"].weight_norm == pytest.approx(100 * math.sqrt(800))
    assert stats["Linear"].output_grad_norm == pytest.approx(1e-4 * 20, rel=1e-2)


def test_gradients_whose_square_is_zero_in_float32_are_measured():
    layer = nn.Linear(1, 1, bias=False)
    with watch_gradients(layer) as stats:
        (layer(torch.ones(1, 1)) * 1e-30).sum().backward()
    assert stats["Linear"].grad_norm == pytest.approx(1e-30, rel=1e-6)


def test_watch_gradients_can_be_nested_and_takes_layer_types():
    net = mlp(4, norm=nn.LayerNorm, skip=True, generator=seeded())
    with watch_gradients(net, nn.Linear) as outer, watch_gradients(net, Residual) as inner:
        net(torch.ones(2, 2)).sum().backward()
    assert [layer.kind for layer in outer.values()] == ["Linear"] * 4
    assert [layer.kind for layer in inner.values()] == ["Residual"] * 2
    assert hooks(net) == 0


@pytest.mark.parametrize(
    ("module", "layer_types", "error", "message"),
    [
        ("linear", None, TypeError, "got a str; give an nn.Module"),
        (nn.Linear(1, 1), nn.Conv2d, ValueError, "Linear has no layer of .*Conv2d"),
        (nn.Sequential(), nn.Linear, ValueError, "Sequential has no layer of"),
    ],
)
def test_watch_gradients_errors(module, layer_types, error, message):
    with pytest.raises(error, match=message), watch_gradients(module, layer_types):
        pass


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_layers_must_have_run():
    net = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(ValueError, match="LazyLinear is lazy; run one batch"), watch_gradients(net):
        pass
    assert hooks(net) == 0
    net(torch.ones(1, 2))
    with watch_gradients(net) as stats:
        net(torch.ones(1, 2)).sum().backward()
    assert stats["0"].grad_norm > 0


# --- the plot -----------------------------------------------------------------------------


def test_plot_gradient_norms_draws_the_layers_that_have_the_quantity():
    stats = {
        "0": LayerStats("Linear", grad_norm=1e-3),
        "1": LayerStats("Tanh", output_std=0.5),
        "2": LayerStats("Linear", grad_norm=1e-1),
    }
    ax = plot_gradient_norms(stats, label="net", linestyle="--")
    (line,) = ax.lines
    assert list(line.get_xdata()) == [1, 2]
    assert list(line.get_ydata()) == [1e-3, 1e-1]
    assert (line.get_label(), line.get_linestyle()) == ("net", "--")
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("layer, from the input", "gradient norm")
    assert plot_gradient_norms(stats, quantity="output_std", ax=ax).get_ylabel() == "output std"
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("values", [(0.0, 1e-3, 0.0), (0.0, 0.0)])
def test_plot_gradient_norms_marks_zeros_on_the_lower_edge(values):
    stats = {str(k): LayerStats("Linear", grad_norm=value) for k, value in enumerate(values)}
    ax = plot_gradient_norms(stats)
    crosses = ax.lines[1]
    assert crosses.get_marker() == "x"
    assert [k - 1 for k in crosses.get_xdata()] == [
        k for k, value in enumerate(values) if not value
    ]
    ax.figure.canvas.draw()


@pytest.mark.parametrize("stats", [{}, {"0": LayerStats("Linear")}])
def test_plot_gradient_norms_needs_a_value(stats):
    with pytest.raises(ValueError, match="no layer has a finite grad_norm; run backward"):
        plot_gradient_norms(stats)
    assert plt.get_fignums() == []


# --- what the lesson claims ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "init", "factor"),
    [
        (nn.Sigmoid, "default", 0.14),
        (nn.Tanh, "default", 0.58),
        (nn.Tanh, "xavier", 1.0),
        (nn.ReLU, "default", 0.41),
        (nn.ReLU, "xavier", 0.71),
        (nn.ReLU, "kaiming", 1.0),
    ],
)
def test_gradient_per_layer_follows_the_rule(activation, init, factor):
    inputs, labels = batch()
    for seed in range(3):
        net = mlp(20, 32, activation, init=init, generator=seeded(seed))
        with watch_gradients(net, nn.Linear) as stats:
            F.cross_entropy(net(inputs), labels).backward()
        norms = [layer.output_grad_norm for layer in stats.values()]
        assert (norms[1] / norms[18]) ** (1 / 17) == pytest.approx(factor, rel=0.2)


def test_a_skip_connection_trains_where_the_plain_network_does_not():
    inputs, labels = batch(128)
    ends = {}
    for skip in (False, True):
        net = mlp(20, skip=skip, generator=seeded())
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        for _ in range(60):
            loss = F.cross_entropy(net(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
            optimizer.step()
        ends[skip] = loss.item()
    assert ends[False] > 0.66
    assert ends[True] < 0.4
