"""Record the experiments of lesson 5 that take minutes, on the real CIFAR-10, with three seeds.

    NNLAB_DATA=... OMP_NUM_THREADS=1 python scripts/record_experiments.py [PART ...]
    NNLAB_DATA=... OMP_NUM_THREADS=1 python scripts/record_experiments.py --check

Without a PART it records all of them, about half an hour on one core. Every run is written to
nnlab_course/records/PART.json as soon as it is done; the next call goes on after the last one.
Delete a file to record its part anew. Time is processor time of one thread, so that what else the
machine does hardly counts. --check runs one seed of a quick experiment again, about a minute, and
fails if its accuracy is further from the recorded ones than they are from one another, and 3 points
more.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from nnlab_course.cifar10 import ConvNet, augment, lenet_variant
from nnlab_course.data import Dataset, Split, load
from nnlab_course.files import write_whole
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit, train_step

RECORDS = Path(__file__).parent.parent / "nnlab_course" / "records"
COMMAND = "OMP_NUM_THREADS=1 python scripts/record_experiments.py"
SEEDS = (0, 1, 2)
TOLERANCE = 0.03  # Accuracy: how far a run on another machine may lie outside the recorded ones

RECIPE = {"num_epochs": 3, "batch_size": 128, "lr": 4e-3, "schedule": "one_cycle"}
NOTES = {"num_epochs": 3, "batch_size": 64, "lr": 5e-4, "schedule": "constant"}

FACTORS = {  # LeNet with ReLU and max pooling, and one factor of it changed
    "LeNet": lenet_variant,
    "twice the maps": partial(lenet_variant, maps=(12, 32)),
    "twice the convolutions": partial(lenet_variant, convolutions=2),
    "normalised": partial(lenet_variant, norm=True),
    "ConvNet": ConvNet,
}
NOTES_LENET = partial(LeNet, 32, 3)
RELU, MAXIMUM = {"activation": nn.ReLU}, {"pool": nn.MaxPool2d}
RECIPES = {  # The notes' recipe, and one thing of it changed
    "the notes' recipe": (NOTES_LENET, {}),
    "ReLU": (partial(NOTES_LENET, **RELU), {}),
    "max pooling": (partial(NOTES_LENET, **MAXIMUM), {}),
    "batches of 128": (NOTES_LENET, {"batch_size": 128}),
    "learning rate 0.004": (NOTES_LENET, {"lr": 4e-3}),
    "one-cycle": (NOTES_LENET, {"schedule": "one_cycle"}),
    "all five": (
        partial(NOTES_LENET, **RELU, **MAXIMUM),
        {"batch_size": 128, "lr": 4e-3, "schedule": "one_cycle"},
    ),
}
BASELINES = {
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)),
    "two linear layers": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(3072, 20), nn.ReLU(), nn.Linear(20, 10)
    ),
    "LeNet, pixels shuffled": lenet_variant,
}
RATES = (1e-5, 1e-4, 1e-3, 4e-3, 1.6e-2, 1e-1)


@cache
def photographs() -> tuple[Dataset, Split, Split]:
    """Return CIFAR-10 without its validation images, its training images, and those."""
    cifar10 = load("cifar10", download=False)
    if cifar10.name != "cifar10":
        sys.exit(f"this needs the real CIFAR-10, but found {cifar10}; set NNLAB_DATA")
    generator = torch.Generator().manual_seed(0)
    train, valid = cifar10.train.split(len(cifar10.train) // 10, generator=generator)
    return replace(cifar10, train=train), train, valid


def normalise(images: Tensor) -> Tensor:
    """Bring each channel to the mean 0 and the standard deviation 1 of the training images."""
    return photographs()[0].normalize(images)


def shuffled(images: Tensor) -> Tensor:
    """Normalise, and put the pixels in another order, the same for all images."""
    order = torch.randperm(1024, generator=torch.Generator().manual_seed(0))
    return normalise(images).flatten(2)[..., order].view_as(images)


def run(
    build: Callable[[], nn.Module],
    seed: int,
    *,
    num_images: int | None = None,  # Of the training images; all of them by default
    num_judged: int | None = None,  # Of the validation images, and of the training images
    transform: Callable[[Tensor], Tensor] = normalise,
    **options: object,  # Of `fit`
) -> dict[str, object]:
    """Train one network; return its accuracies after each epoch, training images as they are."""
    _, train, valid = photographs()
    train, valid = train[: num_images or len(train)], valid[: num_judged or len(valid)]
    torch.manual_seed(seed)
    network, curves = build(), {"training": [], "validation": []}

    def judge(history):
        known = evaluate(network, train[: len(valid)], transform=transform)
        curves["training"].append(round(known.accuracy, 4))
        curves["validation"].append(round(history.epochs[-1].valid.accuracy, 4))

    start, generator = time.process_time(), torch.Generator().manual_seed(seed)
    options = {"generator": generator, "transform": transform, "progress": False} | options
    history = fit(network, train, valid=valid, on_epoch=judge, **options)
    seconds = round(time.process_time() - start, 1)
    losses = [round(loss, 3) for loss in history.step_losses]
    return {"seed": seed, "seconds": seconds, **curves, "losses": losses}


def without_losses(result: dict[str, object]) -> dict[str, object]:
    """Drop the loss of every step, which only the sweep of learning rates draws."""
    return {key: value for key, value in result.items() if key != "losses"}


@cache
def seconds_per_step() -> dict[str, float]:
    """Measure a training step of each network on 128 images, the least of several rounds."""
    train, times = photographs()[1], {name: [] for name in FACTORS}
    images, labels = normalise(train.images[:128]), train.labels[:128]
    for _ in range(8):
        for name, build in FACTORS.items():
            network = build()
            optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
            train_step(network, optimizer, images, labels)
            start = time.process_time()
            for _ in range(8):
                train_step(network, optimizer, images, labels)
            times[name].append((time.process_time() - start) / 8)
    return {name: min(values) for name, values in times.items()}


def factors(seed: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield each network at equal epochs, then in the time that LeNet takes for these."""
    for name, build in FACTORS.items():
        yield f"{name}, equal epochs", lambda build=build: run(build, seed, **RECIPE)
    for name, build in FACTORS.items():
        if name != "LeNet":
            yield (
                f"{name}, equal time",
                lambda name=name, build=build: in_equal_time(name, build, seed),
            )


