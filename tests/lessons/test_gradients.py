"""The chain, the initialisations, the networks and the claims of the third lesson."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nnlab_course.gradients import (
    Residual,
    chain,
    chain_factors,
    init_weights_,
    mlp,
    watch_gradients,
)

LOGISTIC_WEIGHTS = (1.2, 0.1, 1.2, -0.5, 1.0)
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
        (LOGISTIC_WEIGHTS, torch.sigmoid, 0.6033, -3.0186e-05),
        (RELU_WEIGHTS, torch.relu, 0.5300, 0.0299),
        (RELU_WEIGHTS, torch.sigmoid, 0.6412, 4.0e-05),
        (LOGISTIC_WEIGHTS, torch.relu, 0.5, 0.0),
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
    assert list(nodes) == ["x", "w1", "z1", "a1", "w2", "z2", "a2", "w3", "z3", "y"]
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
        return chain(2.0, (w1, *LOGISTIC_WEIGHTS[1:]), torch.tanh)["y"].item()

    step = 1e-3
    difference = (output(1.2 + step) - output(1.2 - step)) / (2 * step)
    gradient = product(chain_factors(2.0, LOGISTIC_WEIGHTS, torch.tanh))
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
    assert list(chain_factors(2, [1])) == ["dy/dz1", "dz1/dw1"]


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
    factors = chain_factors(2.0, LOGISTIC_WEIGHTS)
    names = list(factors)
    assert names[:3] == ["dy/dz5", "dz5/da4", "da4/dz4"]
    assert names[-4:] == ["da2/dz2", "dz2/da1", "da1/dz1", "dz1/dw1"]
    partial = math.prod(factors[name].item() for name in names[-4:])
    nodes = chain(2.0, LOGISTIC_WEIGHTS)
    (expected,) = torch.autograd.grad(nodes["a2"], nodes["w1"])
    assert partial == pytest.approx(expected.item())
    assert partial == pytest.approx(0.0038, abs=5e-5)


def test_slope_bound_needs_five_slopes_and_the_weights():
    weights = torch.tensor(LOGISTIC_WEIGHTS, dtype=torch.float64)
    bound = 0.25**5 * 2 * weights[1:].prod().abs().item()
    assert bound == pytest.approx(1.17e-4, abs=5e-7)
    for seed in range(50):
        weights = 8 * torch.randn(5, generator=seeded(seed), dtype=torch.float64)
        gradient = abs(product(chain_factors(2.0, weights)))
        assert gradient <= 0.25**5 * 2 * weights[1:].prod().abs().item()
    assert abs(product(chain_factors(2.0, (-0.5, -5.0, -5.0, -5.0, -5.0)))) > 100 * 0.25**5 * 2


def test_dead_relu_chain_is_cut_at_the_fourth_slope():
    factors = chain_factors(2.0, LOGISTIC_WEIGHTS, torch.relu)
    assert [name for name, factor in factors.items() if factor == 0] == ["da4/dz4"]
    nodes = chain(2.0, LOGISTIC_WEIGHTS, torch.relu)
    nodes["y"].backward()
    assert all(nodes[f"w{k}"].grad == 0 for k in range(1, 6))


def test_relu_slope_at_zero_is_zero():
    assert chain_factors(0.0, (1.0, 1.0), torch.relu)["da1/dz1"] == 0


# --- initialisation and networks ----------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [lambda: nn.Linear(7, 5), lambda: nn.Conv2d(4, 6, 3, groups=2), lambda: nn.Conv1d(2, 3, 5)],
)
def test_default_scheme_draws_the_weights_as_the_layer_does_itself(make):
    torch.manual_seed(3)
    own = make()
    ours = init_weights_(make(), "default", generator=seeded(3))
    torch.testing.assert_close(ours.weight, own.weight, rtol=0, atol=0)
    assert ours.bias.abs().max() == 0


@pytest.mark.parametrize(("scheme", "variances"), [("xavier", 3), ("kaiming", 6)])
def test_schemes_differ_in_the_spread_of_the_weights_alone(scheme, variances):
    nets = [mlp(5, init=name, generator=seeded()) for name in ("default", scheme)]
    middle, other = (net[4].weight.detach() for net in nets)
    torch.testing.assert_close(other, math.sqrt(variances) * middle)
    assert all(net[4].bias.abs().max() == 0 for net in nets)


@pytest.mark.parametrize(
    ("scheme", "init"),
    [("xavier", nn.init.xavier_uniform_), ("kaiming", nn.init.kaiming_uniform_)],
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


# --- what the lesson claims ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "init", "factor"),
    [
        (nn.Sigmoid, "default", 0.14),
        (nn.Sigmoid, "xavier", 0.25),
        (nn.Sigmoid, "kaiming", 0.35),
        (nn.Tanh, "default", 0.58),
        (nn.Tanh, "xavier", 1.0),
        (nn.Tanh, "kaiming", 1.07),  # not the predicted 1.41: tanh saturates
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


def train(net, optimizer, num_steps=60):
    inputs, labels = batch(128)
    for _ in range(num_steps):
        loss = F.cross_entropy(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize(
    ("options", "learns"),
    [
        ({}, False),
        ({"init": "xavier"}, True),
        ({"norm": nn.LayerNorm}, True),
        ({"skip": True}, True),
    ],
)
def test_each_cure_trains_tanh_where_sgd_alone_does_not(options, learns):
    net = mlp(20, generator=seeded(), **options)
    loss = train(net, torch.optim.SGD(net.parameters(), lr=0.05))
    assert (loss < 0.6) == learns
    assert loss < 0.7


@pytest.mark.parametrize("init", ["default", "xavier", "kaiming"])
def test_adam_mends_tanh_and_not_the_logistic(init):
    for activation, learns in ((nn.Tanh, True), (nn.Sigmoid, False)):
        net = mlp(20, activation=activation, init=init, generator=seeded())
        loss = train(net, torch.optim.Adam(net.parameters(), lr=1e-3), num_steps=100)
        assert (loss < 0.6) == learns, (activation, loss)


def test_batch_norm_saves_the_logistic_and_layer_norm_does_not():
    ends = []
    for norm in (nn.BatchNorm1d, nn.LayerNorm):
        net = mlp(20, activation=nn.Sigmoid, norm=norm, generator=seeded())
        ends.append(train(net, torch.optim.Adam(net.parameters(), lr=1e-3)))
    assert ends[0] < 0.5
    assert ends[1] > 0.66  # the loss of guessing, for these labels
