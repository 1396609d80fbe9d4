"""Draw several training runs beside one another"""

# A plain module, edited here.

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from nnlab_course.training.history import History


def plot_histories(
    histories: Mapping[str, History],  # By name; each with validation losses and accuracies
    *,
    axs: np.ndarray | None = None,  # Two axes; a new figure if None
) -> np.ndarray:  # The two axes
    """Draw validation loss and validation accuracy of each history against epochs."""
    if axs is None:
        _, axs = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for (name, history), style in zip(histories.items(), ("o--", "s-", "^:", "D-."), strict=False):
        rows = [row for row in history.epochs if row.valid is not None]
        epochs = [row.epoch for row in rows]
        axs[0].plot(epochs, [row.valid.loss for row in rows], style, label=name)
        axs[1].plot(epochs, [row.valid.accuracy for row in rows], style, label=name)
    axs[0].set(xlabel="epoch", ylabel="validation loss (nats)", ylim=(0, None))
    axs[1].set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1))
    axs[1].yaxis.set_major_formatter(PercentFormatter(1))
    axs[0].legend()
    return axs