def in_equal_time(name: str, build: Callable[[], nn.Module], seed: int) -> dict[str, object]:
    """Train for as many steps as fit into the time of LeNet's."""
    seconds = seconds_per_step()
    num_epochs = round(RECIPE["num_epochs"] * seconds["LeNet"] / seconds[name], 3)
    milliseconds = {key: round(1000 * value, 2) for key, value in seconds.items()}
    result = run(build, seed, **RECIPE | {"num_epochs": num_epochs})
    return {"epochs": num_epochs, "milliseconds_per_step": milliseconds} | result


def recipes(seed: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield the notes' recipe, each change of it alone, and all of them."""
    for name, (build, change) in RECIPES.items():
        options = NOTES | {"num_images": 10_000} | change
        yield name, partial(run, build, seed, **options)


def learning_rates(seed: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield one epoch at each constant rate, with the mean loss of every ten steps."""
    for lr in RATES:
        yield f"{lr:g}", partial(at_rate, lr, seed)


def at_rate(lr: float, seed: int) -> dict[str, object]:
    """Train for one epoch at a constant rate."""
    options = RECIPE | {"num_epochs": 1, "num_images": 15_000, "lr": lr, "schedule": "constant"}
    try:
        result = run(lenet_variant, seed, **options)
    except FloatingPointError as error:
        return {"seed": seed, "error": str(error), "losses": []}
    losses = torch.tensor(result["losses"])
    means = [round(part.mean().item(), 3) for part in losses.split(10)]
    return result | {"losses": means}


def augmentation(seed: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield few images for many epochs, with and without augmentation."""
    few = RECIPE | {"num_epochs": 40, "lr": 2e-3, "schedule": "constant"}
    few |= {"num_images": 2000, "num_judged": 1000}
    yield "2,000 images", partial(run, lenet_variant, seed, **few)
    yield "2,000 images, augmented", partial(run, lenet_variant, seed, augment=augment, **few)


def baselines(seed: int) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield what a network reaches without convolutions, or without neighbours."""
    for name, build in BASELINES.items():
        transform = shuffled if "shuffled" in name else normalise
        yield name, partial(run, build, seed, transform=transform, **RECIPE)


PARTS = {
    "factors": factors,
    "baselines": baselines,
    "learning_rates": learning_rates,
    "augmentation": augmentation,
    "recipes": recipes,
}


def read(part: str) -> dict:
    """Read what is recorded of a part, or begin."""
    path = RECORDS / f"{part}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    version = torch.__version__.split("+")[0]
    machine = f"one thread of {os.cpu_count()} cores, {platform.machine()}; torch {version}"
    return {"date": str(date.today()), "machine": machine, "command": COMMAND, "runs": {}}


def write(part: str, record: dict) -> None:
    """Write what is recorded of a part, a run a line."""
    runs = [
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"   {_one_line(run)}" for run in runs) + "\n  ]"
        for name, runs in record["runs"].items()
    ]
    head = [f" {json.dumps(key)}: {json.dumps(record[key])}" for key in record if key != "runs"]
    text = ",\n".join([*head, ' "runs": {\n' + ",\n".join(runs) + "\n }"])
    write_whole(RECORDS / f"{part}.json", f"{{\n{text}\n}}\n")


def _one_line(run: dict) -> str:
    return json.dumps(run, separators=(",", ":"))


def record_part(part: str) -> None:
    """Record the runs of a part that are not there yet."""
    record = read(part)
    for seed in SEEDS:
        for name, experiment in PARTS[part](seed):
            done = record["runs"].setdefault(name, [])
            if any(result["seed"] == seed for result in done):
                continue
            result = experiment()
            done.append(result if part == "learning_rates" else without_losses(result))
            write(part, record)
            print(part, name, f"seed {seed}", result.get("validation", ["-"])[-1], flush=True)


def check() -> int:
    """Run a quick experiment again; return 1 if the record no longer holds."""
    failures = 0
    for part, name in (("recipes", "all five"), ("baselines", "linear")):
        recorded = [result["validation"][-1] for result in read(part)["runs"][name]]
        low, high = min(recorded) - TOLERANCE, max(recorded) + TOLERANCE
        now = dict(PARTS[part](SEEDS[0]))[name]()["validation"][-1]
        holds = low <= now <= high
        verdict = "holds" if holds else "does not hold"
        print(f"{part}, {name}: {now:.1%}, recorded {low:.1%} to {high:.1%}: {verdict}")
        failures += not holds
    return int(failures > 0)


def main() -> int:
    """Record the parts asked for, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--check", action="store_true", help="does the record still hold?")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if arguments.check:
        return check()
    for part in arguments.parts or PARTS:
        record_part(part)
    return 0


if __name__ == "__main__":
    sys.exit(main())
