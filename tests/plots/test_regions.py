"""Decision regions: the right way round, on the given axes, and other shapes refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from nnlab_course.plots.regions import plot_decision_regions


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_plot_decision_regions(dtype):
    points = torch.tensor([[0, 0], [2, 0], [0, 1], [2, 1]], dtype=dtype)
    labels = torch.tensor([0, 1, 0, 1])
    seen = []

    def model(grid):
        seen.append(grid)
        assert not torch.is_grad_enabled()
        return torch.stack([1 - grid[:, 0], grid[:, 0] - 1], dim=1)

    ax = plot_decision_regions(model, points, labels, resolution=31)
    (grid,) = seen
    assert grid.shape == (31 * 31, 2)
    assert grid.dtype == dtype
    assert grid.amin(dim=0).tolist() == [-0.5, -0.5]
    assert grid.amax(dim=0).tolist() == [2.5, 1.5]
    assert ax.get_legend_handles_labels()[1] == ["class 0", "class 1"]
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    ax.figure.canvas.draw()


def colour_at(ax, point):
    ax.figure.canvas.draw()
    image = np.asarray(ax.figure.canvas.buffer_rgba())
    column, row = ax.transData.transform(point)
    return image[image.shape[0] - int(row), int(column)].tolist()


def test_regions_are_the_right_way_round():
    points = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])

    def model(grid):  # class 1 right of x1 = 1, whatever x2
        return torch.stack([1 - grid[:, 0], grid[:, 0] - 1], dim=1)

    ax = plot_decision_regions(model, points, torch.tensor([0, 1, 0, 1]))
    ax.get_legend().remove()
    left_below, left_above = colour_at(ax, (0.3, 0.3)), colour_at(ax, (0.3, 1.7))
    right_below, right_above = colour_at(ax, (1.7, 0.3)), colour_at(ax, (1.7, 1.7))
    assert left_below == left_above
    assert right_below == right_above
    assert left_below != right_below


def test_regions_of_three_classes_on_given_axes():
    _, ax = plt.subplots()
    points = torch.eye(3)[:, :2] * 2
    model = nn.Linear(2, 3)
    assert plot_decision_regions(model, points, torch.arange(3), ax=ax) is ax
    assert model.weight.grad is None
    assert len(ax.get_legend_handles_labels()[1]) == 3
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (torch.zeros(4, 3), torch.zeros(4), r"\(4, 3\); pass \(N, 2\)"),
        (torch.zeros(4), torch.zeros(4), r"pass \(N, 2\)"),
        (torch.zeros(0, 2), torch.zeros(0), r"pass \(N, 2\) with N > 0"),
        (torch.zeros(4, 2), torch.zeros(3), r"\(3,\); pass \(4,\), one for each point"),
        (torch.zeros(4, 2), torch.zeros(4, 1), r"pass \(4,\), one for each point"),
    ],
)
def test_plot_decision_regions_refuses_other_shapes(points, labels, message):
    with pytest.raises(ValueError, match=message):
        plot_decision_regions(nn.Linear(2, 2), points, labels)
    assert plt.get_fignums() == []
