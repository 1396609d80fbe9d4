"""Measure training, grading and the explorers; print a table with the bar of each ratio.

Run by `make bench`; needs the real MNIST and CIFAR-10 (in NNLAB_DATA, or downloaded). Everything
that is compared runs in turn, in one process; ratios are medians over the rounds. Writes
`results.md`, `results.png` and `profile.txt` into `_build/bench`. `run.py NAME ...` measures only
what is named.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from baselines import accuracy, beginners_recipe, floor, notes_recipe, train_epochs
from grading import NUM_STUDENTS
from grading import measure as grade_a_class
from matplotlib import pyplot as plt
from recipes import RECIPES
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, TensorDataset

from nnlab_course.cifar10 import ConvNet, augment
from nnlab_course.data import Dataset, Split, data_root, load, read_store
from nnlab_course.explorers.activations import ActivationExplorer
from nnlab_course.explorers.convolution import ConvolutionMicroscope
from nnlab_course.explorers.drawing import DigitPad, trained_lenet
from nnlab_course.explorers.gradients import GradientExplorer
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit
from nnlab_course.training.history import History

ROUNDS = 3
RESULTS = Path("_build/bench")


@dataclass(frozen=True)
class Result:
    """A figure, the bar it is held against, and how it came about."""

    name: str
    value: float
    bar: float
    at_most: bool  # Whether the bar is an upper one
    note: str

    @property
    def passed(self) -> bool:
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def __str__(self) -> str:
        bar = f"{'≤' if self.at_most else '≥'} {self.bar:.3g}"
        verdict = "yes" if self.passed else "**no**"
        return f"| {self.name} | {self.value:.3g} | {bar} | {verdict} | {self.note} |"


def seconds(function: Callable, *args: object, **kwargs: object) -> float:
    """Time one call."""
    start = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - start


def median_ratio(first: list[float], second: list[float]) -> float:
    """Compare what was measured in turn, pair by pair."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


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
    """Compare with the beginner's recipe, and show what else there is."""
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
    name = "CIFAR-10, LeNet, 8 epochs"
    scores = [100 * RECIPES[name].run(data, seed) for seed in range(ROUNDS)]
    note = ", ".join(f"{score:.1f}" for score in scores)
    yield Result(f"{name}: accuracy (%)", statistics.median(scores), 64.0, False, note)
    scores, times = [], []
    for seed in range(ROUNDS):
        torch.manual_seed(seed)
        best = ConvNet(channels=(32, 64, 128))
        options = FAST | {"num_epochs": 10, "lr": 1e-2, "augment": augment, "transform": transform}
        times.append(seconds(train, best, data.train, **options))
        scores.append(100 * evaluate(best, data.test, transform=transform).accuracy)
    note = ", ".join(f"{score:.1f}" for score in scores)
    yield Result("CIFAR-10, wider ConvNet: accuracy (%)", min(scores), 80.0, False, note)
    yield Result("... its time (s)", max(times), 480, True, "the slowest of three seeds")


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


DRAWS_ON = {  # What a module needs in any case
    "cli": "click, json, logging",
    "archives": "torch, numpy, PIL.ImageOps",
    "embedded": "torch",
    "checkpoints": "torch",
    "data": "torch, numpy, PIL.ImageOps",
    "history": "matplotlib.pyplot",
    "exercises": "torch",
    "pictures": "torch, matplotlib.pyplot, torchvision",
    "training": "torch, matplotlib.pyplot",
    "activations": "torch, matplotlib.pyplot",
    "autograd": "torch, matplotlib.pyplot, networkx",
    "gradients": "torch, matplotlib.pyplot",
    "lenet": "torch, matplotlib.pyplot, torchvision",
    "cifar10": "torch, matplotlib.pyplot",
}


