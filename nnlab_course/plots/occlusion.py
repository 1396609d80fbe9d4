"""Draw which parts of an image a prediction depends on"""

# A plain module, edited here.

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from torch import Tensor

from nnlab_course.plots.images import plot_images


def plot_occlusion(
    images: Tensor,  # (N, C, H, W) with one or three channels; uint8 0-255 or floating 0-1
    falls: Tensor,  # (N, h, w): fall of a probability for each place of the square
    titles: Sequence[object],  # One above each image
    *,
    num_cols: int = 5,  # Images in a row
) -> np.ndarray:  # Axes, (2 × rows, num_cols): a row of images above the row of their maps
    """Show images, and below each the map of how far covering a place lowers the probability.

    All maps have one colour scale, centred on zero.
    """
    num_rows, num_cols = math.ceil(len(images) / num_cols), min(num_cols, len(images))
    size = (1.45 * num_cols + 1.2, 2.9 * num_rows)
    figure, axs = plt.subplots(
        2 * num_rows, num_cols, figsize=size, squeeze=False, layout="constrained"
    )
    above, below = axs[0::2].ravel(), axs[1::2].ravel()
    plot_images(images, titles=titles, axs=above)
    limit = max(falls.abs().max().item(), 1e-6)
    for ax in below:
        ax.set_axis_off()
    for ax, fall in zip(below, falls, strict=False):
        shown = ax.imshow(fall.detach().numpy(), cmap="PuOr_r", vmin=-limit, vmax=limit)
    label = "fall of the true class's probability"
    figure.colorbar(shown, ax=axs, shrink=0.6, label=label)
    return axs
