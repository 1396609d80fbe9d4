"""The gradient δ of each layer's outputs, by depth, activation, start and weight scale"""

# A plain module, edited here.

import base64
import math
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.explorers.base import Explorer
from nnlab_course.gradients import init_weights_, mlp
from nnlab_course.plots.layers import plot_gradient_norms
from nnlab_course.training.watch import LayerStats, watch_gradients

__all__ = [
    "MLP_ACTIVATIONS",
    "GradientExplorer",
    "gradient_bounds",
    "measure_mlp",
    "plot_gradients_and_bounds",
]


# Name: the layer, and the largest size its slope can have.
MLP_ACTIVATIONS: dict[str, tuple[type[nn.Module], float]] = {
    "sigmoid": (nn.Sigmoid, 0.25),
    "tanh": (nn.Tanh, 1.0),
    "relu": (nn.ReLU, 1.0),
    "leaky_relu": (nn.LeakyReLU, 1.0),
    "elu": (nn.ELU, 1.0),
    "gelu": (nn.GELU, (1 + math.erf(1)) / 2 + math.exp(-1) / math.sqrt(math.pi)),
}


# What the picture and the list call what PyTorch names otherwise.
_LABELS = {"sigmoid": "logistic", "xavier": "Xavier", "kaiming": "He"}


@torch.no_grad()
def gradient_bounds(
    net: nn.Sequential,  # Linear layers and activations in turn, as `mlp` without norm and skip
    output_grad_norm: float,  # ‖δ‖ at the last layer
    largest_slope: float,  # Of the activation, in size
) -> list[float]:  # For every linear layer, the one nearest the input first
    """Bound ‖δ‖, the norm of the gradient of the outputs, for every linear layer."""
    weights = [layer.weight for layer in net if isinstance(layer, nn.Linear)]
    bounds = [output_grad_norm]
    for weight in reversed(weights[1:]):
        stretch = torch.linalg.matrix_norm(weight, ord=2).item()
        bounds.insert(0, largest_slope * stretch * bounds[0])
    return bounds


_DEPTHS, _GAINS, _SCHEMES = (2, 50), (0.1, 10.0), ("default", "xavier", "kaiming")


def _points() -> tuple[Tensor, Tensor]:
    """Draw the points of the lesson, and their classes: far from the centre, or near."""
    inputs = torch.randn(256, 2, generator=torch.Generator().manual_seed(0))
    radius = inputs.norm(dim=1)
    return inputs.double(), (radius > radius.median()).long()


def measure_mlp(
    depth: int = 20,  # Linear layers, of 32 units
    activation: str = "sigmoid",  # A name in `MLP_ACTIVATIONS`
    init: str = "default",  # A scheme of `init_weights_`
    gain: float = 1.0,  # The drawn weights are multiplied by it
) -> tuple[dict[str, LayerStats], list[float]]:  # Of the linear layers: what was seen, the bounds
    """Send the lesson's points through a network and back; measure and bound the gradients."""
    layer, largest_slope = MLP_ACTIVATIONS[activation]
    inputs, labels = _points()
    net = mlp(depth, activation=layer, generator=torch.Generator().manual_seed(0))
    init_weights_(net, init, gain=gain, generator=torch.Generator().manual_seed(0)).double()
    with watch_gradients(net, nn.Linear) as stats:
        F.cross_entropy(net(inputs), labels).backward()
    *_, last = stats.values()
    return stats, gradient_bounds(net, last.output_grad_norm, largest_slope)


_WIDEST = (-30, 20)  # Powers of ten; what lies outside is marked at the edge


def _limits(values: list[float]) -> tuple[int, int]:
    """Choose powers of ten for the axis: multiples of five, so that it seldom moves."""
    powers = [math.log10(value) for value in values if value] or [0.0]
    low, high = 5 * math.floor(min(*powers, -5) / 5), 5 * math.ceil(max(*powers, 0) / 5)
    return max(low, _WIDEST[0]), min(high, _WIDEST[1])


