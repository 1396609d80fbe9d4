"""Splits and datasets: indexing, validation parts, exact statistics, and who is refused."""

import pytest
import torch
from dataset_files import arrays

from nnlab_course.data import (
    Dataset,
    Split,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def some_split(num=10):
    content = arrays(num_train=num)
    return Split(
        torch.from_numpy(content["train_images"]), torch.from_numpy(content["train_labels"]).long()
    )


@pytest.mark.parametrize(
    "index",
    [slice(2, 5), torch.tensor([7, 0, 7]), torch.arange(10) % 2 == 0, slice(0, 0)],
    ids=["slice", "positions", "mask", "empty"],
)
def test_split_is_indexed_like_its_tensors(index):
    split = some_split()
    chosen = split[index]
    assert isinstance(chosen, Split)
    assert torch.equal(chosen.images, split.images[index])
    assert torch.equal(chosen.labels, split.labels[index])
    assert len(chosen) == len(chosen.labels)


def test_split_refuses_a_single_position():
    with pytest.raises(TypeError, match=r"slice or a tensor; one image is split\.images\[i\]"):
        some_split()[3]
    with pytest.raises(TypeError):
        next(iter(some_split()))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (
            torch.zeros(2, 1, 4, 4),
            torch.zeros(2).long(),
            r"images are torch.float32 \(2, 1, 4, 4\)",
        ),
        (torch.zeros(2, 4, 4).byte(), torch.zeros(2).long(), r"not uint8 \(N, C, H, W\)"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(2), "labels are torch.float32"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(3).long(), "one for each of 2 images"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(2, 1).long(), "one for each of 2 images"),
    ],
)
def test_split_refuses_other_tensors(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Split(images, labels)


IMAGES, LABELS = torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 2, 1])


@pytest.mark.parametrize(
    ("images", "labels", "cure"),
    [
        (IMAGES.numpy(), LABELS, "images are a ndarray, not a tensor; use torch.from_numpy"),
        (IMAGES, LABELS.numpy(), "labels are a ndarray, not a tensor; use torch.from_numpy"),
        (IMAGES, LABELS.tolist(), "labels are a list, not a tensor; use a tensor"),
        (IMAGES[:, 0], LABELS, "images[:, None] adds the channel"),
        (IMAGES / 255, LABELS, "(255 * images).round().byte() turns 0 to 1 into 0 to 255"),
        (IMAGES, LABELS.int(), "use labels.long()"),
        (IMAGES, LABELS.float(), "use labels.long()"),
        (IMAGES, LABELS[:, None], "labels[:, 0].long() turns a column into labels"),
        (IMAGES, torch.eye(3)[LABELS], "labels.argmax(1) turns rows with one 1 into labels"),
    ],
)
def test_what_beginners_bring_is_refused_with_the_cure(images, labels, cure):
    with pytest.raises((TypeError, ValueError)) as caught:
        Split(images, labels)
    assert str(caught.value).endswith(cure)


def test_labels_from_1_are_told_how_to_count_from_0():
    split = Split(IMAGES, LABELS + 1)
    with pytest.raises(ValueError, match="there are 3 classes; labels - 1 counts from 0"):
        Dataset("letters", split, split, ("a", "b", "c"), "a test")


def test_validation_part_is_random_disjoint_and_repeatable():
    split = some_split(100)
    order = torch.arange(100)
    numbered = Split(split.images, order)
    train, validation = numbered.split(30, generator=generator(1))
    assert (len(train), len(validation)) == (70, 30)
    assert torch.equal(torch.cat([train.labels, validation.labels]).sort().values, order)
    assert torch.equal(train.images, split.images[train.labels])
    assert torch.equal(numbered.split(30, generator=generator(1))[1].labels, validation.labels)
    assert not torch.equal(numbered.split(30, generator=generator(2))[1].labels, validation.labels)


@pytest.mark.parametrize("num", [0, 10, 11, -1])
def test_validation_part_leaves_something_on_each_side(num):
    with pytest.raises(ValueError, match=f"can't take {num} out of 10 images"):
        some_split().split(num, generator=generator())


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_mean_and_std_are_exact(shape):
    images = torch.from_numpy(arrays(num_train=500, shape=shape)["train_images"])
    images[:, 0] //= 3
    split = Split(images, torch.zeros(500, dtype=torch.int64))
    dataset = Dataset("tiny", split, split[:1], ("one",), "a test")
    exact = images.double() / 255
    assert dataset.mean.dtype == dataset.std.dtype == torch.float32
    assert torch.allclose(dataset.mean.double(), exact.mean((0, 2, 3)), atol=1e-7)
    assert torch.allclose(dataset.std.double(), exact.std((0, 2, 3), correction=0), atol=1e-7)


def test_constant_images_have_no_spread():
    split = Split(torch.full((3, 1, 5, 5), 51, dtype=torch.uint8), torch.zeros(3).long())
    dataset = Dataset("grey", split, split, ("grey",), "a test")
    assert dataset.mean.tolist() == pytest.approx([0.2])
    assert dataset.std.tolist() == pytest.approx([0], abs=1e-7)


def test_dataset_refuses_labels_without_a_class_and_other_shapes():
    split = some_split()
    with pytest.raises(ValueError, match="labels go from 0 to 9, but there are 9 classes"):
        Dataset("tiny", split, split, tuple("012345678"), "a test")
    other = Split(torch.zeros(1, 3, 28, 28).byte(), torch.zeros(1).long())
    with pytest.raises(ValueError, match="differ"):
        Dataset("tiny", split, other, tuple("0123456789"), "a test")


def test_repr_tells_name_sizes_and_source():
    split = some_split()
    dataset = Dataset("tiny", split, split[:3], tuple("0123456789"), "a test")
    expected = "tiny: 10 training and 3 test images, 1x28x28, 10 classes. Source: a test"
    assert repr(dataset) == expected
    assert repr(split) == "10 images, 1x28x28"
