"""The checks of lesson 5 know right answers in many forms, and the classic mistakes by name."""

import copy
import json
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from checking import CasesOfLesson
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F

from nnlab_course.checks import cifar10
from nnlab_course.checks.cifar10 import pictures_to_judge_by
from nnlab_course.checks.cifar10.trained import STATISTICS
from nnlab_course.checks.common.trained import Trained
from nnlab_course.checks.common.variants import make_lenet
from nnlab_course.cifar10 import ConvNet
from nnlab_course.data import load
from nnlab_course.lenet import LeNet
from nnlab_course.training import fit

DIMS = (0, 2, 3)


def scaled(images):
    return images / 255


def mean_by_loop(images):
    return [images[:, channel].float().mean().item() / 255 for channel in range(3)]


def std_by_moments(images):
    x = scaled(images.double())
    return ((x**2).mean(DIMS) - x.mean(DIMS) ** 2).sqrt()


def parts(draw):
    """`my_three_parts` by a function that draws the indices of the validation part."""

    def my_three_parts(train, test, num_valid):
        chosen = torch.as_tensor(draw(len(train), num_valid))
        rest = torch.tensor([i for i in range(len(train)) if i not in chosen.tolist()])
        return train[rest], train[chosen], test

    return my_three_parts


def by_one_order(train, test, num_valid):
    order = torch.randperm(len(train))
    return train[order[num_valid:]], train[order[:num_valid]], test


def by_shuffling(train, test, num_valid):
    shuffled = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(3))]
    return [shuffled[:-num_valid], shuffled[-num_valid:], test]


def in_numpy(train, test, num_valid):
    shuffled = np.random.default_rng(0).permutation(train.numpy())
    return shuffled[num_valid:], shuffled[:num_valid], test.numpy()


def two_orders(train, test, num_valid):
    some = torch.randperm(len(train))[:num_valid]
    others = torch.randperm(len(train))[num_valid:]
    return train[others], train[some], test


def with_replacement(train, test, num_valid):
    some = torch.randint(len(train) - 1, (num_valid,), generator=torch.Generator().manual_seed(0))
    some[1] = some[0]
    return parts(lambda n, k: some)(train, test, num_valid)


