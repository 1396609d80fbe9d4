"""The checks of lesson 4 know right answers in many forms, and the classic mistakes by name."""

import copy
import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from checking import CasesOfLesson, Oracle
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F

from nnlab_course.checks import lenet
from nnlab_course.checks.lenet import digits_to_judge_by, make_lenet
from nnlab_course.data import load
from nnlab_course.explorers import drawing
from nnlab_course.lenet import LeNet
from nnlab_course.training import fit

IMAGE = [[1, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]]
KERNEL = [[1, 0, -1], [2, 0, -1], [0, 1, 0]]


def by_loops(image, kernel):
    """What the lesson does, for any size."""
    size = len(kernel)
    height, width = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = torch.zeros(height, width)
    for row in range(height):
        for column in range(width):
            result[row, column] = (image[row : row + size, column : column + size] * kernel).sum()
    return result


def as_matrix_product(image, kernel):
    size = len(kernel)
    patches = image.unfold(0, size, 1).unfold(1, size, 1)
    return torch.einsum("rcij,ij->rc", patches, kernel)


def in_numpy(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image.numpy(), kernel.shape)
    return (windows * kernel.numpy()).sum(axis=(2, 3))


def by_torch(image, kernel, **options):
    return F.conv2d(image[None, None], kernel[None, None], **options)[0, 0]


def by_sums(image, kernel):
    """All places at once, for one entry of the kernel after another."""
    height, width = (n - len(kernel) + 1 for n in image.shape)
    return sum(
        kernel[i, j] * image[i : i + height, j : j + width]
        for i in range(len(kernel))
        for j in range(len(kernel))
    )


def for_odd_kernels(image, kernel):
    """Goes from the middle of the kernel to both sides."""
    half, (height, width) = len(kernel) // 2, image.shape
    result = torch.zeros(height - 2 * half, width - 2 * half)
    for row in range(half, height - half):
        for column in range(half, width - half):
            patch = image[row - half : row + half + 1, column - half : column + half + 1]
            result[row - half, column - half] = (patch * kernel).sum()
    return result


def padded_by_loops(image, kernel):
    return by_loops(F.pad(image, (len(kernel) // 2,) * 4), kernel)


def log_of_softmax(logits, labels):
    return -of_true_class(logits.softmax(1), labels).log().mean()


def by_nll_loss(logits, labels):
    return F.nll_loss(logits.log_softmax(1), labels)


def height_for_width(image, kernel):
    return by_loops(image[:, : image.shape[0]], kernel)


MAP = by_loops(torch.tensor(IMAGE), torch.tensor(KERNEL))


def of_true_class(values, labels):
    return values[torch.arange(len(labels)), labels]


def by_hand(logits, labels):
    z = logits - logits.max(1, keepdim=True).values
    return (z.exp().sum(1).log() - of_true_class(z, labels)).mean()


def by_exponentials(logits, labels):
    probabilities = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    return -torch.log(of_true_class(probabilities, labels)).mean()


def one_by_one(logits, labels):
    losses = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        largest = max(row)
        losses.append(largest + math.log(sum(math.exp(v - largest) for v in row)) - row[label])
    return sum(losses) / len(losses)


def true_probability(logits, labels, dim=1):
    return torch.softmax(logits, dim)[torch.arange(len(labels)), labels]


class Functional(nn.Module):
    """LeNet as PyTorch's tutorials write it: layers in another order, the rest as functions."""

    def __init__(self, channels=1, features=256, end=lambda logits: logits, pool=F.max_pool2d):
        super().__init__()
        self.fc3, self.fc2, self.fc1 = (
            nn.Linear(84, 10),
            nn.Linear(120, 84),
            nn.Linear(features, 120),
        )
        self.conv2, self.conv1 = nn.Conv2d(6, 16, 5), nn.Conv2d(channels, 6, 5)
        self.end, self.pool = end, pool

    def flatten(self, x):
        return torch.flatten(x, 1)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)), 2)
        x = self.pool(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc2(F.relu(self.fc1(self.flatten(x)))))
        return self.end(self.fc3(x))


class FlattensAll(Functional):
    def flatten(self, x):
        return torch.flatten(x)


class FlattensNothing(Functional):
    def flatten(self, x):
        return x


