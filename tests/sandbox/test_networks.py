"""Networks that live in a student's process are judged like those of the lesson."""

import pytest
from walls import bubblewrap_starts

from nnlab_course.checks import cifar10, lenet
from nnlab_course.sandbox.host import Sandbox
from nnlab_course.sandbox.limits import Limits
from nnlab_course.sandbox.submission import Submission

CELL = """
import torch
from torch import nn
from nnlab_course.lenet import LeNet

def right():
    return LeNet(activation=nn.ReLU, pool=nn.MaxPool2d)

def zeroed():
    network = LeNet(activation=nn.ReLU)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network

class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = right()

    def forward(self, images):
        return torch.eye(10)[torch.arange(len(images)) % 10]

gelu = lambda: LeNet(activation=nn.GELU, pool=nn.MaxPool2d)
shipped, pair = LeNet(), (right(), None)
better = LeNet(32, 3, activation=nn.ReLU, pool=nn.MaxPool2d)

def my_shift(images, num_pixels):
    images[:] = images.roll(num_pixels, 3)
    images[..., :num_pixels] = 0
    return images
"""


@pytest.fixture(scope="module")
def submission():
    if not bubblewrap_starts():
        pytest.skip("needs bubblewrap and user namespaces (apt install bubblewrap)")
    limits = Limits(seconds=20.0, clock=60.0, memory=2**31)
    checks = [f"nnlab_course.checks{lesson}" for lesson in ("", ".lenet", ".cifar10")]
    with Sandbox(limits, checks=checks) as sandbox:
        yield Submission(sandbox, [CELL])


@pytest.mark.parametrize(
    ("exercise", "name", "mistake"),
    [
        (lenet.relu_lenet, "right", None),
        (lenet.relu_lenet, "zeroed", "average-pooling"),
        (lenet.relu_lenet, "gelu", "other-activation"),
        (lenet.relu_lenet, "Table", "depends-on-batch"),
        (lenet.trained_lenet, "shipped", "unchanged"),
        (lenet.trained_lenet, "right", "untrained"),
        (lenet.trained_lenet, "pair", "not-a-network"),
        (cifar10.trained_network, "better", "network-of-the-course"),
    ],
)
def test_networks_of_lessons_4_and_5(submission, exercise, name, mistake):
    result = exercise.redrawn(3).judge(*submission.answers([name]))
    assert (result.mistake, bool(result)) == (mistake, mistake is None), result


def test_a_change_in_place_is_seen_where_it_happens(submission):
    result = lenet.shifted_digits.judge(*submission.answers(["my_shift"]))
    assert "your function changes the tensor that it is given" in result.message