def both_ends(num_images, num_valid):
    return [*range(num_valid // 2), *range(num_images - num_valid // 2, num_images)]


def by_random_split(train, test, num_valid):
    first, second = torch.utils.data.random_split(train, [len(train) - num_valid, num_valid])
    return first, second, test


class Functional(nn.Module):
    """LeNet for colour, written with functions."""

    def __init__(
        self,
        act=F.relu,
        pool=F.max_pool2d,
        channels=3,
        features=400,
        end=lambda z: z,
        acts=None,
        flatten=lambda x: x.flatten(1),
        pool_first=False,
    ):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(features, 120), nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)
        self.acts = acts or (act,) * 4
        self.pools = pool if isinstance(pool, tuple) else (pool, pool)
        self.end, self.flatten, self.pool_first = end, flatten, pool_first

    def forward(self, x):
        for conv, act, pool in zip((self.conv1, self.conv2), self.acts, self.pools, strict=False):
            x = act(pool(conv(x), 2)) if self.pool_first else pool(act(conv(x)), 2)
        x = self.acts[2](self.fc1(self.flatten(x)))
        return self.end(self.fc3(self.acts[3](self.fc2(x))))


class GreyFirst(Functional):
    """Takes the mean of the colours first, as somebody does who has kernels for one channel."""

    def __init__(self):
        super().__init__(channels=1)

    def forward(self, x):
        return super().forward(x.mean(1, keepdim=True))


def shapes():
    """The shapes that the check judges by, whatever data are there."""
    return pictures_to_judge_by(Path())[0]


@cache
def trained():
    """A LeNet that was trained on the shapes as exercise 5.5 asks for it."""
    torch.manual_seed(0)
    network, data = make_lenet(channels=3, map_size=5), load("shapes")
    generator = torch.Generator().manual_seed(0)
    options = {"batch_size": 128, "lr": 4e-3, "schedule": "one_cycle", "generator": generator}
    options |= {"transform": data.normalize, "on_epoch": lambda history: None, "progress": False}
    fit(network, data.train, num_epochs=3, **options)
    return network


def trained_on(factor, shift):
    """The trained LeNet as it would be if its inputs had been factor · (right ones) + shift."""
    network = copy.deepcopy(trained())
    first = network[0]
    with torch.no_grad():
        first.bias -= (first.weight * (shift / factor)).sum((1, 2, 3))
        first.weight /= factor
    return network


MEAN, STD = (torch.tensor(values)[:, None, None] for values in STATISTICS["shapes"])


def scaled_weights(factor):
    network = copy.deepcopy(trained())
    with torch.no_grad():
        network[11].weight.mul_(factor)
    return network


class Overfitter(nn.Module):
    """Knows certain images by heart: nearest neighbours."""

    def __init__(self, images, labels):
        super().__init__()
        self.known = nn.Parameter(images.flatten(1))
        self.labels = labels

    def forward(self, images):
        vectors = images.flatten(1)
        nearest = torch.cdist(vectors, self.known).min(1)
        known = nearest.values < 0.01 * vectors.norm(dim=1)
        return 9 * F.one_hot(self.labels[nearest.indices], 10) * known[:, None].float()


class By(nn.Module):
    """A network with the weights of LeNet that computes its logits in another way."""

    def __init__(self, compute, network=None):
        super().__init__()
        self.network, self.compute = network or make_lenet(channels=3, map_size=5), compute

    def forward(self, images):
        return self.compute(self.network, images)


def by_position(network, images):
    return F.one_hot(torch.arange(len(images)) % 10, 10).float()


def with_dropout(network, images):
    return network[11](F.dropout(network[:11](images)))


def pair_by_loops(matrix):
    best, pair = -1, None
    for a in range(len(matrix)):
        for b in range(a + 1, len(matrix)):
            if matrix[a, b] + matrix[b, a] > best:
                best, pair = matrix[a, b] + matrix[b, a], (a, b)
    return pair


def pair_by_divmod(matrix):
    both = (matrix + matrix.T).triu(1)
    return divmod(int(both.argmax()), len(matrix))


def pair_in_numpy(matrix):
    both = np.triu(matrix.numpy() + matrix.numpy().T, 1)
    return np.unravel_index(both.argmax(), both.shape)


def one_way(matrix):
    matrix = matrix.clone().fill_diagonal_(0)
    return divmod(int(matrix.argmax()), len(matrix))


def standardised(x, dims, eps=1e-5, **options):
    return (x - x.mean(dims, keepdim=True)) / (x.std(dims, keepdim=True, **options) + eps)


def by_variance(x):
    variance = x.var(DIMS, keepdim=True, correction=0)
    return (x - x.mean(DIMS, keepdim=True)) / torch.sqrt(variance + 1e-5)


def channel_by_channel(x):
    return torch.stack([(c - c.mean()) / (c.std() + 1e-6) for c in x.unbind(1)], 1)


RIGHT = {
    "colour-arithmetic": [
        (606, 1296, 155_640, 2704),
        (6 * (4 * 25 + 1), 16 * 9**2, 1296 * 120 + 120, 16.0 * 13 * 13),
        tuple(map(torch.tensor, (606, 1296, 155_640, 2704))),
    ],
    "channel-statistics": [
        (lambda x: scaled(x).mean(DIMS), lambda x: scaled(x).std(DIMS)),
        (mean_by_loop, std_by_moments),
        (lambda x: scaled(x).mean([0, 2, 3]), lambda x: scaled(x).std(DIMS, correction=0)),
        (
            lambda x: x.numpy().mean(axis=DIMS) / 255,
            lambda x: (x.numpy() / 255).std(axis=DIMS),
        ),
        (
            lambda x: scaled(x).transpose(0, 1).flatten(1).mean(1),
            lambda x: scaled(x).var(DIMS).sqrt(),
        ),
    ],
    "three-parts": [
        (by_one_order,),
        (by_shuffling,),
        (in_numpy,),
        (parts(lambda n, k: torch.randperm(n)[:k]),),
        (parts(lambda n, k: torch.multinomial(torch.ones(n), k)),),
    ],
    "colour-lenet": [
        (lambda: LeNet(32, 3),),
        (LeNet(32, in_channels=3, activation=nn.ReLU, pool=nn.MaxPool2d),),
        (Functional,),
        (lambda: Functional(F.gelu, F.avg_pool2d),),
        *(
            (partial(Functional, act),)
            for act in (F.relu6, F.selu, F.tanhshrink, F.softplus, F.mish, F.hardswish, torch.sin)
        ),
        (partial(Functional, partial(F.leaky_relu, negative_slope=0.1)),),
        (partial(Functional, acts=(F.relu, F.relu, torch.tanh, F.gelu)),),
        (partial(Functional, pool=(F.max_pool2d, F.avg_pool2d)),),
        (partial(Functional, flatten=lambda x: x.permute(0, 2, 3, 1).flatten(1)),),
        (partial(Functional, F.gelu, pool_first=True),),
        (lambda: make_lenet(channels=3, map_size=5, activations=(nn.PReLU,) * 4),),
        *(
            (partial(make_lenet, channels=3, map_size=5, activations=(act,) * 4),)
            for act in (
                nn.Hardsigmoid,
                nn.Hardshrink,
                partial(nn.LeakyReLU, 0.5),
                partial(nn.Softplus, beta=2),
            )
        ),
        (partial(Functional, partial(F.elu, alpha=3.0)),),
        (partial(Functional, lambda x: torch.atan(3 * x)),),
        (lambda: make_lenet(channels=3, map_size=5),),
    ],
    "trained-network": [(trained,), (lambda: copy.deepcopy(trained()),)],
    "confused-pair": [(pair_by_loops,), (pair_by_divmod,), (pair_in_numpy,)],
    "batch-normalisation": [
        (lambda x: standardised(x, DIMS),),
        (by_variance,),
        (channel_by_channel,),
        (lambda x: standardised(x.float(), DIMS, correction=0).nan_to_num(0),),
        (lambda x: standardised(x, DIMS).numpy(),),
    ],
}

WRONG = [
    ("colour-arithmetic", "my_convolution", 6 * (3 * 25 + 1), "three-channels"),
    ("colour-arithmetic", "my_convolution", 6 * 26, "grey"),
    ("colour-arithmetic", "my_convolution", 6 * 100, "no-biases"),
    ("colour-arithmetic", "my_convolution", 6 * 100 + 1, "one-bias"),
    ("colour-arithmetic", "my_convolution", 6 * 4 * 26, "bias-per-kernel"),
    ("colour-arithmetic", "my_convolution", 100 + 6, "kernels-shared"),
    ("colour-arithmetic", "my_convolution", 6 * 4 * 5 + 6, "side-of-kernel"),
    ("colour-arithmetic", "my_convolution", 16 * 101, "other-layer"),
    ("colour-arithmetic", "my_convolution", 6 * 44**2, "outputs"),
    ("colour-arithmetic", "my_num_features", 400, "cifar10"),
    ("colour-arithmetic", "my_num_features", 256, "grey"),
    ("colour-arithmetic", "my_num_features", 4 * 1296, "four-times"),
    ("colour-arithmetic", "my_num_features", 81, "one-map"),
    ("colour-arithmetic", "my_num_features", 16 * 9, "side-for-area"),
    ("colour-arithmetic", "my_num_features", 16 * 12 * 12, "no-shrinking"),
    ("colour-arithmetic", "my_num_features", 16 * 10 * 10, "one-convolution"),
    ("colour-arithmetic", "my_num_features", 16 * 11 * 11, "one-convolution"),
    ("colour-arithmetic", "my_num_features", 16 * 20 * 20, "first-pooling"),
    ("colour-arithmetic", "my_num_features", 6 * 81, "first-maps"),
    ("colour-arithmetic", "my_linear", 1296 * 120, "no-biases"),
    ("colour-arithmetic", "my_linear", 400 * 120 + 120, "cifar10"),
    ("colour-arithmetic", "my_linear", 256 * 120 + 120, "grey"),
    ("colour-arithmetic", "my_linear", 1296 * 121, "bias-per-input"),
    ("colour-arithmetic", "my_linear", 1296 + 120, "sum-for-product"),
    ("colour-arithmetic", "my_linear", 1296 * 120 + 1, "one-bias"),
    ("colour-arithmetic", "my_linear", 1296 * 84 + 84, "other-layer"),
    ("colour-arithmetic", "my_num_features_64", 1296 * 16 // 9, "proportional"),
    ("colour-arithmetic", "my_num_features_64", 1296, "not-larger"),
    ("colour-arithmetic", "my_num_features_64", 16**3, "no-shrinking"),
    ("colour-arithmetic", "my_num_features_64", 4 * 2704, "four-times"),
    ("colour-arithmetic", "my_num_features_64", 13**2, "one-map"),
    ("colour-arithmetic", "my_num_features_64", 16 * 13, "side-for-area"),
    ("colour-arithmetic", "my_num_features_64", 6 * 169, "first-maps"),
    ("channel-statistics", "my_channel_mean", lambda x: (x / 256).mean(DIMS), "256"),
    ("channel-statistics", "my_channel_std", lambda x: (x / 256).std(DIMS), "256"),
    ("channel-statistics", "my_channel_std", lambda x: scaled(scaled(x)).std(DIMS), "scaled-twice"),
    ("channel-statistics", "my_channel_mean", lambda x: x.float().mean(DIMS), "not-scaled"),
    ("channel-statistics", "my_channel_mean", lambda x: scaled(x).mean(), "all-channels"),
    ("channel-statistics", "my_channel_mean", lambda x: scaled(x).mean((1, 2, 3)), "per-image"),
    (
        "channel-statistics",
        "my_channel_mean",
        lambda x: scaled(x).mean((2, 3)),
        "per-image-and-channel",
    ),
    ("channel-statistics", "my_channel_mean", lambda x: scaled(x).mean(0), "per-pixel"),
    (
        "channel-statistics",
        "my_channel_mean",
        lambda x: scaled(x).mean(DIMS, keepdim=True),
        "dimensions-kept",
    ),
    ("channel-statistics", "my_channel_mean", lambda x: scaled(x).std(DIMS), "std-for-mean"),
    ("channel-statistics", "my_channel_mean", lambda x: scaled(x).sum(DIMS), "sum"),
    ("channel-statistics", "my_channel_mean", lambda x: x.mean(DIMS), "bytes"),
    ("channel-statistics", "my_channel_std", lambda x: x.float().std(DIMS), "not-scaled"),
    ("channel-statistics", "my_channel_std", lambda x: scaled(x).var(DIMS), "variance"),
    ("channel-statistics", "my_channel_std", lambda x: scaled(x).std(), "all-channels"),
    ("channel-statistics", "my_channel_std", lambda x: scaled(x).std((1, 2, 3)), "per-image"),
    (
        "channel-statistics",
        "my_channel_std",
        lambda x: scaled(x).std((2, 3)).mean(0),
        "mean-of-spreads",
    ),
    (
        "channel-statistics",
        "my_channel_std",
        lambda x: scaled(x).mean((2, 3)).std(0),
        "spread-of-means",
    ),
    ("channel-statistics", "my_channel_std", lambda x: scaled(x).std(0), "per-pixel"),
    (
        "channel-statistics",
        "my_channel_std",
        lambda x: (scaled(x) ** 2).mean(DIMS).sqrt(),
        "mean-square",
    ),
    ("channel-statistics", "my_channel_std", lambda x: scaled(x).mean(DIMS), "mean-for-std"),
    ("channel-statistics", "my_channel_std", lambda x: x.std(DIMS), "bytes"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a, b, b), "test-for-validation"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[n:], b[:n], b), "test-for-validation"),
    (
        "three-parts",
        "my_three_parts",
        lambda a, b, n: (torch.cat([a[n:], b]), a[:n], b),
        "test-for-training",
    ),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[n:], a[:n], b.flip(0)), "not-shuffled"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[n:], a[:n], b[:9]), "test-changed"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[n:], a[:n], a), "test-changed"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[n:] + 30, a[:n], b), "other-images"),
    ("three-parts", "my_three_parts", two_orders, "overlap"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a, a[:n], b), "overlap"),
    ("three-parts", "my_three_parts", with_replacement, "drawn-twice"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[:n], a[n:], b), "swapped"),
    ("three-parts", "my_three_parts", parts(lambda n, k: torch.randperm(n)[: n // 5]), "size"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[n + 7 :], a[:n], b), "images-lost"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[:-n], a[-n:], b), "not-shuffled"),
    (
        "three-parts",
        "my_three_parts",
        parts(lambda n, k: torch.arange(0, 2 * k, 2)),
        "not-shuffled",
    ),
    (
        "three-parts",
        "my_three_parts",
        parts(lambda n, k: torch.arange(0, 3 * k, 3)),
        "not-shuffled",
    ),
    ("three-parts", "my_three_parts", parts(both_ends), "not-shuffled"),
    ("three-parts", "my_three_parts", by_random_split, "subset"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a, b), "count"),
    ("three-parts", "my_three_parts", lambda a, b, n: (a[n:].flatten(), a[:n], b), "shape"),
    ("colour-lenet", "build_my_network", LeNet, "wrong-channels"),
    ("colour-lenet", "build_my_network", lambda: LeNet(32), "wrong-channels"),
    ("colour-lenet", "build_my_network", GreyFirst, "other-network"),
    ("colour-lenet", "build_my_network", lambda: LeNet(28, 3), "wrong-flatten"),
    ("colour-lenet", "build_my_network", lambda: Functional(features=16), "wrong-flatten"),
    (
        "colour-lenet",
        "build_my_network",
        lambda: Functional(F.relu, end=lambda z: z.softmax(1)),
        "softmax",
    ),
    (
        "colour-lenet",
        "build_my_network",
        lambda: Functional(torch.tanh, F.avg_pool2d, end=lambda z: z.softmax(1)),
        "softmax",
    ),
    (
        "colour-lenet",
        "build_my_network",
        lambda: Functional(end=lambda z: z.log_softmax(1)),
        "log-softmax",
    ),
    ("colour-lenet", "build_my_network", lambda: Functional(end=F.relu), "activation-at-the-end"),
    ("colour-lenet", "build_my_network", lambda: Functional(lambda x: x), "no-activations"),
    (
        "colour-lenet",
        "build_my_network",
        lambda: Functional(lambda x: 2 * x + 1),
        "unknown-activation",
    ),
    (
        "colour-lenet",
        "build_my_network",
        lambda: Functional(acts=(torch.relu, F.relu, lambda x: x, F.relu)),
        "missing-activation",
    ),
    (
        "colour-lenet",
        "build_my_network",
        lambda: Functional(F.gelu, end=lambda z: z.softmax(1)),
        "softmax",
    ),
    (
        "colour-lenet",
        "build_my_network",
        lambda: Functional(F.leaky_relu, end=lambda z: z.log_softmax(1)),
        "log-softmax",
    ),
    ("colour-lenet", "build_my_network", lambda: By(with_dropout), "random"),
    ("colour-lenet", "build_my_network", lambda: LeNet(32, 3, num_classes=100), "shape"),
    ("colour-lenet", "build_my_network", ConvNet, "other-network"),
    ("colour-lenet", "build_my_network", lambda: nn.Conv2d(3, 6, 40), "maps-too-small"),
    (
        "trained-network",
        "my_trained_network",
        partial(make_lenet, channels=3, map_size=5),
        "untrained",
    ),
    ("trained-network", "my_trained_network", lambda: LeNet(32, 3), "network-of-the-course"),
    ("trained-network", "my_trained_network", lambda: By(by_position), "depends-on-batch"),
    ("trained-network", "my_trained_network", lambda: By(with_dropout, trained()), "random"),
    (
        "trained-network",
        "my_trained_network",
        lambda: nn.Sequential(*trained(), nn.Softmax(1)),
        "softmax",
    ),
    ("trained-network", "my_trained_network", lambda: scaled_weights(0), "all-the-same"),
    ("trained-network", "my_trained_network", lambda: scaled_weights(torch.nan), "not-finite"),
    ("trained-network", "my_trained_network", LeNet, "wrong-channels"),
    ("trained-network", "my_trained_network", lambda: LeNet(28, 3), "wrong-flatten"),
    ("trained-network", "my_trained_network", ConvNet, "other-network"),
    ("trained-network", "my_trained_network", GreyFirst, "other-network"),
    (
        "trained-network",
        "my_trained_network",
        lambda: trained_on(255 * STD, 255 * MEAN),
        "not-scaled",
    ),
    (
        "trained-network",
        "my_trained_network",
        lambda: trained_on(-1, (1 - 2 * MEAN) / STD),
        "inverted",
    ),
    ("confused-pair", "my_pair", lambda m: divmod(int(m.argmax()), len(m)), "diagonal"),
    ("confused-pair", "my_pair", lambda m: divmod(int((m + m.T).argmax()), len(m)), "diagonal"),
    ("confused-pair", "my_pair", one_way, "one-direction"),
    ("confused-pair", "my_pair", lambda m: pair_by_divmod(m.minimum(m.T)), "value"),
    (
        "confused-pair",
        "my_pair",
        lambda m: divmod(int((m * m.T).triu(1).argmax()), len(m)),
        "product",
    ),
    ("confused-pair", "my_pair", lambda m: sorted(one_way(m)), "one-direction"),
    ("confused-pair", "my_pair", lambda m: one_way(m.triu(1)), "one-half"),
    ("confused-pair", "my_pair", lambda m: pair_by_divmod(m.fill_diagonal_(0)), "in-place"),
    ("confused-pair", "my_pair", lambda m: one_way(m.tril(-1)), "one-half"),
    ("confused-pair", "my_pair", lambda m: pair_by_loops(m)[::-1], "descending"),
    ("confused-pair", "my_pair", lambda m: (m + m.T).triu(1).max(), "count"),
    ("confused-pair", "my_pair", lambda m: (m + m.T).triu(1).argmax(), "flat-index"),
    (
        "confused-pair",
        "my_pair",
        lambda m: pair_by_loops((300 - m).fill_diagonal_(0)),
        "least",
    ),
    ("confused-pair", "my_pair", lambda m: ("cat", "dog"), "unreadable"),
    ("batch-normalisation", "my_batch_norm", lambda x: standardised(x, (2, 3)), "per-image"),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: standardised(x, DIMS, eps=0),
        "divides-by-zero",
    ),
    ("batch-normalisation", "my_batch_norm", F.instance_norm, "forbidden"),
    ("batch-normalisation", "my_batch_norm", lambda x: standardised(x, 1), "over-channels"),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: (
            standardised(x, DIMS) + 2 * x.mean(DIMS, keepdim=True) / x.std(DIMS, keepdim=True)
        ),
        "mean-added",
    ),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: F.batch_norm(x, None, None, training=True),
        "forbidden",
    ),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: nn.BatchNorm2d(x.shape[1])(x.float()),
        "forbidden",
    ),
    ("batch-normalisation", "my_batch_norm", lambda x: standardised(x, 0), "per-place"),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: standardised(x, (1, 2, 3)),
        "layer-normalisation",
    ),
    ("batch-normalisation", "my_batch_norm", lambda x: (x - x.mean()) / x.std(), "all-channels"),
    ("batch-normalisation", "my_batch_norm", lambda x: x - x.mean(DIMS, True), "only-centred"),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: x / x.std(DIMS, keepdim=True),
        "not-centred",
    ),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: (x - x.mean(DIMS, True)) / x.var(DIMS, keepdim=True),
        "variance",
    ),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: (x - x.mean(DIMS, True)) * x.std(DIMS, keepdim=True),
        "multiplied",
    ),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: x - x.mean(DIMS, True) / x.std(DIMS, keepdim=True),
        "precedence",
    ),
    (
        "batch-normalisation",
        "my_batch_norm",
        lambda x: (x - x.amin(DIMS, True)) / (x.amax(DIMS, True) - x.amin(DIMS, True)),
        "range",
    ),
    ("batch-normalisation", "my_batch_norm", lambda x: (x - x.mean(DIMS)) / x.std(DIMS), "raised"),
    ("batch-normalisation", "my_batch_norm", lambda x: standardised(x, DIMS).mean(0), "shape"),
]


