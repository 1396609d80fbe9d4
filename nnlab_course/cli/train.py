"""`nnlab train`: train a network of the course"""

# A plain module, edited here.

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from nnlab_course.cli.options import FILE, answer, json_option, root_option


def _build_model(name: str, dataset: Any, activation: str, pool: str, seed: int) -> Any:
    """Make a network for the images of a dataset, the same each time for the same seed."""
    import torch
    from torch import nn

    from nnlab_course.cifar10 import ConvNet
    from nnlab_course.lenet import LeNet

    channels, size = dataset.train.images.shape[1:3]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "convnet":
            return ConvNet(size, channels, len(dataset.classes))
        return LeNet(
            size,
            channels,
            len(dataset.classes),
            activation={"tanh": nn.Tanh, "relu": nn.ReLU}[activation],
            pool={"avg": nn.AvgPool2d, "max": nn.MaxPool2d}[pool],
        )


@contextmanager
def _process_group() -> Iterator[int]:  # This process's number, from 0
    """Join the processes that `torchrun` has started, if it has."""
    import torch
    from torch import distributed

    if not distributed.is_torchelastic_launched():
        yield 0
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield distributed.get_rank()
    finally:
        distributed.destroy_process_group()


def _save_weights(model: Any, path: Path, about: dict[str, Any]) -> None:
    """Write the weights of a network to a safetensors file, whole or not at all."""
    from safetensors.torch import save

    from nnlab_course.files import write_whole

    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write_whole(path, save(weights, {"nnlab": json.dumps(about)}))


_MODELS = click.Choice(["lenet", "convnet"])
_ACTIVATIONS = click.Choice(["tanh", "relu"])
_POOLS = click.Choice(["avg", "max"])
_SCHEDULES = click.Choice(["constant", "one_cycle"])
_OPTIMIZERS = click.Choice(["adam", "sgd"])


@click.command()
@click.option("--data", "data_name", default="mnist", help="Dataset.")
@click.option("--model", "model_name", default="lenet", type=_MODELS, help="Network.")
@click.option("--activation", default="tanh", type=_ACTIVATIONS, help="Of lenet.")
@click.option("--pool", default="avg", type=_POOLS, help="Of lenet.")
@click.option("--epochs", default=3.0, help="Passes over the images; 0.5 stops half way.")
@click.option("--batch-size", default=64, help="Images in a batch.")
@click.option("--lr", default=5e-4, help="Learning rate; the highest one of one_cycle.")
@click.option("--schedule", default="constant", type=_SCHEDULES, help="Of the learning rate.")
@click.option("--optimizer", default="adam", type=_OPTIMIZERS, help="sgd has momentum 0.9.")
@click.option("--normalize", is_flag=True, help="Bring each channel to mean 0 and deviation 1.")
@click.option("--augment", is_flag=True, help="Mirror and shift: for photographs, not for digits.")
@click.option("--valid", "num_valid", default=0, help="Images to hold out and judge on.")
@click.option("--patience", type=int, help="Epochs to wait for a lower validation loss.")
@click.option("--seed", default=0, help="Of all randomness.")
@click.option("--device", help="cpu, cuda or mps. Default: a GPU if there is one.")
@click.option("--checkpoint", type=FILE, help="Write the run here, and go on from here.")
@click.option("--out", type=FILE, help="Write the weights here (safetensors).")
@click.option("--history", "history_path", type=FILE, help="Write each step's numbers here (JSON).")
@click.option("--progress/--no-progress", default=None, help="A bar. Default: in a terminal.")
@root_option
@json_option
def train(**options: Any) -> None:
    """Train a network, and judge it on the test images.

    \b
    LeNet on MNIST by the recipe of lesson 4:
        nnlab train
    The same with ReLU and max pooling, and a schedule; one epoch is enough for 97 %:
        nnlab train --activation relu --pool max --epochs 1 \\
            --batch-size 128 --lr 4e-3 --schedule one_cycle
    A night on CIFAR-10 that survives anything; call it again and it goes on:
        nnlab train --data cifar10 --model convnet --normalize --augment --epochs 50 \\
            --batch-size 128 --lr 1e-2 --schedule one_cycle --checkpoint night.pt
    Four processes that work as one:
        torchrun --nproc-per-node 4 --no-python nnlab train --data cifar10
    """
    wanted = SimpleNamespace(**options)
    for path in (wanted.checkpoint, wanted.out, wanted.history_path):
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"{path} can't be written: there is no such folder")
    with _process_group() as rank:
        _train(wanted, rank)


