"""What beginners' code does to `fit` and `evaluate`: each is told in a sentence, before a step."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nnlab_course.cifar10 import ConvNet
from nnlab_course.data import Dataset, Split, load
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit, unit_range
from nnlab_course.training.checkpoints import CheckpointError


def split_of(num_images=65, size=4, channels=1):
    generator = torch.Generator().manual_seed(0)
    shape = (num_images, channels, size, size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(num_images) % 3)


def linear(*end):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3), *end)


def train(model, split=None, **options):
    options = {"num_epochs": 1, "on_epoch": lambda history: None} | options
    return fit(model, split_of() if split is None else split, **options)


class Odd(nn.Module):
    """A linear classifier whose logits go through a function of the batch."""

    def __init__(self, function):
        super().__init__()
        self.layers, self.function = linear(), function

    def forward(self, images):
        return self.function(self.layers(images))


class Torchvision:
    """Holds its images as torchvision's sets do."""

    def __init__(self, data):
        self.data, self.targets = data, [0] * len(data)


ADD_UP = "ends with a softmax"


class Listed(nn.Module):
    """Holds its first layer where no optimiser finds it."""

    def __init__(self, hold):
        super().__init__()
        torch.manual_seed(0)
        self.layers, self.last = hold(nn.Linear(16, 8)), nn.Linear(8, 3)

    def forward(self, images):
        (first,) = self.layers.values() if isinstance(self.layers, dict) else self.layers
        return self.last(first(images.flatten(1)))


MISLEADING = {
    "layers in a list": (lambda: Listed(lambda layer: [layer]), "Listed.layers holds layers in a"),
    "layers by name": (lambda: Listed(lambda layer: {"a": layer}), "use nn.ModuleList or"),
    "softmax": (lambda: linear(nn.Softmax(1)), ADD_UP),
    "softmax by function": (lambda: Odd(partial(F.softmax, dim=1)), ADD_UP),
    "log-softmax": (lambda: linear(nn.LogSoftmax(1)), "ends with a log-softmax"),
    "mean over the batch": (lambda: Odd(lambda z: z - z.mean(0)), "depend on the other images"),
    "softmax over the batch": (lambda: Odd(lambda z: z.softmax(0)), "depend on the other images"),
    "dropout always on": (lambda: Odd(F.dropout), "differently each time in evaluation mode"),
}


@pytest.mark.parametrize("case", MISLEADING)
def test_what_only_misleads_is_warned_of_once(case):
    make, message = MISLEADING[case]
    with pytest.warns(UserWarning, match=message) as heard:
        train(make())
    assert len(heard) == 1