def plot_gradients_and_bounds(
    stats: dict[str, LayerStats],  # Of the linear layers, from `measure_mlp`
    bounds: list[float],  # One for each
    ax: Axes,  # Where to draw
) -> Axes:
    """Draw ‖δ‖ of every layer and its bound, on a logarithmic axis that moves in steps of 1e5."""
    numbers = range(1, len(bounds) + 1)
    norms = [layer.output_grad_norm for layer in stats.values()]
    low, high = _limits(norms)
    ax.plot(numbers, bounds, color="#0072B2", linestyle="dashed", label="bound")
    plot_gradient_norms(stats, ax=ax, color="#D55E00", label="measured")
    below = [n for n, norm in zip(numbers, norms, strict=True) if 0 < norm < 10.0**low]
    above = [n for n, norm in zip(numbers, norms, strict=True) if norm > 10.0**high]
    for outside, edge, label in (
        (below, 0, f"below 1e{low:+03}"),
        (above, 1, f"above 1e{high:+03}"),
    ):
        if outside:
            style = {"color": "#D55E00", "linestyle": "", "marker": "v^"[edge], "clip_on": False}
            across = ax.get_xaxis_transform()
            ax.plot(outside, [edge] * len(outside), transform=across, label=label, **style)
    ax.set(ylim=(10.0**low, 10.0**high), xlim=(0.5, len(bounds) + 0.5))
    # Few labels, and without formulas, which take as long to draw as all the rest.
    step = 5 if high - low <= 25 else 10
    ax.yaxis.set_major_locator(FixedLocator([10.0**p for p in range(low, high + 1, step)]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0e}")
    ax.grid(axis="y", color="0.9")
    ax.legend(loc="lower right")
    return ax


class GradientExplorer(Explorer):
    """‖δ‖, the norm of the gradient of the outputs, in every layer of a deep network; its bound.

    **Raises:** `ValueError` for an unknown activation or scheme, a depth outside 2 to 50, or a
    gain outside 0.1 to 10.
    """

    title = "Norm of δ, the gradient of the outputs, in every layer, logarithmic, and its bound."
    name = "gradients"
    figsize = (6.5, 3.4)

    def __init__(
        self,
        depth: int = 20,  # Linear layers, 2 to 50
        activation: str = "sigmoid",  # A name in `MLP_ACTIVATIONS`
        init: str = "default",  # "default", "xavier" or "kaiming"
        gain: float = 1.0,  # The drawn weights are multiplied by it, 0.1 to 10
    ):
        state = {"depth": depth, "activation": activation, "init": init, "gain": gain}
        _check(**state)
        super().__init__(**state)

    def set(self, **changes: Any) -> None:
        """Change the state, as `Explorer.set` does, unless a value isn't allowed."""
        _check(**changes)
        super().set(**changes)

    def data(self) -> dict[str, Any]:
        """Give the points, their classes, and how far the hidden weights stretch."""
        inputs, labels = _points()
        net = mlp(_DEPTHS[1], generator=torch.Generator().manual_seed(0))
        weights = [layer.weight for layer in net if isinstance(layer, nn.Linear)][1:-1]
        stretches = torch.linalg.matrix_norm(torch.stack(weights).detach().double(), ord=2)
        floats = inputs.T.float().contiguous().numpy().astype("<f4").tobytes()
        return {
            **super().data(),
            "depths": _DEPTHS,
            "gains": _GAINS,
            "points": base64.b64encode(floats).decode(),  # 2 rows
            "labels": "".join(map(str, labels.tolist())),
            "stretches": [round(stretch, 10) for stretch in stretches.tolist()],
            "activations": [(name, _label(name), c) for name, (_, c) in MLP_ACTIVATIONS.items()],
            "schemes": [(name, _label(name)) for name in _SCHEMES],
        }

    def measure(self) -> tuple[dict[str, LayerStats], list[float]]:
        """Return what `measure_mlp` measures of the network that is shown."""
        return measure_mlp(**self.state)

    def draw(self, figure: Figure) -> None:
        ax = plot_gradients_and_bounds(*self.measure(), figure.add_axes((0.13, 0.15, 0.85, 0.75)))
        state = self.state
        ax.set_title(
            f"{state['depth']} layers, {_label(state['activation'])}, "
            f"{_label(state['init'])} start, weights × {_rounded(state['gain'])}"
        )

    def describe(self) -> str:
        stats, bounds = self.measure()
        norms = [layer.output_grad_norm for layer in stats.values()]
        ratio = f"first/last {_short(norms[0] / norms[-1])}" if norms[-1] else "no ratio"
        words = f"Norm of δ: first layer {_short(norms[0])}, last {_short(norms[-1])}; {ratio}."
        if zeros := norms.count(0):
            words += f" Exactly 0 in {zeros} of {len(norms)} layers."
        return f"{words} The bound allows the first layer {_short(bounds[0])}."


def _label(name: str) -> str:
    return _LABELS.get(name, name)


def _rounded(gain: float) -> str:
    return f"{gain:.3g}"


def _short(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _check(**state: Any) -> None:
    """Raise for a value that the explorer can't show."""
    choices = {"activation": tuple(MLP_ACTIVATIONS), "init": _SCHEMES}
    ranges = {"depth": _DEPTHS, "gain": _GAINS}
    for name, value in state.items():
        if name in choices and value not in choices[name]:
            allowed = ", ".join(map(repr, choices[name]))
            raise ValueError(f"{name}={value!r}; choose one of {allowed}")
        if name in ranges:
            low, high = ranges[name]
            kind, types = ("a whole number", int) if name == "depth" else ("a number", int | float)
            if not isinstance(value, types) or not low <= value <= high:
                raise ValueError(f"{name}={value!r}; give {kind} from {low:g} to {high:g}")
