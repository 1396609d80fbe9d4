"""Learning curves: the loss beside the accuracy, step by step and epoch by epoch"""

# A plain module, edited here.

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

if TYPE_CHECKING:
    from nnlab_course.training.history import History


def plot_curves(history: "History", axs: "tuple[Axes, Axes] | None" = None) -> "tuple[Axes, Axes]":
    """Draw the learning curves of a run; return the axes of the loss and of the accuracy."""
    if axs is None:
        _, axs = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    loss_ax, accuracy_ax = axs
    _plot_steps(history.step_losses, history.steps_per_epoch, loss_ax)
    _plot_steps(history.step_accuracies, history.steps_per_epoch, accuracy_ax)
    judged = [row for row in history.epochs if row.valid]
    for ax, name in ((loss_ax, "loss"), (accuracy_ax, "accuracy")):
        values = [getattr(row.valid, name) for row in judged]
        ax.plot([row.epoch for row in judged], values, "o--", color="C1", label="validation")
        ax.set(xlabel="epoch")
        ax.grid(alpha=0.3)
        ax.legend()
    loss_ax.set(ylabel="cross-entropy (nats)", ylim=(0, None))
    accuracy_ax.set(ylabel="accuracy", ylim=(0, 1))
    accuracy_ax.yaxis.set_major_formatter(PercentFormatter(1))
    return loss_ax, accuracy_ax


def _plot_steps(values: Sequence[float], steps_per_epoch: int, ax: Axes) -> None:
    """Draw each step's value faintly, and a running mean on top of it."""
    epochs = [(step + 1) / steps_per_epoch for step in range(len(values))]
    ax.plot(epochs, values, color="C0", alpha=0.25, linewidth=0.8, label="each step")
    window = max(1, len(values) // 50)
    if window > 1:
        means = _running_mean(values, window)
        ax.plot(epochs[window - 1 :], means, color="C0", label=f"mean of {window} steps")


def _running_mean(values: Iterable[float], window: int) -> list[float]:
    sums = [0.0, *accumulate(values)]
    return [(b - a) / window for a, b in zip(sums, sums[window:], strict=False)]
