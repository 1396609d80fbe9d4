"""Images and the feature maps that a network makes of them, side by side"""

# A plain module, edited here.

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from nnlab_course.plots.images import plot_images, plot_maps


def plot_feature_maps(
    images: Tensor,  # (N, C, H, W), one or three channels
    maps: Tensor,  # (N, K, H', W'), signed
    *,
    num_cols: int = 8,  # Maps in a row
) -> Figure:
    """Show each image with its feature maps beside it, numbered from 1, on one scale for all."""
    num_rows = -(-maps.shape[1] // num_cols)
    limit = maps.abs().max().item()
    columns = min(num_cols, maps.shape[1])
    figure, axs = plt.subplots(
        len(images),
        2,
        figsize=(8.5, len(images) * (7.5 * num_rows / (columns + num_rows) + 0.1)),
        width_ratios=(num_rows, columns),
        squeeze=False,
        layout="constrained",
    )
    plot_images(images, axs=axs[:, 0])
    for ax, row in zip(axs[:, 1], maps, strict=True):
        plot_maps(row, num_cols=num_cols, limit=limit, ax=ax, colorbar=False, numbered=True)
    figure.colorbar(axs[0, 1].images[0], ax=axs, shrink=0.6, label="before the activation")
    return figure
