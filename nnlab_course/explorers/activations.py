"""Choose an activation function and an input; read the value and the slope"""

# A plain module, edited here.

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from nnlab_course.activations import ACTIVATIONS, plot_activation, value_and_derivative
from nnlab_course.explorers.base import Explorer

__all__ = ["PARAMETERS", "ActivationExplorer", "plot_saturation", "saturated_stretches"]


def saturated_stretches(
    function: Callable[[Tensor], Tensor],  # An elementwise function
    x: Tensor,  # Inputs in rising order, (N,), floating
    *,
    threshold: float = 0.01,  # A slope below this counts as none, unitless
) -> list[tuple[float, float]]:  # The first and the last input of each stretch, from left to right
    """Find the stretches of `x`, of shape `(N,)`, where the slope's size is below `threshold`."""
    _, slope = value_and_derivative(function, x)
    ends = torch.tensor([False])
    inside = torch.cat([ends, slope.abs().cpu() < threshold, ends]).int().diff()
    first, last = (inside == 1).nonzero().flatten(), (inside == -1).nonzero().flatten() - 1
    return list(zip(x[first].tolist(), x[last].tolist(), strict=True))


def plot_saturation(
    function: Callable[[Tensor], Tensor],  # An elementwise function
    *,
    x: Tensor | None = None,  # Inputs in rising order, (N,); by default 1601 points from -8 to 8
    threshold: float = 0.01,  # A slope below this counts as none, unitless
    ax: Axes,  # Where to draw
) -> Axes:
    """Draw an activation function and its slope over `x`, `(N,)`, and shade where it saturates."""
    x = torch.linspace(-8, 8, 1601) if x is None else x
    plot_activation(function, x=x, ax=ax)
    label = f"saturated: |f'(x)| < {threshold}"
    for first, last in saturated_stretches(function, x, threshold=threshold):
        ax.axvspan(first, last, color="0.5", alpha=0.3, label=label)
        label = "_"  # named once
    ax.legend()
    return ax


PARAMETERS = {  # Function: its parameter, the value in the lesson, the smallest and the largest
    "elu": ("alpha", 1.0, 0.1, 4.0),
    "celu": ("alpha", 1.0, 0.1, 4.0),
    "leaky_relu": ("negative_slope", 0.1, 0.0, 1.0),
    "softplus": ("beta", 1.0, 0.1, 4.0),
}


def _usual(function: str) -> float | None:
    return PARAMETERS[function][1] if function in PARAMETERS else None


def _check(function: str, parameter: float | None, x: float) -> None:
    """Refuse a state that can't be drawn."""
    if function not in ACTIVATIONS:
        raise ValueError(
            f"no function is called {function!r}; give one of {', '.join(ACTIVATIONS)}"
        )
    if function in PARAMETERS:
        name, _, low, high = PARAMETERS[function]
        if not low <= parameter <= high:
            raise ValueError(f"{name} of {function} is {parameter}; give {low} to {high}")
    elif parameter is not None:
        raise ValueError(f"{function} has no parameter; leave out parameter={parameter}")
    if not -8 <= x <= 8:
        raise ValueError(f"x is {x}; give -8 to 8, the inputs that the picture shows")


def _number(number: float) -> str:
    """Write four decimals, or a power of ten where they would hide the number."""
    return f"{number:.1e}" if 0 < abs(number) < 5e-4 else f"{number + 0.0:.4f}"


def _end(x: float) -> str:
    """Write one decimal of an input of the grid, whose steps are 0.01."""
    return f"{round(round(x, 2), 1) + 0.0:.1f}"


class ActivationExplorer(Explorer):
    """An activation function, its slope, and the tangent at an input that can be moved.

    **Raises:** `ValueError` for a function that isn't among `ACTIVATIONS`, a parameter that the
    function doesn't have or that is out of its range, and an input outside of -8 to 8.
    """

    title = "An activation function, its slope, its tangent at x, and where it is saturated"
    name = "activations"
    figsize = (7.5, 3.2)

    def __init__(
        self,
        function: str = "tanh",  # A name of `ACTIVATIONS`
        parameter: float | None = None,  # Of `PARAMETERS`; by default, the usual one
        x: float = 1.0,  # Where the tangent touches, -8 to 8
    ):
        parameter = _usual(function) if parameter is None else parameter
        _check(function, parameter, x)
        super().__init__(function=function, parameter=parameter, x=x)

    def set(self, **changes) -> None:
        """Change the state; a new function comes with its usual parameter."""
        new = self.state | changes
        if new["function"] != self.state["function"] and "parameter" not in changes:
            changes["parameter"] = new["parameter"] = _usual(new["function"])
        _check(*(new[name] for name in self.state))
        super().set(**changes)

    def chosen(self) -> Callable[[Tensor], Tensor]:
        """Return the function, with its parameter."""
        name, parameter = self.state["function"], self.state["parameter"]
        given = {} if parameter is None else {PARAMETERS[name][0]: parameter}
        return partial(ACTIVATIONS[name], **given)

    def point(self) -> tuple[float, float, float]:  # x, f(x) and f'(x), computed in float64
        """Return where the tangent touches, and its slope."""
        x = round(self.state["x"], 6)  # what a slider calls 0 may be 1e-16
        value, slope = value_and_derivative(self.chosen(), torch.tensor(x, dtype=torch.float64))
        return x, value.item(), slope.item()

    def heading(self) -> str:
        """Return the function's name, with its parameter."""
        name, parameter = self.state["function"], self.state["parameter"]
        return name if parameter is None else f"{name}, {PARAMETERS[name][0]} = {parameter:.2f}"

    def draw(self, figure: Figure) -> None:
        """Draw the function, its slope, the saturated stretches and the tangent."""
        ax, (x, value, slope) = figure.add_axes((0.06, 0.15, 0.63, 0.74)), self.point()
        plot_saturation(self.chosen(), ax=ax)
        ax.axline((x, value), slope=slope, color="0.3", linestyle="dashdot", label="tangent")
        square = {"markerfacecolor": "white", "markersize": 9}  # room for the dot in it
        ax.plot(x, slope, "s", color="#0072B2", **square, label="slope at x")
        ax.plot(x, value, "o", color="black", markersize=5, label="value at x")
        ax.set(xlim=(-8, 8), title=self.heading())
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    def describe(self) -> str:
        """Say the value, the slope, and where the function is saturated."""
        x, value, slope = self.point()
        here = "saturated" if abs(slope) < 0.01 else "not saturated"
        stretches = saturated_stretches(self.chosen(), torch.linspace(-8, 8, 1601))
        places = " and ".join(f"from {_end(first)} to {_end(last)}" for first, last in stretches)
        return (
            f"{self.heading()}, at x = {x:.2f}: f(x) = {_number(value)}, f'(x) = {_number(slope)}, "
            f"{here}. Between -8 and 8 it is saturated {places or 'nowhere'}."
        )

    def data(self) -> dict[str, Any]:
        """Name the functions, and their parameters with their ranges."""
        return {
            **super().data(),
            "functions": list(ACTIVATIONS),
            "parameters": PARAMETERS,
            "threshold": 0.01,
        }