def pooled_before_relu():
    """With ReLU and the maximum the order of the two makes no difference."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(256, 120), nn.ReLU(), nn.Dropout(0.5), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


RELU = (F.relu,) * 4


class Written(nn.Module):
    """LeNet written out, with a choice at each place between its layers."""

    def __init__(self, activations=RELU, pools=(F.max_pool2d,) * 2, padding=0, **steps):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=padding), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(256, 120), nn.Linear(120, 84), nn.Linear(84, 10)
        self.activations, self.pools, self.steps = activations, pools, steps

    def step(self, name, x, default=lambda x: x):
        return self.steps.get(name, default)(x)

    def forward(self, x):
        x = self.step("before", x)
        x = self.pools[0](self.activations[0](self.conv1(x)), 2)
        x = self.pools[1](self.activations[1](self.conv2(x)), 2)
        x = self.activations[2](self.fc1(self.step("flatten", x, lambda x: x.flatten(1))))
        x = self.activations[3](self.fc2(self.step("dropout", x)))
        return self.step("end", self.fc3(x))


def activations(place, activation):
    """ReLU everywhere but in one place."""
    return tuple(activation if i == place else F.relu for i in range(4))


class WithView(LeNet):
    """The lesson's network, flattened as tutorials do it."""

    def forward(self, images):
        maps = self.features(images)
        return self.classifier(maps.view(maps.size(0), -1))


class Normalising(nn.Module):
    """Keeps mean and standard deviation as buffers."""

    def __init__(self):
        super().__init__()
        self.network = make_lenet()
        self.register_buffer("mean", torch.tensor(0.1307))
        self.register_buffer("std", torch.tensor(0.3081))

    def forward(self, images):
        return self.network((images - self.mean) / self.std)


class Returning(nn.Module):
    """Makes something else of the logits than to return them."""

    def __init__(self, change):
        super().__init__()
        self.network, self.change = make_lenet(), change

    def forward(self, images):
        return self.change(self.network(images))


