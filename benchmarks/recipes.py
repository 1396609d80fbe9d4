"""The training recipes whose accuracy the course states, each in one place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from nnlab_course.cifar10 import ConvNet
from nnlab_course.data import Dataset
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit


@dataclass(frozen=True)
class Recipe:
    """How to train, and what accuracy on the test set the course says that gives."""

    part: str  # Of the benchmark that checks it
    data: str  # "mnist" or "cifar10", the real ones
    build: Callable[[], nn.Module]
    accuracy: float  # Stated in the lessons, as a fraction
    tolerance: float  # Each of three seeds lies this close to it
    options: dict = field(default_factory=dict)  # Of fit
    normalise: bool = False  # Channels to mean 0 and standard deviation 1

    def run(self, dataset: Dataset, seed: int) -> float:
        """Train on the full training set; return the accuracy on the test set."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self.build()
        options = dict(self.options)
        if self.normalise:
            options["transform"] = dataset.normalize
        generator = torch.Generator().manual_seed(seed)
        fit(model, dataset.train, generator=generator, on_epoch=lambda history: None, **options)
        transform = {k: v for k, v in options.items() if k == "transform"}
        return evaluate(model, dataset.test, **transform).accuracy


NOTES = {"num_epochs": 3, "batch_size": 64, "lr": 5e-4}
FAST = {"batch_size": 128, "lr": 4e-3, "schedule": "one_cycle"}
colour_lenet = partial(LeNet, input_size=32, in_channels=3)
fast_lenet = partial(colour_lenet, activation=nn.ReLU, pool=nn.MaxPool2d)

RECIPES = {
    "MNIST, the notes' recipe": Recipe("notes-mnist", "mnist", LeNet, 0.974, 0.004, NOTES),
    "CIFAR-10, the notes' recipe": Recipe(
        "notes-cifar10", "cifar10", colour_lenet, 0.50, 0.02, NOTES, normalise=True
    ),
    "CIFAR-10, LeNet, 3 epochs": Recipe(
        "lenet-3", "cifar10", fast_lenet, 0.605, 0.025, FAST | {"num_epochs": 3}, normalise=True
    ),
    "CIFAR-10, LeNet, 8 epochs": Recipe(
        "lenet-8", "cifar10", fast_lenet, 0.65, 0.02, FAST | {"num_epochs": 8}, normalise=True
    ),
    "CIFAR-10, ConvNet, 3 epochs": Recipe(
        "convnet-3",
        "cifar10",
        ConvNet,
        0.75,
        0.02,
        FAST | {"num_epochs": 3, "lr": 1e-2},
        normalise=True,
    ),
}
