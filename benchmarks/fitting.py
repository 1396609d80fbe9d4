"""Time and accuracy of `fit`: against the usual recipes, against the bare steps, and by size."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator

import torch
from baselines import accuracy, beginners_recipe, floor, notes_recipe, train_epochs
from table import RESULTS, Result, median_ratio, seconds
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, TensorDataset

from nnlab_course.cifar10 import ConvNet, augment
from nnlab_course.data import Dataset, Split, load
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit
from nnlab_course.training.history import History

ROUNDS = 3


def train(model: nn.Module, split: Split, **options: object) -> History:
    """Train without printing, but with the progress bar."""
    return fit(model, split, on_epoch=lambda history: None, progress=True, **options)


def loader_of(dataset: Dataset, transform: Callable) -> DataLoader:
    """Make ready batches of the test set, so that judging costs a baseline next to nothing."""
    test = TensorDataset(transform(dataset.test.images), dataset.test.labels)
    return DataLoader(test, batch_size=1000)


def ready_batches(split: Split) -> list[tuple[Tensor, Tensor]]:
    """Cut a split into batches of 64 floating images, in memory."""
    batches = zip(split.images.split(64), split.labels.split(64), strict=True)
    return [(images / 255, labels) for images, labels in batches]


def time_floor(ready: list[tuple[Tensor, Tensor]]) -> float:
    """Time LeNet's forward, backward and step on ready batches, and nothing else."""
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, fused=True)
    return seconds(floor, model, optimizer, ready)


def write_profile(split: Split) -> None:
    """Write down where the time of an epoch goes."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        train(LeNet(), split, num_epochs=1)
    table = profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=20)
    (RESULTS / "profile.txt").write_text(table)


FAST = {"batch_size": 128, "lr": 4e-3, "schedule": "one_cycle"}


def fast_lenet(seed: int, **options: object) -> nn.Module:
    """Make LeNet with ReLU and max pooling."""
    torch.manual_seed(seed)
    return LeNet(activation=nn.ReLU, pool=nn.MaxPool2d, **options)


def mnist() -> Iterator[Result]:
    """Compare with the notes' recipe: an epoch, the time to its accuracy, its time's worth."""
    data = load("mnist")
    test = loader_of(data, lambda images: images / 255)
    ready = ready_batches(data.train)
    epochs, ours, bare, reach, ours_reach, shortfall, best = [], [], [], [], [], [], []
    train(fast_lenet(0), data.train[:12_800], num_epochs=1, **FAST)  # the first steps are slower
    for seed in range(ROUNDS):
        model, optimizer, loader = notes_recipe(data.train, seed)
        spent, reached, scores = [], None, []
        for total in train_epochs(model, optimizer, loader, 6):
            spent.append(total)
            scores.append(accuracy(model, test))
            if scores[-1] >= 0.9743:
                reached = reached or total
            if len(spent) >= 3 and reached:
                break
        epochs.append(spent[0])
        torch.manual_seed(seed)
        same = LeNet()
        ours.append(seconds(train, same, data.train, num_epochs=1))
        bare.append(time_floor(ready))
        torch.manual_seed(seed)
        plain = LeNet()
        train(plain, data.train, num_epochs=3)
        shortfall.append(scores[2] - evaluate(plain, data.test).accuracy)
        quick = fast_lenet(seed)
        took = seconds(train, quick, data.train, **FAST | {"num_epochs": 0.7, "lr": 8e-3})
        quick_accuracy = evaluate(quick, data.test).accuracy
        if reached and quick_accuracy >= 0.9743:
            reach.append(reached)
            ours_reach.append(took)
        longer = fast_lenet(seed)
        num_epochs = max(1, int(0.9 * spent[2] / (took / 0.7)))
        took = seconds(train, longer, data.train, num_epochs=num_epochs, **FAST)
        if took <= spent[2]:
            best.append(100 * evaluate(longer, data.test).accuracy)
    note = f"{statistics.median(ours):.1f} s against {statistics.median(epochs):.1f} s; the bare "
    note += f"steps alone are {median_ratio(bare, epochs):.2f}, see profile.txt"
    name = "MNIST, notes' recipe: time of an epoch"
    yield Result(name, median_ratio(ours, epochs), 0.45, True, note)
    write_profile(data.train[:12_800])
    note = "points lost against the baseline after 3 epochs, mean of the seeds"
    yield Result("... accuracy lost", 100 * statistics.mean(shortfall), 0.4, True, note)
    note = f"{len(reach)} of {ROUNDS} seeds reach it in 0.7 epochs"
    value = median_ratio(ours_reach, reach) if len(reach) == ROUNDS else float("inf")
    yield Result("MNIST: time to 97.43 %", value, 1 / 8, True, note)
    listed = ", ".join(f"{value:.2f}" for value in best)
    note = f"in the baseline's time for 3 epochs, {len(best)} of {ROUNDS} seeds in time: {listed}"
    value = statistics.median(best) if len(best) == ROUNDS else 0.0
    yield Result("MNIST: accuracy (%)", value, 99.0, False, note)


def cifar10() -> Iterator[Result]:
    """Compare with the beginner's recipe."""
    data = load("cifar10")
    test = loader_of(data, lambda images: images / 127.5 - 1)
    transform = data.normalize
    ratios, notes = [], []
    for seed in range(ROUNDS):
        model, optimizer, loader = beginners_recipe(data.train, seed)
        *_, spent = train_epochs(model, optimizer, loader, 2)
        wanted = accuracy(model, test)
        ours = fast_lenet(seed, input_size=32, in_channels=3)
        options = {"num_epochs": 2, "transform": transform} | FAST
        took = seconds(train, ours, data.train, **options)
        reached = evaluate(ours, data.test, transform=transform).accuracy
        ratios.append(took / spent if reached >= wanted else float("inf"))
        notes.append(f"{wanted:.1%} in {spent:.0f} s, ours {reached:.1%} in {took:.1f} s")
    name = "CIFAR-10: time to what the beginner's recipe reaches"
    yield Result(name, statistics.median(ratios), 1 / 12, True, "; ".join(notes))


