"""Pictures are shown on an absolute scale, maps on one centred on zero."""

import pytest
import torch
from matplotlib import pyplot as plt

from nnlab_course.plots.images import plot_classes, plot_images, plot_maps


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dtype", "highest"), [(torch.uint8, 255), (torch.float32, 1)])
def test_images(channels, dtype, highest):
    images = torch.ones(5, channels, 4, 6).mul(highest / 2).to(dtype)
    axs = plot_images(images, titles=range(5), num_cols=3)
    assert len(axs) == 5
    assert axs[4].get_title() == "4"
    assert axs[0].images[0].get_clim() == (0, highest)
    assert len(axs[0].figure.axes) == 6
    assert not any(ax.axison for ax in axs[0].figure.axes)


def test_images_on_given_axes_make_no_figure():
    _, axs = plt.subplots(1, 2)
    plot_images(torch.rand(2, 1, 4, 4), axs=axs)
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (0, 1, 4, 4), (2, 2, 4, 4)])
def test_images_of_a_wrong_shape(shape):
    with pytest.raises(ValueError, match="use \\(N, C, H, W\\)"):
        plot_images(torch.rand(shape))


def test_images_with_a_title_missing():
    with pytest.raises(ValueError, match="2 images have 1 titles"):
        plot_images(torch.rand(2, 1, 4, 4), titles=["one"])


def test_maps_are_centred_on_zero_and_tiled():
    maps = torch.tensor([[[-2.0, 0.0], [1.0, 0.5]], [[0.0, 0.0], [0.0, 0.25]]])
    ax = plot_maps(maps)
    image = ax.images[0]
    assert image.get_clim() == (-2, 2)
    tiles = image.get_array().filled(0)
    assert tiles.shape == (4, 7)
    assert torch.equal(torch.tensor(tiles[1:3, 1:3]), maps[0])
    assert torch.equal(torch.tensor(tiles[1:3, 4:6]), maps[1])


def test_maps_of_zeros_and_a_given_limit():
    assert plot_maps(torch.zeros(3, 2, 2)).images[0].get_clim() == (-1, 1)
    assert plot_maps(torch.ones(3, 2, 2), limit=5).images[0].get_clim() == (-5, 5)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (1, 1, 4, 4)])
def test_maps_of_a_wrong_shape(shape):
    with pytest.raises(ValueError, match="use \\(N, H, W\\)"):
        plot_maps(torch.rand(shape))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_few_of_each_class_on_one_sheet(channels):
    images = torch.arange(5, dtype=torch.uint8).mul(10).view(5, 1, 1, 1).expand(5, channels, 4, 4)
    ax = plot_classes(images, torch.tensor([1, 0, 1, 1, 1]), ["a", "$b"], num_cols=3)
    sheet = ax.images[0].get_array().reshape(8, 12, channels)
    assert sheet[::4, ::4, 0].tolist() == [[10, 255, 255], [0, 20, 30]]  # empty places are white
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "$b"]
    ax.figure.canvas.draw()  # a $ is no formula


def test_a_sheet_of_many_classes_can_be_drawn():
    images, labels = torch.zeros(256, 3, 2, 2, dtype=torch.uint8), torch.arange(256)
    ax = plot_classes(images, labels, [str(i) for i in range(256)])
    assert ax.figure.get_size_inches()[1] == 100


def test_maps_are_numbered_from_one_in_their_corners():
    ax = plot_maps(torch.rand(5, 2, 2), num_cols=3, numbered=True)
    numbers = [(text.get_text(), text.get_position()) for text in ax.texts]
    assert numbers == [("1", (1, 1)), ("2", (4, 1)), ("3", (7, 1)), ("4", (1, 4)), ("5", (4, 4))]
    assert not plot_maps(torch.rand(5, 2, 2)).texts