def _train(wanted: SimpleNamespace, rank: int) -> None:
    """Load, train, and let the first process tell what came of it."""
    from nnlab_course.data import load
    from nnlab_course.training import unit_range

    dataset = load(wanted.data_name, wanted.root)
    model = _build_model(wanted.model_name, dataset, wanted.activation, wanted.pool, wanted.seed)
    num_parameters = sum(weights.numel() for weights in model.parameters())
    if not wanted.as_json and rank == 0:
        click.echo(f"{dataset}\n{wanted.model_name}: {num_parameters:,} parameters")
    transform = dataset.normalize if wanted.normalize else unit_range
    start = time.perf_counter()
    history = _fit(wanted, rank, model, dataset, transform)
    facts = {
        "data": dataset.name,
        "model": wanted.model_name,
        "num_parameters": num_parameters,
        "seed": wanted.seed,
        "interrupted": history.interrupted,
        "seconds": time.perf_counter() - start,
        "epochs": history.to_dict()["epochs"],
    }
    if rank == 0:
        _report(wanted, model, dataset, transform, history, facts)


def _fit(
    wanted: SimpleNamespace, rank: int, model: Any, dataset: Any, transform: Callable
) -> Any:  # The history
    """Call `fit` with what the command's options say."""
    import torch

    from nnlab_course.cifar10 import augment
    from nnlab_course.training import ADAM, fit
    from nnlab_course.training.history import print_epoch

    part, valid = dataset.train, None
    if wanted.num_valid:
        generator = torch.Generator().manual_seed(wanted.seed)
        part, valid = dataset.train.split(wanted.num_valid, generator=generator)
    return fit(
        model,
        part,
        valid=valid,
        num_epochs=wanted.epochs,
        batch_size=wanted.batch_size,
        lr=wanted.lr,
        schedule=wanted.schedule,
        optimizer=ADAM if wanted.optimizer == "adam" else _sgd,
        transform=transform,
        augment=augment if wanted.augment else None,
        patience=wanted.patience,
        device=wanted.device,
        generator=torch.Generator().manual_seed(wanted.seed),
        checkpoint=wanted.checkpoint,
        on_epoch=(lambda history: None) if wanted.as_json or rank > 0 else print_epoch,
        progress=wanted.progress,
    )


def _report(
    wanted: SimpleNamespace,
    model: Any,
    dataset: Any,
    transform: Callable,
    history: Any,
    facts: dict[str, Any],
) -> None:
    """Write the files that were asked for, judge the network, and print what there is to tell."""
    from nnlab_course.training import evaluate

    if wanted.history_path:
        history.to_json(wanted.history_path)
    if history.interrupted:
        again = ", the same call goes on" if wanted.checkpoint else ""
        answer(wanted.as_json, facts, f"interrupted{again}")
        sys.exit(130)
    test = evaluate(model, dataset.test, transform=transform)
    facts["test"] = {"loss": test.loss, "accuracy": test.accuracy}
    if wanted.out:
        about = {name: facts[name] for name in ("data", "model", "seed", "test")}
        about |= {"activation": wanted.activation, "pool": wanted.pool}
        _save_weights(model, wanted.out, about)
    answer(wanted.as_json, facts, f"test {test}")


def _sgd(parameters: Any, lr: float) -> Any:
    """Make the optimiser of most recipes before Adam."""
    from torch.optim import SGD

    return SGD(parameters, lr=lr, momentum=0.9)