RIGHT = {
    "layers in a ModuleList": lambda: Listed(lambda layer: nn.ModuleList([layer])),
    "linear": linear,
    "dropout": lambda: linear(nn.Dropout(0.5)),
    "sigmoid": lambda: linear(nn.Sigmoid()),
    "relu": lambda: linear(nn.ReLU()),
    "batch normalisation": lambda: linear(nn.BatchNorm1d(3)),
    "all zeros": lambda: Odd(lambda logits: logits * 0),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_use_hears_nothing(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = RIGHT[case]()
        train(model)
        evaluate(model, split_of())


NO_GRADIENT = "no gradient flows through the model's logits: is there a detach"
IMPOSSIBLE = {
    "detached": (lambda: train(Odd(Tensor.detach)), ValueError, NO_GRADIENT),
    "through NumPy": (
        lambda: train(Odd(lambda z: torch.from_numpy(z.detach().numpy()))),
        ValueError,
        NO_GRADIENT,
    ),
    "two outputs": (
        lambda: train(Odd(lambda z: (z, z))),
        ValueError,
        "returns a tuple; return the",
    ),
    "outputs by name": (lambda: train(Odd(lambda z: {"y": z})), ValueError, "returns a dict; ret"),
    "no transform": (lambda: train(linear(), transform=None), TypeError, "transform is None, a No"),
    "transformed": (lambda: train(linear(), transform="unit"), TypeError, "transform is 'unit', a"),
    "augment": (lambda: train(linear(), augment=True), TypeError, "augment is True, a bool; give"),
    "on_epoch": (lambda: train(linear(), on_epoch=None), TypeError, "on_epoch is None, a NoneTyp"),
    "seed": (lambda: train(linear(), generator=0), TypeError, r"is 0; use torch.Generator\(\)"),
    "checkpoint": (lambda: train(linear(), checkpoint=True), TypeError, "is True; give the path"),
    "folder": (lambda: train(linear(), checkpoint="."), ValueError, "a folder; give a file in it"),
    "class": (lambda: train(LeNet), TypeError, r"is the class LeNet; .*: LeNet\(\)"),
    "function": (lambda: train(unit_range), TypeError, "model is a function; give a network"),
    "dataset": (lambda: train(linear(), load("digits")), TypeError, r"\.train or \.test"),
    "loader": (
        lambda: train(linear(), DataLoader(TensorDataset(torch.zeros(2, 1)))),
        TypeError,
        "train is a DataLoader, not a Split; batches are made here",
    ),
    "tuple": (
        lambda: train(linear(), (torch.zeros(2), torch.zeros(2))),
        TypeError,
        r"train is a tuple, not a Split; make it a Split: Split\(images, labels\)",
    ),
    "torchvision, grey": (
        lambda: train(linear(), Torchvision(torch.zeros(2, 4, 4))),
        TypeError,
        r"Split\(torch.as_tensor\(d.data\)\[:, None\], torch.as_tensor\(d.targets\)\)",
    ),
    "torchvision, colour": (
        lambda: train(linear(), Torchvision(np.zeros((2, 4, 4, 3)))),
        TypeError,
        r"as_tensor\(d.data\).permute\(0, 3, 1, 2\)",
    ),
    "optimiser that is made": (
        lambda: train(linear(), optimizer=torch.optim.SGD(linear().parameters(), lr=1)),
        TypeError,
        r"optimizer is an SGD that is made already; .*partial\(torch.optim.SGD, momentum=0.9\)",
    ),
    "optimiser of another": (
        lambda: train(linear(), optimizer=lambda p, lr: torch.optim.SGD(linear().parameters(), lr)),
        ValueError,
        "holds the parameters of another model",
    ),
    "optimiser by name": (lambda: train(linear(), optimizer="adam"), TypeError, "give a class"),
    "LBFGS": (lambda: train(linear(), optimizer=torch.optim.LBFGS), ValueError, "use Adam or SGD"),
    "lr as text": (lambda: train(linear(), lr="1e-3"), TypeError, "lr is '1e-3', a str; use a num"),
    "epochs as text": (lambda: train(linear(), num_epochs="3"), TypeError, "num_epochs is '3'"),
    "batch size 64.0": (
        lambda: train(linear(), batch_size=64.0),
        TypeError,
        "64.0, a float",
    ),
    "no such device": (
        lambda: train(linear(), device="gpu"),
        ValueError,
        "device is 'gpu', which isn't here; use 'cpu'",
    ),
    "one image to normalise": (
        lambda: train(linear(nn.BatchNorm1d(3)), batch_size=1),
        ValueError,
        "batch normalisation, which needs 2 images or more",
    ),
    "evaluate, class": (lambda: evaluate(LeNet, split_of()), TypeError, r"LeNet\(\)"),
    "evaluate, tuple": (lambda: evaluate(linear(), (1, 2)), TypeError, "split is a tuple"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_work_is_refused_with_the_cure(case):
    call, kind, message = IMPOSSIBLE[case]
    with pytest.raises(kind, match=message):
        call()


class TestOneImageLeftOver:
    def test_joins_the_batch_before_it(self):
        sizes = []

        def transform(images):
            sizes.append(len(images))
            return images / 255

        model = linear(nn.BatchNorm1d(3))
        history = train(model, split_of(65), batch_size=32, transform=transform)
        assert sizes == [8, 32, 33]
        assert history.steps_per_epoch == len(history.step_losses) == 2
        sizes.clear()
        train(linear(), split_of(65), batch_size=32, transform=transform)
        assert sizes == [8, 32, 32, 1]

    def test_the_courses_own_network_on_a_small_folder(self):
        torch.manual_seed(0)
        history = train(ConvNet(8), split_of(33, size=8, channels=3), batch_size=32)
        assert len(history.step_losses) == 1


class TestTransform:
    def test_another_one_is_noticed(self):
        digits = load("digits")
        part = Dataset("some", digits.train[:200], digits.test[:50], digits.classes, "here")
        model = LeNet()
        train(model, part.train, transform=part.normalize)
        with pytest.warns(UserWarning, match="the same transform to fit and to evaluate"):
            evaluate(model, part.test)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            evaluate(model, part.test, transform=part.normalize)
            evaluate(model, part.test, transform=lambda images: part.normalize(images))

    def test_training_again_with_another_one_is_a_right_use(self):
        model = linear()
        train(model)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            train(model, valid=split_of(), transform=lambda images: images / 127.5 - 1)

    def test_a_random_one_is_not_compared(self):
        model = linear()
        train(model, transform=lambda images: images / 255 + torch.rand(1))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            evaluate(model, split_of())


class TestLonger:
    def test_more_epochs_go_on_where_the_rate_is_constant(self, tmp_path):
        straight = linear()
        whole = train(straight, num_epochs=2)
        model, path = linear(), tmp_path / "run.pt"
        train(model, num_epochs=1, checkpoint=path)
        longer = train(model, num_epochs=2, checkpoint=path)
        assert longer.step_losses == whole.step_losses
        assert torch.equal(model[1].weight, straight[1].weight)

    def test_from_the_middle_of_an_epoch(self, tmp_path):
        straight = linear()
        whole = train(straight, num_epochs=1, batch_size=8)
        model, path = linear(), tmp_path / "run.pt"
        train(model, num_epochs=0.5, batch_size=8, checkpoint=path)
        longer = train(model, num_epochs=1, batch_size=8, checkpoint=path)
        assert longer.step_losses == whole.step_losses

    def test_a_schedule_that_ends_says_how(self, tmp_path):
        path = tmp_path / "run.pt"
        train(linear(), checkpoint=path, schedule="one_cycle")
        with pytest.raises(CheckpointError, match=r"laid out for 1 epochs\. To train on") as told:
            train(linear(), num_epochs=2, checkpoint=path, schedule="one_cycle")
        assert "elete" not in str(told.value)


@pytest.mark.parametrize("content", [{"settings": {}}, {"settings": 3}, [1], "text", {}])
def test_a_checkpoint_with_something_else_in_it_is_refused(tmp_path, content):
    path = tmp_path / "run.pt"
    torch.save({"format": "nnlab-course checkpoint, version 1", "state": content}, path)
    with pytest.raises(CheckpointError, match=r"run\.pt is a checkpoint of another"):
        train(linear(), checkpoint=path)


class Bars(nn.Module):
    """Reads which of five columns is brightest."""

    def forward(self, images):
        return images[:, 0, 1:-1, 1:-1].mean(1)

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))


def bars(ink):
    """Return pictures of a bar in one of five columns, in a frame of one pixel."""
    images = torch.full((50, 1, 7, 7), 255 - ink, dtype=torch.uint8)
    labels = torch.arange(50) % 5
    for image, label in zip(images, labels, strict=True):
        image[:, 1:-1, label + 1] = ink
    return Split(images, labels)


def test_dark_ink_on_white_paper_is_told_where_the_network_reads_bright_ink():
    message = r"dark ink on white paper, .* 0% are right, 100% when inverted; .*invert=True"
    with pytest.warns(UserWarning, match=message) as heard:
        evaluate(Bars(), bars(ink=0))
    assert len(heard) == 1
    assert heard[0].filename == __file__


def test_pictures_that_are_read_or_are_no_better_inverted_raise_no_such_warning():
    torch.manual_seed(0)
    untrained = nn.Sequential(nn.Flatten(), nn.Linear(49, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(Bars(), bars(ink=255))
        evaluate(untrained, bars(ink=0))


def test_sizes_may_be_numbers_of_numpy():
    train(linear(), batch_size=np.int64(8), lr=np.float32(0.01), num_epochs=np.float64(1))
