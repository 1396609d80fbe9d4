"""Parameters, multiply-adds, receptive field and memory of a network."""

import pytest
import torch
from torch import nn

from nnlab_course.cifar10 import ConvNet, lenet_variant
from nnlab_course.lenet import LeNet
from nnlab_course.training import measure_cost, receptive_field

CONVOLUTIONS = 28**2 * 6 * 75 + 10**2 * 16 * 150
LINEAR = 400 * 120 + 120 * 84 + 84 * 10


@pytest.mark.parametrize("network", [LeNet(32, 3), lenet_variant()], ids=["LeNet", "variant"])
def test_the_cost_of_lenet(network):
    cost = measure_cost(network, (3, 32, 32))
    assert cost.parameters == 62_006
    assert cost.multiply_adds == CONVOLUTIONS + LINEAR
    assert cost.receptive_field == 16


def test_the_cost_of_the_convnet():
    cost = measure_cost(ConvNet(), (3, 32, 32))
    assert (cost.parameters, cost.receptive_field) == (68_194, 22)
    assert round(cost.multiply_adds / 1e6, 2) == 5.99


def test_memory_is_what_the_backward_pass_needs_without_the_parameters():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2))
    cost = measure_cost(network, (3, 2, 2))
    assert cost.memory == 4 * (12 + 5)  # the input of each linear layer; ReLU's is the same
    assert cost.multiply_adds == 12 * 5 + 5 * 2
    assert cost.receptive_field == 1


def test_measuring_leaves_the_mode_and_the_weights_alone():
    network = ConvNet().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measure_cost(network, (3, 32, 32))
    assert network.training
    assert all(torch.equal(before[name], v) for name, v in network.state_dict().items())


@pytest.mark.parametrize(
    ("layers", "side"),
    [
        ([], 1),
        ([nn.Conv2d(1, 1, 5)], 5),
        ([nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)], 5),
        ([nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3)], 8),
        ([nn.Conv2d(1, 1, 3, stride=2), nn.AvgPool2d(3, 1)], 7),
    ],
)
def test_the_receptive_field(layers, side):
    assert receptive_field(nn.Sequential(*layers)) == side