class TestCases(CasesOfLesson):
    module, right, wrong = cifar10, RIGHT, WRONG


@pytest.fixture(autouse=True)
def _no_data(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path))


NETWORK_MISTAKES = cifar10.colour_lenet.judges["build_my_network"].mistakes


@pytest.mark.parametrize("mistake", NETWORK_MISTAKES, ids=lambda mistake: mistake.slug)
def test_a_mistaken_network_is_recognised(mistake):
    result = cifar10.colour_lenet.judge(mistake.answers[0])
    assert (result.verdict, result.mistake) == ("wrong", mistake.slug)


def test_a_function_that_builds_nothing_yet_is_unanswered():
    assert cifar10.colour_lenet.judge(lambda: None).verdict == "unanswered"
    assert cifar10.trained_network.judge(lambda: None).verdict == "unanswered"


def test_the_numbers_are_those_of_the_network():
    model, large = LeNet(48, 4), LeNet(64, 4)
    counts = [
        sum(p.numel() for p in m.parameters()) for m in (model.features[0], model.classifier[0])
    ]
    features = [m.classifier[0].in_features for m in (model, large)]
    assert cifar10.colour_arithmetic.judge(counts[0], features[0], counts[1], features[1])


def judged_anew(exercise, answer, seeds=range(5)):
    """Judge an answer by inputs that nobody has seen."""
    (judge,) = exercise.judges.values()
    return [judge.redrawn(torch.Generator().manual_seed(seed))(answer) for seed in seeds]


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (cifar10.three_parts, by_one_order),
        (cifar10.confused_pair, pair_by_divmod),
        (cifar10.batch_normalisation, by_variance),
    ],
)
def test_a_right_answer_stays_right_with_other_inputs(exercise, answer):
    assert all(judged_anew(exercise, answer))


