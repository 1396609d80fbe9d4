"""A student's network is built and seen."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nnlab_course.exercises import (
    AnswerError,
    NotAnswered,
    build_network,
    is_unanswered,
)


class Small(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 2))


@pytest.mark.parametrize(
    "answer", [Small, lambda: Small(), Small()], ids=["class", "function", "module"]
)
def test_networks_are_built_and_seen(answer):
    random_state = torch.random.get_rng_state()
    net = build_network(answer, seed=3)
    assert torch.equal(random_state, torch.random.get_rng_state())
    layers = net.layers()
    assert [layer.kind for layer in layers] == ["Linear", "BatchNorm1d", "Dropout", "Linear"]
    assert layers[0].shapes == {"weight": (3, 2), "bias": (3,)}
    assert layers[0].options["in_features"] == 2
    assert layers[2].options["p"] == 0.5
    assert net.num_parameters() == 9 + 6 + 8
    inputs = torch.randn(8, 2)
    assert torch.equal(net.outputs(inputs), net.outputs(inputs))  # no dropout
    assert net.outputs(inputs).dtype == torch.float32


@pytest.mark.parametrize("inplace", [False, True])
def test_gradients_of_outputs_predict_what_nudges_do(inplace):
    net = build_network(
        lambda: nn.Sequential(
            *(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(inplace), nn.Dropout(0.5)),
            *(nn.Linear(8, 8), nn.ReLU(inplace), nn.Linear(8, 2)),
        )
    )
    state = net.state()
    inputs, labels = torch.randn(16, 2), torch.arange(16) % 2
    gradients = net.output_gradients(inputs, labels)
    assert list(gradients) == ["0", "4", "6"]
    nudges = {name: torch.randn_like(gradient) for name, gradient in gradients.items()}

    def loss(step):
        outputs, _ = net.trace(inputs, {name: step * nudge for name, nudge in nudges.items()})
        return F.cross_entropy(outputs, labels).item()

    slope = sum((nudges[name] * gradient).sum().item() for name, gradient in gradients.items())
    assert (loss(1e-7) - loss(-1e-7)) / 2e-7 == pytest.approx(slope, rel=1e-4)
    torch.testing.assert_close(net.state(), state, rtol=0, atol=0)


def test_a_trace_lists_the_linear_layers_that_are_used_in_their_order():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.unused, self.first = (nn.Linear(2, 2) for _ in range(3))

        def forward(self, x):
            return self.last(torch.tanh(self.first(x)))

    net, inputs = build_network(Crossed), torch.randn(4, 2)
    outputs, seen = net.trace(inputs)
    assert list(seen) == ["first", "last"]
    torch.testing.assert_close(seen["first"], inputs.double())
    torch.testing.assert_close(outputs.float(), net.outputs(inputs))


def test_a_trace_in_evaluation_mode_leaves_dropout_out():
    net = build_network(lambda: nn.Sequential(nn.Dropout(0.9), nn.Linear(8, 2)))
    inputs = torch.rand(4, 8)
    _, seen = net.trace(inputs, training=False)
    torch.testing.assert_close(seen["1"], inputs.double())
    assert not torch.equal(net.trace(inputs)[1]["1"], inputs.double())


def test_lazy_layers_get_their_shapes_from_the_first_inputs():
    net = build_network(lambda: nn.Sequential(nn.LazyLinear(3), nn.Tanh(), nn.LazyLinear(2)))
    assert net.layers()[0].shapes == {"weight": (), "bias": ()}
    assert (net.state(), net.num_parameters()) == ({}, 0)
    assert net.outputs(torch.zeros(4, 5)).shape == (4, 2)
    assert net.layers()[0].shapes == {"weight": (3, 5), "bias": (3,)}
    assert net.num_parameters() == 18 + 8


def test_the_seed_decides_about_the_weights():
    first, again, other = (build_network(Small, seed=seed).state() for seed in (1, 1, 2))
    assert torch.equal(first["0.weight"], again["0.weight"])
    assert not torch.equal(first["0.weight"], other["0.weight"])


def test_a_stand_in_for_a_network_is_asked_itself():
    class StandIn:
        def build_network(self, seed):
            return f"elsewhere, seed {seed}"

    assert build_network(StandIn(), seed=4) == "elsewhere, seed 4"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: None, NotAnswered),
        (lambda: ..., NotAnswered),
        (lambda: "LeNet", AnswerError),
        ("LeNet", AnswerError),
        (nn.Linear, AnswerError),
    ],
)
def test_what_is_no_network_is_refused(answer, error):
    with pytest.raises(error):
        build_network(answer)


def test_what_a_network_raises_is_reported():
    with pytest.raises(AnswerError, match="your code raised RuntimeError"):
        build_network(Small).outputs(torch.zeros(1, 5))


def test_a_network_computes_with_weights_that_are_sent_and_keeps_its_own():
    module = nn.Linear(2, 1)
    before = [p.clone() for p in module.parameters()]
    sent = {"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([1.0])}
    assert build_network(module).outputs(torch.ones(1, 2), sent).tolist() == [[6.0]]
    assert all(torch.equal(p, b) for p, b in zip(module.parameters(), before, strict=True))


class Returns(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return self.value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "`forward` returns nothing; end it with `return`"),
        (
            (torch.zeros(1, 2), None),
            "the network returns a tuple, not one tensor; return the logits alone",
        ),
        ([0.0], "the network returns a list, not one tensor; return the logits alone"),
    ],
)
def test_a_network_returns_one_tensor(value, message):
    with pytest.raises(AnswerError) as caught:
        build_network(Returns(value)).outputs(torch.zeros(1, 2))
    assert str(caught.value) == message


class History:
    """Has the name of what `fit` returns."""


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (History(), "got a History: `fit` trains a network in place; hand in the network"),
        (lambda: History(), "got a History: `fit` trains a network in place; hand in the network"),
        ((nn.Linear(1, 1), None), "got a tuple: hand in the network alone"),
        (0.97, "expected a network (an `nn.Module`), got a float"),
    ],
)
def test_what_is_handed_in_for_a_network_is_named(answer, message):
    assert not is_unanswered(answer)
    with pytest.raises(AnswerError) as caught:
        build_network(answer)
    assert str(caught.value).endswith(message)
