"""A run of `fit`: what was asked for, what has become of it so far, and how it goes on"""

# A plain module, edited here.

import copy
import math
import operator
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.optim.lr_scheduler import LRScheduler
from tqdm.auto import tqdm

from nnlab_course.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from nnlab_course.training.history import Epoch, History, Metrics
from nnlab_course.training.probes import find_fault
from nnlab_course.training.processes import from_first, num_processes, rank, take_share
from nnlab_course.training.step import train_step

_GPU_STEPS = 50  # How many steps a GPU may work ahead of the program


@dataclass(frozen=True)
class RunSettings:
    """What a run is: it goes on from a checkpoint only if these are the same there."""

    num_epochs: float
    batch_size: int
    lr: float
    schedule: str
    patience: int | None
    optimizer: str  # Name of its class
    num_images: int
    labels: int  # Checksum
    seed: int  # Checksum of the generator's state

    def named(self) -> dict[str, object]:
        """Return them as a checkpoint and a message name them."""
        return {_NAMED.get(name, name): value for name, value in asdict(self).items()}


_NAMED = {"num_images": "number of images", "labels": "checksum of the labels"}
_NAMED["seed"] = "seed's checksum"


def fingerprint(values: Tensor) -> int:
    """Return a number that differs, almost surely, where the values do."""
    return zlib.crc32(values.cpu().contiguous().numpy())


