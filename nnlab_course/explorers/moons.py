"""A network that learns two moons while one watches"""

# A plain module, edited here.

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.activations import two_moons
from nnlab_course.explorers.base import Explorer
from nnlab_course.plots.regions import plot_decision_regions

__all__ = ["MoonsTrainer"]

_BENDS = {"none": nn.Identity, "tanh": nn.Tanh, "relu": nn.ReLU}
_STEPS = 300


class MoonsTrainer(Explorer):
    """Lesson 1's network, which learns the two moons with an activation function or without.

    In the browser JavaScript trains it, step by step; the still picture shows the end of the same
    training by torch, from weights of torch's own.

    **Raises:** `ValueError` for an activation that isn't "none", "tanh" or "relu", or a seed that
    isn't a whole number from 0 to 999.
    """

    name = "moons"
    title = "The two moons, and the regions that a network gives to the two classes"
    figsize = (5.6, 3.8)

    def __init__(
        self,
        activation: str = "tanh",  # After the first two layers: "none", "tanh" or "relu"
        seed: int = 0,  # Of the weights to begin with
    ):
        _check(activation, seed)
        super().__init__(activation=activation, seed=seed)
        points, self.labels = two_moons(200, generator=torch.Generator().manual_seed(0))
        self.points = points.mul(1000).round().div(1000)  # as many digits as `data` holds

    def set(self, **changes: Any) -> None:
        """Change the activation or the seed, as `Explorer.set` does."""
        _check(
            **{name: value for name, value in (self.state | changes).items() if name in self.state}
        )
        super().set(**changes)

    @torch.enable_grad()
    def train(self) -> nn.Module:
        """Train from new weights: 300 steps of Adam, each on all points."""
        bend = _BENDS[self.state["activation"]]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.state["seed"])
            first, second, last = nn.Linear(2, 16), nn.Linear(16, 16), nn.Linear(16, 2)
        model = nn.Sequential(first, bend(), second, bend(), last)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            self.loss(model).backward()
            optimizer.step()
        return model

    def loss(self, model: nn.Module) -> Tensor:
        """Return the mean cross-entropy on the points, a tensor of no dimension."""
        return F.cross_entropy(model(self.points), self.labels)

    def draw(self, figure: Figure) -> None:
        figure.set_layout_engine("constrained")
        ax = plot_decision_regions(self.train(), self.points, self.labels, ax=figure.subplots())
        ax.set_title(f"{self.state['activation']}, after {_STEPS} steps")

    @torch.no_grad()
    def describe(self) -> str:
        model = self.train()
        right = (model(self.points).argmax(1) == self.labels).double().mean()
        return (
            f"{self.state['activation']}, after {_STEPS} steps: loss {self.loss(model):.4f}, "
            f"{right:.1%} of the points right."
        )

    def data(self) -> dict[str, Any]:
        """Write the points and their classes in one line each."""
        points = " ".join(f"{x:.3f}" for x in self.points.flatten().tolist())
        labels = "".join(map(str, self.labels.tolist()))
        return {**super().data(), "points": points, "labels": labels, "steps": _STEPS}


def _check(activation: str, seed: int) -> None:
    if activation not in _BENDS:
        raise ValueError(f"activation is {activation!r}; give one of {', '.join(_BENDS)}")
    if type(seed) is not int or not 0 <= seed <= 999:
        raise ValueError(f"seed is {seed!r}; give a whole number from 0 to 999")