def wide() -> Iterator[Result]:
    """Show what a wider network reaches; one seed a call, as one takes two minutes."""
    data = load("cifar10")
    transform = data.normalize
    torch.manual_seed(0)
    best = ConvNet(channels=(32, 64, 128))
    options = FAST | {"num_epochs": 10, "lr": 1e-2, "augment": augment, "transform": transform}
    took = seconds(train, best, data.train, **options)
    score = 100 * evaluate(best, data.test, transform=transform).accuracy
    name = "CIFAR-10, wider ConvNet, 10 epochs: accuracy (%)"
    yield Result(name, score, 80.0, False, f"in {took:.0f} s, seed 0")


def overhead() -> Iterator[Result]:
    """Compare with the bare steps on batches that are ready."""
    data = load("mnist").train[:25_600]
    ready = ready_batches(data)
    ours, theirs = [], []
    for _ in range(2 * ROUNDS + 1):
        ours.append(seconds(train, LeNet(), data, num_epochs=1))
        theirs.append(time_floor(ready))
    note = "progress bar, history, gathering and scaling included"
    yield Result(
        "Time of fit over the bare steps", median_ratio(ours[1:], theirs[1:]), 1.1, True, note
    )


MEMORY = """
import resource, sys, time, torch
from nnlab_course.data import Split
from nnlab_course.training import fit
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
num_images, batch_size = int(sys.argv[1]), int(sys.argv[2])
split = Split(torch.zeros(num_images, 1, 28, 28, dtype=torch.uint8), torch.zeros(num_images).long())
split.images.random_()
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
quiet = dict(on_epoch=lambda history: None)
fit(model, split[:1000], num_epochs=1, batch_size=batch_size, **quiet)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
fit(model, split, num_epochs=1, batch_size=batch_size, **quiet)
took = time.perf_counter() - start
print(took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def scaling() -> Iterator[Result]:
    """Look at time and memory against the number of images, and of batches."""

    def measure(num_images: int, batch_size: int) -> tuple[float, float]:
        command = [sys.executable, "-c", MEMORY, str(num_images), str(batch_size)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return tuple(map(float, output.split()))

    small, large = ([measure(number, 64) for _ in range(ROUNDS)] for number in (10_000, 240_000))
    ratio = statistics.median(b[0] / a[0] for a, b in zip(small, large, strict=True)) / 24
    yield Result("Time per image, 240,000 over 10,000", ratio, 1.25, True, "1 is linear")
    share = statistics.median(b[1] for b in large) / (240_000 * 784 / 2**20)
    note = "growth of the memory in an epoch of 240,000, over the size of the images"
    yield Result("Copies of the images", share, 0.1, True, note)
    many = [measure(240_000, 8) for _ in range(ROUNDS)]
    growth = statistics.median(b[1] for b in many)
    yield Result("Memory for 30,000 recorded batches (MB)", growth, 10.0, True, "of 3 numbers each")