@dataclass
class Run:
    """What `fit` works with."""

    model: nn.Module
    network: nn.Module  # The model, or what makes it learn together with other processes
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    generator: torch.Generator
    images: Tensor
    labels: Tensor
    prepare: Callable[[Tensor], Tensor]  # Augments and transforms a batch
    settings: RunSettings
    num_steps: int
    history: History
    checkpoint: str | Path | None = None
    checkpoint_seconds: float = 10.0
    best: dict[str, Tensor] | None = None  # The weights of the lowest validation loss

    def __post_init__(self) -> None:
        self.epoch_start = self.generator.get_state()
        self.start = time.perf_counter()

    # --- where it is ---

    @property
    def num_done(self) -> int:
        """Count the steps that were taken."""
        return len(self.history.step_losses)

    @property
    def is_over(self) -> bool:
        """Tell whether all steps were taken, or enough was waited for a better loss."""
        patience = self.settings.patience
        return self.num_done >= self.num_steps or bool(patience and self.waited >= patience)

    @property
    def at_row(self) -> bool:
        """Tell whether an epoch, or the run, has just ended."""
        return self.num_done % self.history.steps_per_epoch == 0 or self.num_done == self.num_steps

    @property
    def waited(self) -> int:
        """Count the epochs since the validation loss was lowest."""
        losses = [row.valid.loss for row in self.history.epochs]
        losses = [loss if math.isfinite(loss) else math.inf for loss in losses]
        return len(losses) - 1 - losses.index(min(losses))

    # --- learning ---

    def epoch(self, bar: tqdm, stop: list[int]) -> None:  # `stop` is empty until an interrupt
        """Learn from every image once, in a new order; what was done already is left out."""
        self.model.train()
        number = self.num_done // self.history.steps_per_epoch + 1
        bar.set_description(f"epoch {number} of {math.ceil(self.settings.num_epochs)}", False)
        self.epoch_start = self.generator.get_state()
        first, saved = self.num_done, time.perf_counter()
        for chunk in self._chunks():
            self._record([self._step(indices) for indices in chunk])
            self._show(bar, sum(map(len, chunk)), first)
            if self.at_row:
                break  # which is saved with its row of the history
            if stop:
                return
            if time.perf_counter() - saved >= self.checkpoint_seconds:
                self.save()
                saved = time.perf_counter()
        if self.num_done % self.history.steps_per_epoch == 0:
            self.epoch_start = self.generator.get_state()

    def _chunks(self) -> Iterator[list[Tensor]]:
        """Yield the batches that are left of this epoch, those together that a GPU may do ahead."""
        order = torch.randperm(len(self.labels), generator=self.generator).to(self.labels.device)
        size, steps = self.settings.batch_size, self.history.steps_per_epoch
        batches = [*order[: (steps - 1) * size].split(size), order[(steps - 1) * size :]]
        batches = batches[-steps:]  # splitting nothing gives one empty batch
        done = self.num_done % steps
        batches = batches[done : done + self.num_steps - self.num_done]
        ahead = _GPU_STEPS if self.labels.is_cuda else 1
        for first in range(0, len(batches), ahead):
            yield batches[first : first + ahead]

    def _step(
        self,
        indices: Tensor,  # Of one batch's images
    ) -> Tensor:  # This process's part of the batch's mean loss and accuracy, (2,)
        """Learn from one batch."""
        mine, share = take_share(indices, rank(), num_processes())
        images = self.prepare(self.images.index_select(0, mine))  # quicker than images[mine]
        labels = self.labels.index_select(0, mine)
        try:
            loss, hits = train_step(self.network, self.optimizer, images, labels, share=share)
        except FloatingPointError as error:
            raise self._not_finite(images) from error
        self.scheduler.step()
        return torch.stack([loss, hits / len(mine)]) * (share / num_processes())

    def _record(self, results: list[Tensor]) -> None:  # As `_step` returns them
        """Write the results of some steps, over all processes, into the history."""
        numbers = torch.stack(results)
        if num_processes() > 1:
            distributed.all_reduce(numbers)
        for loss, accuracy in numbers.tolist():
            if not math.isfinite(loss):
                raise self._not_finite(self.prepare(self.images[:2]))
            self.history.step_losses.append(loss)
            self.history.step_accuracies.append(accuracy)
            self.history.step_seconds.append(time.perf_counter() - self.start)

    def _not_finite(self, images: Tensor) -> FloatingPointError:
        """Return the error that says where the loss broke, and what to try."""
        return FloatingPointError(
            f"the loss is not finite at step {self.num_done + 1} of {self.num_steps}: "
            f"{find_fault(self.model, images)}. Try a smaller lr than {self.settings.lr:g}; if it "
            "breaks at the first step, look at the images and the transform"
        )

    # --- what is told ---

    def means_since(self, first: int) -> Metrics:  # Number of a step
        """Return the means over the images of the steps since then."""
        steps, size = self.history.steps_per_epoch, self.settings.batch_size
        last = len(self.labels) - (steps - 1) * size
        sizes = [last if n % steps == steps - 1 else size for n in range(first, self.num_done)]

        def mean(values: list[float]) -> float:
            return sum(map(operator.mul, sizes, values[first:])) / sum(sizes)

        return Metrics(mean(self.history.step_losses), mean(self.history.step_accuracies))

    def add_row(self, valid: Metrics | None) -> None:
        """Sum up the steps since the last row of the history."""
        history = self.history
        last = round(history.epochs[-1].epoch * history.steps_per_epoch) if history.epochs else 0
        train = self.means_since(last) if self.num_done > last else None
        epoch = self.num_done / history.steps_per_epoch
        history.epochs.append(Epoch(epoch, train, valid, time.perf_counter() - self.start))
        if self.settings.patience and self.waited == 0:
            self.best = copy.deepcopy(self.model.state_dict())

    def _show(self, bar: tqdm, num_images: int, first: int) -> None:
        """Move the bar on; about ten times a second it tells the means since the step `first`."""
        if not bar.disable and time.time() - bar.last_print_t >= bar.mininterval:
            means = self.means_since(first)
            bar.set_postfix_str(f"loss {means.loss:.3f}, accuracy {means.accuracy:.1%}", False)
        bar.update(num_images)

    def progress_bar(self, show: bool | None) -> tqdm:
        """Make a bar that counts images; by default where somebody looks, save for TQDM_DISABLE."""
        if show is None:
            in_notebook = any("notebook" in base.__module__ for base in tqdm.__mro__)
            show = (in_notebook or sys.stderr.isatty()) and not os.environ.get("TQDM_DISABLE")
        epochs, steps = divmod(self.num_steps, self.history.steps_per_epoch)
        total = epochs * len(self.labels) + steps * self.settings.batch_size
        done = self.num_done * total // max(self.num_steps, 1)
        return tqdm(total=total, initial=done, unit=" images", disable=not show or rank() > 0)

    # --- the checkpoint ---

    def save(self) -> None:
        """Write the checkpoint, where one is wanted."""
        if self.checkpoint is None or rank() > 0:
            return
        state = {"settings": self.settings.named()}
        state |= {"epoch_start": self.epoch_start, "best": self.best}
        for name in ("model", "optimizer", "scheduler"):
            state[name] = getattr(self, name).state_dict()
        state |= {"history": self.history.to_dict(), "random": torch.random.get_rng_state()}
        save_checkpoint(self.checkpoint, state)

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one.

        **Raises:** `CheckpointError` if it is of another run, or holds none.
        """
        wanted = self.checkpoint is not None and rank() == 0
        state = from_first(load_checkpoint(self.checkpoint) if wanted else None)
        if state is None:
            return
        try:
            self._compare(state["settings"])
            for name in ("model", "optimizer", "scheduler"):
                getattr(self, name).load_state_dict(state[name])
            self.history = History.from_dict(state["history"] | {"interrupted": False})
            self.best = state["best"]
            self.generator.set_state(state["epoch_start"])
            torch.random.set_rng_state(state["random"])
        except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                f"{self.checkpoint} is a checkpoint of another network, or of none ({error}). "
                "Give another path for a new run"
            ) from error
        self.start -= max([row.seconds for row in self.history.epochs] + self.history.step_seconds)

    def _compare(self, there: dict) -> None:
        """Refuse the settings of another run; a longer one is the same if its rates are."""
        differences = {
            name: (there[name], value)
            for name, value in self.settings.named().items()
            if there[name] != value
        }
        if self.settings.schedule == "constant":
            differences.pop("num_epochs", None)
        if not differences:
            return
        listed = [
            f"{name} is {old} there and {new} here" for name, (old, new) in differences.items()
        ]
        way_out = "To go on, make the same call as then; for a new run, give another path"
        if set(differences) == {"num_epochs"}:
            way_out = (
                f"The learning rates of {self.settings.schedule!r} were laid out for "
                f"{there['num_epochs']:g} epochs. To train on, make the same call as then, which "
                "returns at once with its weights, and call fit once more with another path"
            )
        raise CheckpointError(
            f"{self.checkpoint} is a checkpoint of another run: {'; '.join(listed)}. {way_out}"
        )
