"""LeNet: sizes, parameters, and what it shows of itself."""

import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn

from nnlab_course.lenet import LeNet, count_features, feature_maps, layer_table, plot_feature_maps


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "features", "parameters"),
    [
        ({}, 256, 44_426),
        ({"input_size": 32, "in_channels": 3}, 400, 62_006),
        ({"input_size": 32}, 400, 61_706),
        ({"input_size": 16}, 16, 15_626),
        ({"activation": nn.ReLU, "pool": nn.MaxPool2d}, 256, 44_426),
    ],
)
def test_sizes(arguments, features, parameters):
    model = LeNet(**arguments)
    size, channels = arguments.get("input_size", 28), arguments.get("in_channels", 1)
    assert model(torch.zeros(2, channels, size, size)).shape == (2, 10)
    assert model.classifier[0].in_features == features == count_features(size)
    assert num_parameters(model) == parameters


@pytest.mark.parametrize("input_size", range(16, 40))
def test_every_size_fits(input_size):
    assert LeNet(input_size)(torch.zeros(1, 1, input_size, input_size)).shape == (1, 10)


@pytest.mark.parametrize("input_size", [-1, 0, 12, 15])
def test_refuses_images_too_small(input_size):
    with pytest.raises(ValueError, match=f"input_size is {input_size}; use 16 pixels or more"):
        LeNet(input_size)


def test_returns_logits_not_log_probabilities():
    torch.manual_seed(0)
    logits = LeNet()(torch.rand(5, 1, 28, 28))
    assert (logits > 0).any()
    assert not torch.allclose(logits.exp().sum(1), torch.ones(5), atol=0.1)


def test_equals_the_network_of_the_notes_written_out():
    torch.manual_seed(0)
    model = LeNet()
    c1, c2 = model.features[0], model.features[3]
    l1, l2, l3 = (model.classifier[i] for i in (0, 2, 4))
    x = torch.rand(3, 1, 28, 28, requires_grad=True)
    pool = torch.nn.functional.avg_pool2d
    hidden = pool(c2(pool(c1(x).tanh(), 2)).tanh(), 2).reshape(3, -1)
    expected = l3(l2(l1(hidden).tanh()).tanh())
    torch.testing.assert_close(model(x), expected)
    (ours,) = torch.autograd.grad(model(x).sum(), x)
    (theirs,) = torch.autograd.grad(expected.sum(), x)
    torch.testing.assert_close(ours, theirs)


class TestLayerTable:
    def test_lists_layers_in_order_with_shapes_and_parameters(self):
        table = layer_table(LeNet(), (1, 28, 28))
        shapes = [row.output_shape for row in table]
        assert shapes[:3] == [(6, 24, 24), (6, 24, 24), (6, 12, 12)]
        assert shapes[5:8] == [(16, 4, 4), (256,), (120,)]
        assert sum(row.num_parameters for row in table) == 44_426
        assert table[0].layer == "Conv2d"
        assert "6 × 24 × 24" in str(table[0])
        assert "156" in str(table[0])

    def test_leaves_no_hook_and_keeps_the_mode(self):
        model = LeNet().train()
        layer_table(model, (1, 28, 28))
        assert model.training
        assert not any(module._forward_hooks for module in model.modules())

    def test_leaves_no_hook_after_an_error(self):
        model = LeNet().train()
        with pytest.raises(RuntimeError):
            layer_table(model, (3, 28, 28))
        assert model.training
        assert not any(module._forward_hooks for module in model.modules())


class TestFeatureMaps:
    @pytest.mark.parametrize(
        ("depth", "shape"),
        [(1, (2, 6, 24, 24)), (2, (2, 6, 24, 24)), (4, (2, 16, 8, 8)), (6, (2, 16, 4, 4))],
    )
    def test_shapes(self, depth, shape):
        maps = feature_maps(LeNet(), torch.rand(2, 1, 28, 28), depth)
        assert maps.shape == shape
        assert not maps.requires_grad

    def test_the_first_depth_is_the_convolution_before_the_activation(self):
        model, images = LeNet(), torch.rand(2, 1, 28, 28)
        assert torch.equal(feature_maps(model, images, 1), model.features[0](images))

    @pytest.mark.parametrize("depth", [-1, 0, 7])
    def test_refuses_a_depth_that_is_not_there(self, depth):
        with pytest.raises(ValueError, match=f"depth is {depth}; use 1 to 6"):
            feature_maps(LeNet(), torch.rand(2, 1, 28, 28), depth)

    def test_plot_shares_one_scale(self):
        images = torch.rand(3, 1, 28, 28)
        figure = plot_feature_maps(images, feature_maps(LeNet(), images, 4))
        limits = {ax.images[0].get_clim() for ax in figure.axes[1:6:2]}
        assert len(limits) == 1
        (low, high) = limits.pop()
        assert low == -high
        assert plt.get_fignums() == [figure.number]


def test_maps_of_the_lesson_can_be_flattened_by_view():
    """Maps of a network in channels-last memory couldn't."""
    features = LeNet().features(torch.rand(2, 1, 28, 28))
    assert features.view(features.size(0), -1).shape == (2, 256)
