"""What `watch_gradients` measures, of which modules, and that no hook stays behind."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nnlab_course.gradients import Residual, mlp
from nnlab_course.training.watch import watch_gradients


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(size=64, dtype=torch.float32):
    inputs = torch.randn(size, 2, generator=seeded(), dtype=dtype)
    return inputs, (inputs.norm(dim=1) > 1.2).long()


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
