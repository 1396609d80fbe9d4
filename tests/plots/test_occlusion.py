"""Maps of what a prediction depends on."""

import torch
from matplotlib import pyplot as plt

from nnlab_course.plots.occlusion import plot_occlusion


def test_each_map_stands_below_its_image_on_one_scale():
    images, falls = torch.rand(7, 3, 8, 8), torch.linspace(-0.2, 0.6, 7 * 9).reshape(7, 3, 3)
    axs = plot_occlusion(images, falls, [f"class {i}" for i in range(7)])
    assert axs.shape == (4, 5)
    assert axs[2, 1].get_title() == "class 6"
    shown = axs[3, 1].images[0]
    torch.testing.assert_close(torch.as_tensor(shown.get_array()), falls[6])
    assert (round(shown.norm.vmin, 6), round(shown.norm.vmax, 6)) == (-0.6, 0.6)
    assert not axs[2, 2].images
    assert len(plt.get_fignums()) == 1


def test_two_grey_images():
    axs = plot_occlusion(torch.rand(2, 1, 8, 8), torch.zeros(2, 3, 3), ["heron", "kingfisher"])
    assert axs.shape == (2, 2)
