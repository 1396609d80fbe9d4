"""`fit`: train a network on images in memory, and go on after any interruption"""

# A plain module, edited here.

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nnlab_course.data import Split
from nnlab_course.training import guards
from nnlab_course.training.history import History, print_epoch
from nnlab_course.training.probes import check_model
from nnlab_course.training.processes import from_first, num_processes, rank
from nnlab_course.training.run import Run, RunSettings, fingerprint
from nnlab_course.training.step import evaluate, make_schedule, unit_range

logger = logging.getLogger("nnlab_course.training")
ADAM = partial(torch.optim.Adam, fused=True)  # One operation updates all weights: faster


def fit(
    model: nn.Module,  # Maps transformed images to logits (N, num_classes); trained in place
    train: Split,  # Images and labels to learn from
    *,
    valid: Split | None = None,  # Judged before training and after each epoch
    num_epochs: float = 3,  # Passes over the training images; 0.5 stops after half of them
    batch_size: int = 64,  # Images in a batch
    lr: float = 5e-4,  # Learning rate; the highest one of "one_cycle"
    schedule: str = "constant",  # "constant" or "one_cycle"
    optimizer: Callable[..., torch.optim.Optimizer] = ADAM,  # Takes parameters and lr
    transform: Callable[[Tensor], Tensor] = unit_range,  # Applied to every batch of images
    augment: Callable[[Tensor], Tensor] | None = None,  # Before it, to training batches only
    patience: int | None = None,  # Epochs to wait for a lower validation loss; None: to the end
    device: str | torch.device | None = None,  # Where to train; by default a GPU if there is one
    generator: torch.Generator | None = None,  # Of all randomness; by default seeded with 0
    checkpoint: str | Path | None = None,  # A file to write to, and to go on from if it is there
    checkpoint_seconds: float = 10.0,  # How often to write it; also after each epoch
    on_epoch: Callable[[History], object] = print_epoch,  # Called before the first, after each
    progress: bool | None = None,  # Show a bar; None: in a terminal and in Jupyter
) -> History:
    """Train `model` by cross-entropy on its logits, and return what happened.

    On a CPU the result depends on the initial weights and on `generator` alone. With `patience`,
    the model ends with the weights of its lowest validation loss. An interrupt ends the run after
    the current step (`history.interrupted`). With `checkpoint`, the same call goes on where the
    last one was stopped and ends with the very weights of a run that never was; with more epochs
    and a constant learning rate, it trains longer.

    **Raises:** `TypeError` or `ValueError`, before the first step, for arguments that can't work;
    `FloatingPointError` if the loss is not finite; `CheckpointError` if the checkpoint is damaged
    or of another run. **Warns** of what only misleads, such as a softmax at the end of the model.
    """
    sizes = {"num_epochs": num_epochs, "batch_size": batch_size, "lr": lr, "patience": patience}
    guards.check_arguments(model, train, valid, **sizes)
    guards.check_helpers(checkpoint, generator, transform, augment, on_epoch)
    check_model(model, train, transform, valid)
    home = next(model.parameters()).device
    device = guards.choose_device(device, home)
    optimizer = guards.build_optimizer(optimizer, model.to(device), lr)
    prepare = (lambda images: transform(augment(images))) if augment else transform
    generator = generator or torch.Generator().manual_seed(0)
    run = _begin(model, train, optimizer, prepare, generator, sizes | {"schedule": schedule})
    run.checkpoint, run.checkpoint_seconds = checkpoint, checkpoint_seconds
    guards.remember_transform(model, transform)  # before the run itself judges the model
    try:
        with _own_randomness(run.settings.seed + rank(), device), _interruptible() as stop:
            _train(run, valid, transform, on_epoch, progress, stop)
    finally:
        model.to(home)
    return _end(run)


def _begin(
    model: nn.Module,  # On the device to train on
    train: Split,
    optimizer: torch.optim.Optimizer,
    prepare: Callable[[Tensor], Tensor],
    generator: torch.Generator,
    chosen: dict[str, object],  # The other settings
) -> Run:
    """Put together what a run works with; the images stay uint8, a GPU gets a copy of all."""
    device = next(model.parameters()).device
    settings = RunSettings(
        **chosen | {"batch_size": int(chosen["batch_size"])},  # of NumPy, too
        optimizer=type(optimizer).__name__,
        num_images=len(train),
        labels=fingerprint(train.labels),
        seed=fingerprint(generator.get_state()),
    )
    steps_per_epoch = guards.count_steps(model, len(train), settings.batch_size)
    num_steps = round(settings.num_epochs * steps_per_epoch)
    return Run(
        model=model,
        network=DistributedDataParallel(model) if num_processes() > 1 else model,
        optimizer=optimizer,
        scheduler=make_schedule(optimizer, settings.schedule, num_steps),
        generator=generator,
        images=train.images.to(device),
        labels=train.labels.to(device),
        prepare=prepare,
        settings=settings,
        num_steps=num_steps,
        history=History(steps_per_epoch=steps_per_epoch),
    )


def _end(run: Run) -> History:
    """Leave the model with its best weights, if they were kept, and hand out the history."""
    if run.best is not None and not run.history.interrupted:
        run.model.load_state_dict(run.best)
    return run.history


def _train(
    run: Run,
    valid: Split | None,
    transform: Callable[[Tensor], Tensor],
    on_epoch: Callable[[History], object],
    progress: bool | None,
    stop: list[int],
) -> None:
    """Go on from the checkpoint, epoch by epoch, to the end or to an interrupt."""

    def judge() -> None:
        first = valid is not None and rank() == 0
        run.add_row(from_first(evaluate(run.model, valid, transform=transform) if first else None))
        run.save()
        if rank() == 0:
            on_epoch(run.history)

    run.restore()
    if not run.history.epochs:
        judge()
    with run.progress_bar(progress) as bar:
        while not run.is_over and not stop:
            run.epoch(bar, stop)
            if run.at_row:
                bar.clear()  # the new row of the history takes its line
                judge()
    if stop and not run.is_over:
        run.history.interrupted = True
        run.save()
        logger.warning(
            "Interrupted after %.2f of %g epochs; model and history so far are kept.",
            run.num_done / run.history.steps_per_epoch,
            run.settings.num_epochs,
        )


@contextmanager
def _interruptible() -> Iterator[list[int]]:  # Empty, until there is a reason to stop
    """Turn the first interrupt (Ctrl-C, or Jupyter's stop button) into a note."""
    notes = []

    def note(number: int, frame: object) -> None:
        if notes:
            raise KeyboardInterrupt
        notes.append(number)

    if threading.current_thread() is not threading.main_thread() or num_processes() > 1:
        yield notes  # only the main thread may do this; of several processes, one can't stop alone
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield notes
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global streams, and give them back as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