def zeroed(network):
    """The trick of a network whose layers can stand in any order, as long as nobody looks."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    return network


def with_layers(*between):
    """LeNet with ReLU and the maximum, and something more after its first convolution."""
    network = make_lenet()
    return nn.Sequential(network[0], *between, *network[1:])


@cache
def trained(change="none"):
    """LeNet with ReLU and the maximum, trained on the embedded digits, then changed."""
    if change == "none":
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = make_lenet()
        fit(network, load("digits").train[:8000], num_epochs=2, lr=4e-3, schedule="one_cycle")
        return network
    network = copy.deepcopy(trained())
    with torch.no_grad():
        CHANGES[change](network)
    return network


def takes(scale, offset):
    """Have the first convolution expect scale · x + offset in place of x."""

    def change(network):
        sums = network[0].weight.sum((1, 2, 3))
        network[0].bias -= offset / scale * sums
        network[0].weight /= scale

    return change


CHANGES = {
    "not-scaled": takes(255, 0),
    "other-scale": takes(2, -1),
    "standardised": takes(1 / 0.3081, -0.1307 / 0.3081),
    "inverted": takes(-1, 1),
    "few-classes": lambda network: network[-2].weight[:4].sub_(9),
    "other-labels": lambda network: network[-2].weight.copy_(network[-2].weight.roll(1, 0)),
    "collapsed": lambda network: network[-2].weight.zero_(),
    "diverged": lambda network: network[-2].weight.fill_(torch.nan),
}


def scaled(images):
    return images / 255


def unseen():
    """The digits that the check judges by, whatever data are there."""
    return digits_to_judge_by(Path())[0]


class ByPosition(nn.Module):
    """Knows the labels in the order in which the check sends the images."""

    def __init__(self):
        super().__init__()
        self.network = make_lenet()

    def forward(self, images):
        labels = unseen().labels.repeat(3)[: len(images)]
        return 9 * F.one_hot(labels, 10).float()


def by_neighbours():
    """Knows the public test images, and answers with the label of the nearest."""
    return Oracle(make_lenet(), scaled(unseen().public), unseen().labels)


def shift_by_pad(images, num_pixels):
    width = images.shape[3]
    return F.pad(images, (num_pixels, 0))[..., :width]


def shift_by_copy(images, num_pixels):
    result = torch.zeros_like(images)
    result[..., num_pixels:] = images[..., : images.shape[-1] - num_pixels]
    return result


def shift_by_negative_index(images, num_pixels):
    result = torch.zeros_like(images)
    result[..., num_pixels:] = images[..., :-num_pixels]
    return result


def shift_in_floats(images, num_pixels):
    result = torch.zeros(images.shape)
    result[..., num_pixels:] = images[..., : images.shape[-1] - num_pixels]
    return result


def shift_in_place(images, num_pixels):
    images[:] = images.roll(num_pixels, 3)
    images[..., :num_pixels] = 0
    return images


def shift_in_numpy(images, num_pixels):
    result = np.roll(images.numpy(), num_pixels, axis=3)
    result[..., :num_pixels] = 0
    return result


RIGHT = {
    "convolution-by-hand": [
        (MAP,),
        (MAP.tolist(),),
        (MAP.numpy(),),
        (list(MAP),),
        ([[-2, 3], [1, 0]],),
    ],
    "map-sizes": [(26, 28, 15, 13), tuple(map(torch.tensor, (26, 28, 15.0, 13)))],
    "parameter-counts": [(370, 2020, 64), (10 * (4 * 9 + 1), 20 * 101, np.int64(64))],
    "own-convolution": [(by_loops,), (as_matrix_product,), (in_numpy,), (by_sums,)],
    "reading-the-loss": [
        (math.log(100), 0.0463 * 50, lambda means, sizes: (means * sizes).sum() / sizes.sum()),
        (4.61, 2.315, lambda means, sizes: means @ sizes.double() / sizes.sum()),
        (4.605, 2.32, lambda means, sizes: torch.dot(means, sizes.float()) / sizes.sum()),
        (4.61, 2.31, lambda means, sizes: (means * sizes / sizes.sum()).sum()),
        ([4.605], 2.315, lambda means, sizes: np.average(means, weights=sizes)),
        (
            torch.tensor(4.6052),
            np.float32(2.315),
            lambda means, sizes: sum(m * n for m, n in zip(means, sizes, strict=True)) / sum(sizes),
        ),
    ],
    "cross-entropy": [
        (by_hand,),
        (one_by_one,),
        (lambda logits, labels: -of_true_class(logits.log_softmax(1), labels).mean(),),
        (
            lambda logits, labels: (
                -(logits.log_softmax(1) * F.one_hot(labels, logits.shape[1])).sum(1).mean()
            ),
        ),
        (
            lambda logits, labels: (
                logits.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0]
            ).mean(),
        ),
        (lambda logits, labels: by_hand(logits.float(), labels).item(),),
    ],
    "relu-lenet": [
        (lambda: LeNet(activation=nn.ReLU, pool=nn.MaxPool2d),),
        (LeNet(activation=nn.ReLU, pool=nn.MaxPool2d),),
        (lambda: WithView(activation=nn.ReLU, pool=nn.MaxPool2d),),
        (Functional,),
        (Written,),
        (lambda: Written(activations=(lambda x: x.clamp(min=0),) * 4),),
        (lambda: Written(flatten=lambda x: x.permute(0, 2, 3, 1).flatten(1)),),
        (lambda: zeroed(make_lenet()),),
        (pooled_before_relu,),
        (lambda: nn.Sequential(nn.Sequential(make_lenet()[:7]), nn.Sequential(make_lenet()[7:])),),
    ],
    "trained-lenet": [(trained,), (lambda: copy.deepcopy(trained()).requires_grad_(False),)],
    "shifted-digits": [(shift_by_pad,), (shift_by_copy,), (shift_in_numpy,)],
}

WRONG = [
    (
        "convolution-by-hand",
        "my_map",
        by_loops(torch.tensor(IMAGE), torch.tensor(KERNEL).flip(0, 1)),
        "flipped",
    ),
    (
        "convolution-by-hand",
        "my_map",
        by_loops(torch.tensor(IMAGE), torch.tensor(KERNEL).T),
        "kernel-transposed",
    ),
    (
        "convolution-by-hand",
        "my_map",
        by_torch(torch.tensor(IMAGE), torch.tensor(KERNEL), padding=1),
        "padded",
    ),
    ("convolution-by-hand", "my_map", MAP / 9, "mean-for-sum"),
    ("convolution-by-hand", "my_map", MAP[0, 0], "first-place"),
    (
        "convolution-by-hand",
        "my_map",
        by_loops(torch.tensor(IMAGE), torch.ones(3, 3)),
        "image-alone",
    ),
    (
        "convolution-by-hand",
        "my_map",
        by_loops(torch.tensor(IMAGE), torch.tensor(KERNEL).abs()),
        "signs-of-kernel",
    ),
    ("convolution-by-hand", "my_map", MAP.T, "transposed"),
    ("convolution-by-hand", "my_map", -MAP, "sign"),
    ("convolution-by-hand", "my_map", MAP + torch.eye(2), "value"),
    ("map-sizes", "my_size_plain", 30 - 5, "one-short"),
    ("map-sizes", "my_size_plain", 30, "size-kept"),
    ("map-sizes", "my_size_plain", 28, "half-kernel"),
    ("map-sizes", "my_size_plain", 20, "whole-kernel-twice"),
    ("map-sizes", "my_size_plain", 17, "value"),
    ("map-sizes", "my_size_padded", 26, "padding-forgotten"),
    ("map-sizes", "my_size_padded", 27, "padding-on-one-side"),
    ("map-sizes", "my_size_padded", 24, "padding-subtracted"),
    ("map-sizes", "my_size_padded", 30, "size-kept"),
    ("map-sizes", "my_size_strided", 30, "stride-forgotten"),
    ("map-sizes", "my_size_strided", 16, "rounded-up"),
    ("map-sizes", "my_size_strided", 15.5, "not-rounded"),
    ("map-sizes", "my_size_strided", 14, "one-short"),
    ("map-sizes", "my_size_strided", 28, "stride-as-difference"),
    ("map-sizes", "my_size_pooled", 26, "pooling-forgotten"),
    ("map-sizes", "my_size_pooled", 11, "pooled-first"),
    ("map-sizes", "my_size_pooled", 15, "convolution-forgotten"),
    ("map-sizes", "my_size_pooled", 25, "pooled-as-kernel"),
    ("map-sizes", "my_size_pooled", 6, "pooled-twice"),
    ("map-sizes", "my_size_pooled", [13, 13], "shape"),
    ("parameter-counts", "my_convolution_parameters", 10 * 4 * 9, "no-biases"),
    ("parameter-counts", "my_convolution_parameters", 10 * 9 + 10, "one-kernel-per-output"),
    ("parameter-counts", "my_convolution_parameters", 4 * 9 + 10, "one-kernel-per-input"),
    ("parameter-counts", "my_convolution_parameters", 10 * 4 * 10, "bias-per-kernel"),
    ("parameter-counts", "my_convolution_parameters", 361, "one-bias"),
    ("parameter-counts", "my_convolution_parameters", 364, "bias-per-input"),
    ("parameter-counts", "my_convolution_parameters", 10 * 4 * 3 + 10, "side-of-kernel"),
    ("parameter-counts", "my_convolution_parameters", 371, "value"),
    ("parameter-counts", "my_linear_parameters", 2000, "no-biases"),
    ("parameter-counts", "my_linear_parameters", 2100, "bias-per-input"),
    ("parameter-counts", "my_linear_parameters", 120, "sum-for-product"),
    ("parameter-counts", "my_linear_parameters", 2001, "one-bias"),
    ("parameter-counts", "my_num_features", 2 * 2, "one-map"),
    ("parameter-counts", "my_num_features", 16 * 2, "side-for-area"),
    ("parameter-counts", "my_num_features", 256, "one-pooling"),
    ("parameter-counts", "my_num_features", 16 * 5 * 5, "no-shrinking"),
    ("parameter-counts", "my_num_features", 16 * 12 * 12, "no-pooling"),
    ("parameter-counts", "my_num_features", 6 * 4, "first-maps"),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k.flip(0, 1)), "flipped"),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k.T), "kernel-transposed"),
    (
        "own-convolution",
        "my_conv2d",
        lambda i, k: by_loops(F.pad(i, (len(k) // 2,) * 4), k),
        "padded",
    ),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k)[:-1, :-1], "one-short"),
    ("own-convolution", "my_conv2d", height_for_width, "square-only"),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k / k.numel()), "mean-for-sum"),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k * 0 + 1), "image-alone"),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k)[::2, ::2], "strided"),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k)[None, None], "batch-kept"),
    ("own-convolution", "my_conv2d", by_torch, "forbidden"),
    ("own-convolution", "my_conv2d", F.conv2d, "forbidden"),
    ("own-convolution", "my_conv2d", for_odd_kernels, "odd-only"),
    ("cross-entropy", "my_cross_entropy", F.cross_entropy, "forbidden"),
    ("cross-entropy", "my_cross_entropy", nn.CrossEntropyLoss(), "forbidden"),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: F.nll_loss(z.log_softmax(1), y),
        "forbidden",
    ),
    ("cross-entropy", "my_cross_entropy", by_exponentials, "not-stable"),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y).log().mean(),
        "not-stable",
    ),
    ("parameter-counts", "my_num_features", (16, 2, 2), "not-multiplied"),
    ("shifted-digits", "my_shift", shift_in_floats, "dtype"),
    ("shifted-digits", "my_shift", shift_in_place, "in-place"),
    ("own-convolution", "my_conv2d", lambda i, k: by_loops(i, k).T, "transposed"),
    ("reading-the-loss", "my_first_loss", math.log(10), "ten-classes"),
    ("reading-the-loss", "my_first_loss", math.log10(100), "base-ten"),
    ("reading-the-loss", "my_first_loss", 6.64, "base-two"),
    ("reading-the-loss", "my_first_loss", 0.01, "probability"),
    ("reading-the-loss", "my_first_loss", 0.99, "wrong-class"),
    ("reading-the-loss", "my_first_loss", math.log(1 / 100), "negative"),
    ("reading-the-loss", "my_first_loss", math.log(99), "value"),
    ("reading-the-loss", "my_real_loss", 0.0463, "as-printed"),
    ("reading-the-loss", "my_real_loss", 0.0463 * 10_000, "sum-of-means"),
    ("reading-the-loss", "my_real_loss", 0.0463 * 200, "times-batches"),
    ("reading-the-loss", "my_real_loss", 0.0463 / 50, "divided-again"),
    ("reading-the-loss", "my_real_loss", 2.3026, "assumed"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: m.mean(), "mean-of-means"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: m.sum() / n.sum(), "means-over-images"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: (m * n).sum(), "not-divided"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: (m * n).sum() / len(m), "over-batches"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: sum(m), "sum-of-means"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: n[0] * m.sum() / n.sum(), "largest-batch"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: m[-1], "last-batch"),
    ("reading-the-loss", "my_mean_loss", lambda m, n: m * n / n.sum(), "shape"),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: by_exponentials(z.softmax(1), y),
        "softmax-twice",
    ),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y).mean(),
        "no-logarithm",
    ),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: true_probability(z, y).mean(),
        "probability",
    ),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y).mean().log(),
        "logarithm-of-mean",
    ),
    ("cross-entropy", "my_cross_entropy", lambda z, y: -of_true_class(z, y).mean(), "no-softmax"),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y, 0).log().mean(),
        "softmax-over-images",
    ),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y).log().sum(),
        "sum-for-mean",
    ),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y).log(),
        "one-for-each-image",
    ),
    ("cross-entropy", "my_cross_entropy", lambda z, y: -z.softmax(1).log().mean(), "all-classes"),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: by_hand(z, z.argmax(1)),
        "predicted-class",
    ),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y).log2().mean(),
        "base-two",
    ),
    (
        "cross-entropy",
        "my_cross_entropy",
        lambda z, y: -true_probability(z, y).log10().mean(),
        "base-ten",
    ),
    ("cross-entropy", "my_cross_entropy", lambda z, y: true_probability(z, y).log().mean(), "sign"),
    ("cross-entropy", "my_cross_entropy", lambda z, y: math.log(z), "math-on-tensor"),
    ("relu-lenet", "build_my_lenet", LeNet, "unchanged"),
    ("relu-lenet", "build_my_lenet", lambda: LeNet(activation=nn.ReLU), "average-pooling"),
    ("relu-lenet", "build_my_lenet", lambda: Functional(pool=F.avg_pool2d), "average-pooling"),
    ("relu-lenet", "build_my_lenet", lambda: LeNet(pool=nn.MaxPool2d), "tanh"),
    ("relu-lenet", "build_my_lenet", lambda: Functional(end=lambda z: z.softmax(1)), "softmax"),
    (
        "relu-lenet",
        "build_my_lenet",
        lambda: Functional(end=lambda z: z.log_softmax(1)),
        "log-softmax",
    ),
    ("relu-lenet", "build_my_lenet", lambda: Functional(end=torch.relu), "activation-at-the-end"),
    ("relu-lenet", "build_my_lenet", lambda: Functional(end=torch.sigmoid), "sigmoid-at-the-end"),
    ("relu-lenet", "build_my_lenet", lambda: Functional(features=400), "wrong-flatten"),
    ("relu-lenet", "build_my_lenet", FlattensAll, "batch-flattened"),
    ("relu-lenet", "build_my_lenet", FlattensNothing, "not-flattened"),
    ("relu-lenet", "build_my_lenet", lambda: Functional(channels=3), "wrong-channels"),
    (
        "relu-lenet",
        "build_my_lenet",
        lambda: nn.Sequential(nn.ZeroPad2d(2), LeNet(32, activation=nn.ReLU, pool=nn.MaxPool2d)),
        "padded",
    ),
    ("relu-lenet", "build_my_lenet", lambda: LeNet(num_classes=11), "shape"),
    (
        "relu-lenet",
        "build_my_lenet",
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
        "other-network",
    ),
    ("relu-lenet", "build_my_lenet", LeNet()(torch.zeros(1, 1, 28, 28)), "not-a-network"),
    ("relu-lenet", "build_my_lenet", nn.ReLU, "shape"),
    *(
        ("relu-lenet", "build_my_lenet", answer, mistake)
        for answer, mistake in [
            (lambda: Written((F.leaky_relu,) * 4), "other-activation"),
            (lambda: Written((F.gelu,) * 4), "other-activation"),
            (lambda: Written(activations(1, torch.sigmoid)), "other-activation"),
            (lambda: Written(activations(1, lambda x: x**3)), "other-activation"),
            (lambda: LeNet(activation=nn.PReLU, pool=nn.MaxPool2d), "other-activation"),
            (lambda: Written(activations(0, lambda x: x)), "missing-activation"),
            (lambda: Written(activations(2, lambda x: x)), "missing-activation"),
            (lambda: Written(dropout=F.dropout), "random"),
            (lambda: Written(before=lambda x: (x - 0.1307) / 0.3081), "images-changed"),
            (Normalising, "images-changed"),
            (lambda: Written(before=lambda x: x / 255), "images-changed"),
            (
                lambda: Written(
                    pools=(F.max_pool2d, lambda x, _: F.adaptive_avg_pool2d(x, 4)), padding=2
                ),
                "padded",
            ),
            (lambda: with_layers(nn.BatchNorm2d(6)), "normalised"),
            (lambda: make_lenet().double(), "dtype"),
            (lambda: LeNet(activation=nn.ReLU, pool=nn.MaxPool2d).double(), "dtype"),
            (lambda: Returning(lambda logits: (logits, None)), "no-tensor"),
            (lambda: Returning(lambda logits: None), "no-return"),
            (lambda: Written(end=lambda z: F.one_hot(z.argmax(1), 10).float()), "one-hot"),
            (lambda: Written(end=lambda z: 2 * z), "changed-at-the-end"),
            (lambda: zeroed(Written((torch.tanh,) * 4)), "tanh"),
            (lambda: zeroed(Written(pools=(F.avg_pool2d,) * 2)), "average-pooling"),
            (lambda: Written(pools=(F.avg_pool2d, F.max_pool2d)), "one-average-pooling"),
            (lambda: Written(before=torch.sqrt), "between-layers"),
            (by_neighbours, "weights-unused"),
        ]
    ),
    *(
        ("trained-lenet", "my_trained_lenet", answer, mistake)
        for answer, mistake in [
            (make_lenet, "untrained"),
            (lambda: LeNet(activation=nn.ReLU, pool=nn.MaxPool2d), "untrained"),
            (LeNet, "unchanged"),
            (drawing.trained_lenet, "weights-of-the-course"),
            (lambda: trained("few-classes"), "below-target"),
            (lambda: trained("other-labels"), "no-better-than-chance"),
            (lambda: trained("collapsed"), "all-the-same"),
            (lambda: trained("diverged"), "not-finite"),
            (lambda: trained("not-scaled"), "not-scaled"),
            (lambda: trained("inverted"), "inverted"),
            (lambda: nn.Sequential(trained(), nn.Softmax(dim=1)), "softmax"),
            (lambda: Written(dropout=F.dropout), "random"),
            (ByPosition, "depends-on-batch"),
            (by_neighbours, "weights-unused"),
            (lambda: LeNet(32), "wrong-flatten"),
            (lambda: LeNet(in_channels=3), "wrong-channels"),
            (lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), "other-network"),
            ((make_lenet(), None), "not-a-network"),
        ]
    ),
    ("shifted-digits", "my_shift", lambda x, n: torch.roll(x, n, 3), "wrapped"),
    ("shifted-digits", "my_shift", lambda x, n: shift_by_copy(x.flip(3), n).flip(3), "left"),
    ("shifted-digits", "my_shift", lambda x, n: torch.roll(x, -n, -1), "left-and-wrapped"),
    ("shifted-digits", "my_shift", lambda x, n: shift_by_copy(x.mT, n).mT, "down"),
    ("shifted-digits", "my_shift", lambda x, n: shift_by_copy(x.mT.flip(3), n).flip(3).mT, "up"),
    ("shifted-digits", "my_shift", lambda x, n: torch.roll(x, n, 2), "down-and-wrapped"),
    ("shifted-digits", "my_shift", lambda x, n: x[..., :-n], "narrower"),
    ("shifted-digits", "my_shift", lambda x, n: F.pad(x, (n, 0)), "wider"),
    ("shifted-digits", "my_shift", lambda x, n: x * (torch.arange(x.shape[3]) >= n), "not-moved"),
    ("shifted-digits", "my_shift", lambda x, n: shift_by_pad(x, 1), "by-one"),
    ("shifted-digits", "my_shift", lambda x, n: x.clone(), "unchanged"),
    ("shifted-digits", "my_shift", shift_by_negative_index, "not-at-all"),
    ("shifted-digits", "my_shift", lambda x, n: shift_by_pad(x, n)[0], "shape"),
]


class TestCases(CasesOfLesson):
    module, right, wrong = lenet, RIGHT, WRONG


@pytest.fixture(autouse=True)
def _no_data(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path))


NETWORK_MISTAKES = lenet.relu_lenet.judges["build_my_lenet"].mistakes


@pytest.mark.parametrize("mistake", NETWORK_MISTAKES, ids=lambda mistake: mistake.slug)
def test_a_mistaken_network_is_recognised(mistake):
    result = lenet.relu_lenet.judge(mistake.answers[0])
    assert (result.verdict, result.mistake) == ("wrong", mistake.slug)


def test_a_function_that_builds_nothing_yet_is_unanswered():
    assert lenet.relu_lenet.judge(lambda: None).verdict == "unanswered"
    assert lenet.trained_lenet.judge(lambda: None).verdict == "unanswered"


def test_the_answers_are_those_of_pytorch():
    layers = [
        nn.Conv2d(1, 1, 5),
        nn.Conv2d(1, 1, 5, padding=1),
        nn.Conv2d(1, 1, 3, stride=2, padding=1),
        nn.Sequential(nn.Conv2d(1, 1, 5), nn.AvgPool2d(2)),
    ]
    assert lenet.map_sizes.judge(*(len(layer(torch.zeros(1, 1, 30, 30))[0, 0]) for layer in layers))
    counts = (
        sum(p.numel() for p in layer.parameters())
        for layer in (nn.Conv2d(4, 10, 3), nn.Linear(100, 20))
    )
    assert lenet.parameter_counts.judge(*counts, LeNet(20).classifier[0].in_features)


# --- the digits that a network is judged by ---------------------------------------------------


def test_the_digits_are_those_of_the_embedded_test_set(tmp_path):
    (pictures,) = digits_to_judge_by(tmp_path)
    test = load("digits").test
    assert torch.equal(pictures.public, test.images)
    assert torch.equal(pictures.labels, test.labels)


def test_moved_digits_are_new_and_still_where_they_were(tmp_path):
    (pictures,) = digits_to_judge_by(tmp_path)
    difference = (pictures.unseen.float() - pictures.public.float()).abs().mean((1, 2, 3))
    assert difference.min() > 1
    centre = [_centre(images) for images in (pictures.unseen, pictures.public)]
    assert (centre[0] - centre[1]).abs().max() < 3  # pixels


def _centre(images):
    weights = images.double() / images.sum((1, 2, 3), keepdim=True)
    return torch.stack(
        [(weights.sum(dims) * torch.arange(28)).sum(1) for dims in ((1, 2), (1, 3))], 1
    )


@pytest.fixture
def with_mnist(tmp_path):
    """A data folder in which a few embedded digits, upside down, pass for MNIST."""
    test = load("digits").test
    images, labels = test.images.flip(2).numpy(), test.labels.byte().numpy()
    tensors = {f"{part}_images": images for part in ("train", "test")}
    tensors |= {f"{part}_labels": labels for part in ("train", "test")}
    metadata = {"name": "mnist", "classes": json.dumps([*"0123456789"]), "source": "this test"}
    save_file(tensors, tmp_path / "mnist.safetensors", metadata=metadata)
    return tmp_path


def upside_down(network):
    """The same network for images that stand on their heads."""
    network = copy.deepcopy(network)
    with torch.no_grad():
        for layer in (network[0], network[3]):
            layer.weight.copy_(layer.weight.flip(2))
        maps = network[7].weight.reshape(120, 16, 4, 4).flip(2)
        network[7].weight.copy_(maps.flatten(1))
    return network


def test_a_network_may_come_from_either_set_of_digits(with_mnist):
    embedded, mnist = digits_to_judge_by(with_mnist)
    assert not torch.equal(embedded.unseen, mnist.unseen)
    assert lenet.trained_lenet.judge(trained)
    result = lenet.trained_lenet.judge(upside_down(trained("few-classes")))
    assert result.mistake == "below-target"
    assert "of 360 digits it has not seen; the target is 9" in result.message


def test_a_network_that_knows_the_public_images_only_has_overfit():
    def shifted(root, seed):
        (pictures,) = digits_to_judge_by(root, seed)
        return (pictures._replace(unseen=pictures.public.roll(6, 3)),)

    judge = replace(lenet.trained_lenet.judges["my_trained_lenet"], pictures=shifted)
    result = judge(trained())
    assert result.mistake == "learned-the-test-set"
    assert "it has overfit, or was trained on the test set" in result.message


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("inverted", "were inverted, dark on light"),
        ("standardised", "were standardised, (x − mean) / std"),
        ("other-scale", "have pixels from −1 to 1"),
        ("not-scaled", "have pixels from 0 to 255"),
    ],
)
def test_a_slip_in_the_preparation_of_the_images_is_named(slip, words):
    def asking_more(root, seed):
        return (digits_to_judge_by(root, seed)[0]._replace(target=0.97),)

    judge = replace(lenet.trained_lenet.judges["my_trained_lenet"], pictures=asking_more)
    result = judge(trained(slip))
    assert result.mistake == slip, result
    assert f"of those that {words}: train it on images that are prepared as in" in result.message


def test_a_marker_draws_other_images_and_weights():
    generator = torch.Generator().manual_seed(3)
    for exercise in (lenet.relu_lenet, lenet.trained_lenet):
        (judge,) = exercise.judges.values()
        assert judge.redrawn(generator).seed != judge.seed
        assert judge.redrawn(generator)(trained())
    first, second = digits_to_judge_by(Path(), 1)[0], digits_to_judge_by(Path(), 2)[0]
    assert not torch.equal(first.unseen, second.unseen)


ACTIVATIONS = [
    *(nn.ReLU6, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Hardswish, nn.Hardtanh),
    *(nn.Tanhshrink, nn.Softsign, nn.LogSigmoid, nn.Tanh, nn.LeakyReLU),
]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_is_called_by_its_name(activation):
    message = lenet.relu_lenet.judge(LeNet(activation=activation, pool=nn.MaxPool2d)).message
    name = "tanh" if activation is nn.Tanh else activation.__name__
    assert message == f"the task asks for ReLU; the network has {name} everywhere"


def test_torchvisions_files_alone_do_not_count_where_they_are_not_complete(tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    assert len(digits_to_judge_by(tmp_path)) == 1


def test_judging_leaves_network_and_random_numbers_alone():
    network, random_state = copy.deepcopy(trained()).train(), torch.random.get_rng_state()
    before = {name: weights.clone() for name, weights in network.state_dict().items()}
    lenet.trained_lenet.judge(network)
    lenet.relu_lenet.judge(network)
    assert network.training
    assert all(torch.equal(before[name], w) for name, w in network.state_dict().items())
    assert torch.equal(random_state, torch.random.get_rng_state())
