"""Plots of layers: a quantity as a line, runs with their range, histograms."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from nnlab_course.plots.layers import plot_gradient_norms, plot_layer_histograms, plot_seeds
from nnlab_course.training.watch import LayerStats


def test_plot_gradient_norms_draws_the_layers_that_have_the_quantity():
    stats = {
        "0": LayerStats("Linear", output_grad_norm=1e-3),
        "1": LayerStats("Tanh", output_mean=0.5),
        "2": LayerStats("Linear", output_grad_norm=1e-1),
    }
    ax = plot_gradient_norms(stats, label="net", linestyle="--")
    (line,) = ax.lines
    assert list(line.get_xdata()) == [1, 2]
    assert list(line.get_ydata()) == [1e-3, 1e-1]
    assert (line.get_label(), line.get_linestyle()) == ("net", "--")
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "layer, from the input",
        "‖δ‖, gradient of the outputs",
    )
    assert plot_gradient_norms(stats, quantity="output_mean", ax=ax).get_ylabel() == "output mean"
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("values", [(0.0, 1e-3, 0.0), (0.0, 0.0)])
def test_plot_gradient_norms_marks_zeros_on_the_lower_edge(values):
    stats = {str(k): LayerStats("Linear", output_grad_norm=value) for k, value in enumerate(values)}
    ax = plot_gradient_norms(stats)
    crosses = ax.lines[1]
    assert crosses.get_marker() == "x"
    assert [k - 1 for k in crosses.get_xdata()] == [
        k for k, value in enumerate(values) if not value
    ]
    ax.figure.canvas.draw()


@pytest.mark.parametrize("stats", [{}, {"0": LayerStats("Linear")}])
def test_plot_gradient_norms_needs_a_value(stats):
    with pytest.raises(ValueError, match="no layer has a finite output_grad_norm; run backward"):
        plot_gradient_norms(stats)
    assert plt.get_fignums() == []


def test_plot_seeds_draws_the_median_and_shades_the_range():
    _, ax = plt.subplots()
    assert plot_seeds([[1.0, 5.0], [2.0, 4.0], [9.0, 6.0]], ax=ax, label="net") is ax
    (line,), (band,) = ax.lines, ax.collections
    assert list(line.get_xdata()) == [1, 2]
    assert list(line.get_ydata()) == [2, 5]
    corners = band.get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == (1, 9)
    assert line.get_label() == "net"


def test_histograms_share_their_bins_and_add_up_to_one():
    _, axs = plt.subplots(1, 2)
    values = {
        1: torch.tensor([[0.1, 0.1], [0.9, -math.inf]]),
        5: torch.zeros(3, requires_grad=True),
    }
    plot_layer_histograms(values, axs=axs, bins=np.linspace(-1, 1, 5))
    assert [ax.get_title() for ax in axs] == ["layer 1", "layer 5"]
    heights = [[bar.get_height() for bar in ax.patches] for ax in axs]
    assert heights[0] == [0.25, 0, 0.5, 0.25]
    assert sum(heights[1]) == pytest.approx(1)