def by_heart(*known):
    """Answer with what was right for the lesson's inputs, found by the first argument's bytes."""
    table = {bytes(case[0].numpy()): value for case, value in known}
    return lambda *case: table.get(bytes(case[0].numpy()), known[0][1])


def test_the_lessons_inputs_by_heart_earn_nothing():
    judge = cifar10.confused_pair.judges["my_pair"]
    pairs = by_heart(*((case, pair_by_loops(*case)) for case in judge.judge.cases))
    assert judge(pairs)
    assert not any(judged_anew(cifar10.confused_pair, pairs))
    judge = cifar10.three_parts.judges["my_three_parts"]
    numbers = torch.tensor(judge.train, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    known = by_one_order(numbers, torch.arange(200, 220).byte().reshape(-1, 1, 1, 1), 30)
    assert judge(lambda *case: known)
    assert not any(judged_anew(cifar10.three_parts, lambda *case: known))
    for judge in cifar10.channel_statistics.judges.values():
        values = by_heart(*((case, judge.reference(*case)) for case in judge.cases))
        assert judge(values)
        assert not judge.redrawn(torch.Generator().manual_seed(0))(values)


# --- the pictures that a network is judged by -------------------------------------------------


def test_shapes_are_normalised_as_the_lesson_does():
    dataset = load("shapes")
    mean, std = map(torch.tensor, STATISTICS["shapes"])
    torch.testing.assert_close(dataset.mean, mean, atol=2e-3, rtol=0)
    torch.testing.assert_close(dataset.std, std, atol=2e-3, rtol=0)
    images = set(map(bytes, dataset.test.images[:200].numpy()))
    assert not images & set(map(bytes, shapes().unseen[:200].numpy()))


@pytest.fixture
def with_cifar10(tmp_path):
    """A data folder in which a few shapes, upside down, pass for CIFAR-10."""
    images, labels = shapes().unseen[:300].flip(2).numpy(), shapes().labels[:300].byte().numpy()
    tensors = {f"{part}_images": images for part in ("train", "test")}
    tensors |= {f"{part}_labels": labels for part in ("train", "test")}
    metadata = {"name": "cifar10", "classes": json.dumps([*"0123456789"]), "source": "this test"}
    save_file(tensors, tmp_path / "cifar10.safetensors", metadata=metadata)
    return tmp_path


def test_a_network_that_knows_the_test_images_alone_has_overfit(with_cifar10):
    drawn, photographs = pictures_to_judge_by(with_cifar10)
    assert torch.equal(photographs.unseen.flip(3), photographs.public)
    assert len(drawn.unseen) == 1000
    public = photographs.transforms[""](photographs.public)
    network = Overfitter(public, photographs.labels)
    result = Trained(lambda: network, lambda root, seed: (photographs,))(network)
    assert (result.verdict, result.mistake) == ("wrong", "learned-the-test-set")


@pytest.mark.slow
def test_a_marker_draws_other_images():
    judge = cifar10.trained_network.judges["my_trained_network"]
    again = judge.redrawn(torch.Generator().manual_seed(1))
    images = [j.pictures(Path(), j.seed)[0].unseen for j in (judge, again)]
    assert not set(map(bytes, images[0].numpy())) & set(map(bytes, images[1].numpy()))
    assert again(trained)


@pytest.mark.parametrize(
    ("slip", "words"),
    {
        "not-normalised": "were not normalised",
        "not-scaled": "pixels from 0 to 255",
        "other-scale": "pixels from −1 to 1",
        "swapped-channels": "have red and blue exchanged",
        "inverted": "were inverted",
    }.items(),
)
def test_a_slip_in_the_preparation_of_the_images_is_named(slip, words):
    (pictures,) = pictures_to_judge_by(Path())
    network = Overfitter(pictures.transforms[slip](pictures.unseen), pictures.labels)
    result = Trained(lambda: network, lambda root, seed: (pictures,))(network)
    assert (result.verdict, result.mistake) == ("wrong", slip)
    assert words in result.message