def loading() -> Iterator[Result]:
    """Time the opening of a store, and the imports."""
    for name in ("mnist", "cifar10"):
        path = data_root() / f"{name}.safetensors"
        took = statistics.median(seconds(read_store, path) for _ in range(7))
        yield Result(f"Opening {name}'s store (ms)", 1000 * took, 20, True, "median of 7")

    def imported(names: str) -> float:
        command = [sys.executable, "-c", f"import {names}"]
        return seconds(subprocess.run, command, check=True)

    for module, needs in DRAWS_ON.items():
        pairs = [(imported(f"nnlab_course.{module}"), imported(needs)) for _ in range(2 * ROUNDS)]
        ratio = statistics.median(a / b for a, b in pairs[1:])
        yield Result(f"import nnlab_course.{module}", ratio, 1.15, True, f"over {needs}")


def grading() -> Iterator[Result]:
    """Grade a class, and a sample of it with nbgrader, on two cores each."""
    ours, theirs = grade_a_class()
    note = f"{ours.per_minute:.0f} a minute against {theirs.per_minute:.1f}"
    ratio = ours.per_minute / theirs.per_minute
    yield Result("Notebooks graded, over nbgrader", ratio, 4.0, False, note)
    right = NUM_STUDENTS - ours.lost - ours.wrong
    note = f"{ours.lost} lost, {ours.wrong} wrong"
    yield Result("... right marks of the class", right, NUM_STUDENTS, False, note)


def playing() -> Iterator[Result]:
    """Time the explorers, without the browser's part."""
    os.environ["NNLAB_STATIC"] = "0"
    digits = load("mnist").test.images[0] / 255
    learned = trained_lenet().features[0].weight
    moves = [i / 30 for i in range(30)]
    explorers = [
        (ActivationExplorer(), [{"x": move} for move in moves]),
        (GradientExplorer(depth=50), [{"gain": 1 + move} for move in moves]),
        (ConvolutionMicroscope(digits, learned=learned), [{"column": i % 20} for i in range(30)]),
    ]
    for explorer, changes in explorers:
        explorer._repr_mimebundle_()  # as a cell does that shows it
        times = [seconds(explorer.set, **change) for change in changes]
        name = f"redrawing {type(explorer).__name__} / 100 ms"
        note = f"median of 30; the longest took {max(times) * 1e3:.0f} ms"
        yield Result(name, statistics.median(times) / 0.1, 1.0, True, note)
        explorer.close()
    pad = DigitPad(trained_lenet())
    times = [seconds(pad.read, pad.drawing) for _ in range(30)]
    note = f"median of 30; the longest took {max(times) * 1e3:.1f} ms"
    yield Result("reading a drawing / 50 ms", statistics.median(times) / 0.05, 1.0, True, note)


PARTS = {
    part.__name__: part for part in (overhead, mnist, cifar10, scaling, loading, grading, playing)
}


def plot(results: list[Result]) -> None:
    """Draw how far each figure is from its bar; left of 1 is better than asked for."""
    shares = [r.value / r.bar if r.at_most else r.bar / r.value for r in results]
    _, ax = plt.subplots(figsize=(9, 0.36 * len(results) + 1), layout="constrained")
    colors = ["C0" if result.passed else "C1" for result in results]
    ax.barh([result.name for result in results], shares, color=colors)
    ax.axvline(1, color="black", linestyle="--", label="the bar")
    ax.invert_yaxis()
    ax.set(xlabel="part of the bar (orange: over it)", xlim=(0, max(1.2, min(2, max(shares)))))
    ax.legend()
    ax.figure.savefig(RESULTS / "results.png", dpi=120)


def main(names: list[str]) -> int:
    """Print the table; return 1 if a bar is not reached."""
    unknown = set(names) - set(PARTS)
    if unknown:
        print(f"unknown: {', '.join(unknown)}; use {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in ("mnist", "cifar10"):
        if load(name).name != name:
            print(f"the figures are of the real data; {name} is not there", file=sys.stderr)
            return 2
    os.makedirs(RESULTS, exist_ok=True)
    lines = ["| figure | measured | bar | reached | |", "|---|---|---|---|---|"]
    print(*lines, sep="\n", flush=True)
    results = []
    for name in names or PARTS:
        for result in PARTS[name]():
            results.append(result)
            print(result, flush=True)
    (RESULTS / "results.md").write_text("\n".join([*lines, *map(str, results)]) + "\n")
    plot(results)
    return int(not all(result.passed for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
