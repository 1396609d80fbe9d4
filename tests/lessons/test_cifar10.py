"""Augmentation, the convolutional network, the bars of the classes."""

import pytest
import torch
from matplotlib import pyplot as plt

from nnlab_course.cifar10 import ConvNet, augment, plot_class_accuracy


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class TestAugment:
    @pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
    @pytest.mark.parametrize("shape", [(6, 3, 32, 32), (2, 1, 8, 12), (1, 3, 9, 7)])
    def test_keeps_shape_and_dtype(self, shape, dtype):
        images = torch.rand(shape).mul(255).to(dtype)
        draw = augment(images, generator=seeded())
        assert draw.shape == shape
        assert draw.dtype == dtype

    def test_is_a_shift_and_perhaps_a_mirror_of_the_padded_image(self):
        images = torch.randint(0, 256, (40, 3, 12, 10), dtype=torch.uint8, generator=seeded())
        padded = torch.nn.functional.pad(images, [2] * 4, mode="reflect")
        found = set()
        for image, draw in zip(
            padded, augment(images, max_shift=2, generator=seeded()), strict=True
        ):
            for down in range(5):
                for right in range(5):
                    window = image[:, down : down + 12, right : right + 10]
                    found |= {("plain", down, right)} if torch.equal(draw, window) else set()
                    found |= (
                        {("mirror", down, right)} if torch.equal(draw, window.flip(2)) else set()
                    )
        assert len(found) > 20
        assert {kind for kind, *_ in found} == {"plain", "mirror"}

    def test_finds_every_image(self):
        images = torch.arange(50, dtype=torch.uint8).reshape(50, 1, 1, 1).expand(50, 1, 6, 6)
        assert torch.equal(augment(images, max_shift=3, generator=seeded()), images)

    def test_mirrors_about_half(self):
        ramp = torch.arange(8, dtype=torch.uint8).expand(1000, 1, 8, 8)
        mirrored = augment(ramp, max_shift=0, generator=seeded())[:, 0, 0, 0] == 7
        assert 0.45 < mirrored.float().mean() < 0.55

    def test_generator_decides(self):
        images = torch.rand(8, 3, 16, 16)
        assert torch.equal(
            augment(images, generator=seeded(1)), augment(images, generator=seeded(1))
        )
        assert not torch.equal(
            augment(images, generator=seeded(1)), augment(images, generator=seeded(2))
        )

    def test_empty_batch(self):
        assert augment(torch.zeros(0, 3, 8, 8)).shape == (0, 3, 8, 8)

    @pytest.mark.parametrize("max_shift", [-1, 8, 20])
    def test_refuses_a_shift_out_of_range(self, max_shift):
        with pytest.raises(ValueError, match=f"max_shift is {max_shift}; use 0 to 7 pixels"):
            augment(torch.zeros(1, 3, 8, 9), max_shift=max_shift)


class TestConvNet:
    @pytest.mark.parametrize("norm", [True, False])
    @pytest.mark.parametrize(
        ("size", "channels"), [(32, (24, 48, 96)), (28, (8, 16)), (8, (4, 4, 4))]
    )
    def test_shapes(self, size, channels, norm):
        model = ConvNet(size, in_channels=1, num_classes=7, channels=channels, norm=norm)
        assert model(torch.rand(2, 1, size, size)).shape == (2, 7)

    def test_has_as_many_parameters_as_the_lesson_says(self):
        assert sum(p.numel() for p in ConvNet().parameters()) == 68_194

    def test_refuses_more_halvings_than_pixels(self):
        with pytest.raises(ValueError, match="halve 4 pixels to nothing; use 8 pixels or more"):
            ConvNet(4)


def test_class_accuracy_is_the_diagonal_over_the_rows():
    matrix = torch.tensor([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    ax = plot_class_accuracy(matrix, ("cat", "dog", "eel"))
    widths = sorted(bar.get_width() for bar in ax.patches)
    assert widths == pytest.approx([0, 0.8, 0.9])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["eel", "cat", "dog"]
    assert len(plt.get_fignums()) == 1
