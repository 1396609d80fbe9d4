"""Draw recorded runs: every seed, so that the spread is seen"""

# A plain module, edited here.

from collections.abc import Mapping, Sequence
from statistics import mean

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from nnlab_course.records.experiments import Record


def plot_runs(
    groups: Mapping[str, Mapping[str, Sequence[float]]],  # Series, name, an accuracy for each seed
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the accuracy of every run as a point, and the mean of each name as a line.

    The names stand one below the other, the first one on top; each series has a marker of its own.
    """
    names = list(dict.fromkeys(name for series in groups.values() for name in series))
    if ax is None:
        height = 0.9 + 0.42 * len(names)
        _, ax = plt.subplots(figsize=(6.5, height), layout="constrained")
    for number, (label, series) in enumerate(groups.items()):
        offset = 0.3 * (number - (len(groups) - 1) / 2)
        places = {name: names.index(name) + offset for name in series}
        color = f"C{number}"
        for index, (name, values) in enumerate(series.items()):
            heights = [places[name]] * len(values)
            own = label if index == 0 else None
            ax.plot(values, heights, "os^D"[number], color=color, ms=5, alpha=0.8, label=own)
            ax.plot([mean(values)] * 2, [places[name] - 0.14, places[name] + 0.14], color=color)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set(xlabel="validation accuracy, three seeds; the line is their mean")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="x", alpha=0.3)
    if len(groups) > 1:
        ax.legend()
    return ax


def plot_accuracies(
    record: Record,
    names: Sequence[str],  # Of the runs to draw
    *,
    axs: Sequence[Axes] | None = None,  # One for each name
) -> Sequence[Axes]:
    """Draw training and validation accuracy against epochs, a panel a name, a line a seed."""
    if axs is None:
        size = (4.4 * len(names), 3.4)
        _, axs = plt.subplots(1, len(names), figsize=size, sharey=True, layout="constrained")
    for ax, name in zip(axs, names, strict=True):
        for part, color, style in (("training", "C0", "--"), ("validation", "C1", "-")):
            for number, run in enumerate(record.runs[name]):
                label = f"{part} images" if number == 0 else None
                ax.plot(run[part], style, color=color, lw=1.3, alpha=0.8, label=label)
        ax.set(title=name, xlabel="epoch")
        ax.yaxis.set_major_formatter(PercentFormatter(1))
        ax.grid(alpha=0.3)
    axs[0].set(ylabel="accuracy", ylim=(0, 1.02))
    axs[0].legend(loc="lower right")
    return axs


def plot_losses(
    record: Record,
    names: Mapping[str, str],  # Of the runs to draw, and what to call them
    *,
    steps: int = 10,  # Over how many steps each loss is a mean
    ax: Axes | None = None,
) -> Axes:
    """Draw the training loss against steps, a line a seed."""
    if ax is None:
        _, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    for number, (name, label) in enumerate(names.items()):
        style = ("-", "--", ":", "-.")[number % 4]
        for index, run in enumerate(record.runs[name]):
            where = [steps * (i + 0.5) for i in range(len(run["losses"]))]
            own = label if index == 0 else None
            ax.plot(where, run["losses"], style, color=f"C{number}", lw=1.2, label=own)
    ax.set(xlabel="step", ylabel=f"training loss (nats), mean of {steps} steps")
    ax.legend()
    return ax
