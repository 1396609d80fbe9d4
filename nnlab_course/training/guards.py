"""What is looked at before the first step: arguments that can't work, and calls that mislead"""

# A plain module, edited here.

import math
import warnings
from collections.abc import Callable
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nnlab_course.data import Dataset, Split

Transform = Callable[[Tensor], Tensor]


def warn(message: str) -> None:
    """Warn whoever called `fit` or `evaluate`."""
    warnings.warn(message, stacklevel=4)


# --- what is given ---------------------------------------------------------------------------


def require_module(model: object) -> None:
    """Refuse what is no network.

    **Raises:** `TypeError`.
    """
    if isinstance(model, type):
        name = model.__name__
        raise TypeError(f"model is the class {name}; make a network of it first: {name}()")
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; give a network, an nn.Module")


def _way_out(data: object) -> str:
    """Say how to make a `Split` of what was given instead."""
    if isinstance(data, Dataset):
        return "give one of its parts, .train or .test"
    if isinstance(data, torch.utils.data.DataLoader):
        return "batches are made here: give the images and labels as a Split, Split(images, labels)"
    if isinstance(data, tuple | list) and len(data) == 2:
        return "make it a Split: Split(images, labels)"
    if hasattr(data, "data") and hasattr(data, "targets"):  # of torchvision
        images = "torch.as_tensor(d.data)"
        grey = getattr(data.data, "ndim", 0) == 3
        images += "[:, None]" if grey else ".permute(0, 3, 1, 2)"
        return f"with d for this set: Split({images}, torch.as_tensor(d.targets))"
    if isinstance(data, torch.utils.data.Subset):
        return "choose from a Split by its indices: split[indices]"
    return "give a Split of images and labels"


def require_split(data: object, name: str) -> None:
    """Refuse what is no `Split`, or an empty one.

    **Raises:** `TypeError`, `ValueError`.
    """
    if not isinstance(data, Split):
        raise TypeError(f"{name} is a {type(data).__name__}, not a Split; {_way_out(data)}")
    if len(data) == 0:
        raise ValueError(f"{name} is empty; give at least one image")


def require_number(
    value: object,
    name: str,
    allowed: str,  # What to use instead, in words
    *,
    low: float,
    whole: bool = False,
    above: bool = False,  # Whether `low` itself is refused
) -> None:
    """Refuse what is no number, or too small or infinite a one.

    **Raises:** `TypeError`, `ValueError`.
    """
    kind = Integral if whole else Real
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; use {allowed}")
    if not (low < value if above else low <= value) or not value < math.inf:
        raise ValueError(f"{name} is {value}; use {allowed}")


def check_arguments(
    model: object,
    train: object,
    valid: object,
    *,
    num_epochs: object,
    batch_size: object,
    lr: object,
    patience: object,
) -> None:
    """Refuse arguments of `fit` that can't work.

    **Raises:** `TypeError`, `ValueError`.
    """
    require_module(model)
    require_split(train, "train")
    if valid is not None:
        require_split(valid, "valid")
        if valid.images.shape[1:] != train.images.shape[1:]:
            raise ValueError(f"train holds {train}, valid {valid}; both must have the same shape")
    require_number(batch_size, "batch_size", "a whole number, 1 or more", low=1, whole=True)
    require_number(num_epochs, "num_epochs", "a number, 0 or more", low=0)
    require_number(lr, "lr", "a number above 0, such as 5e-4", low=0, above=True)
    if patience is not None:
        allowed = "a whole number, 1 or more, together with a valid split"
        require_number(patience, "patience", allowed, low=1, whole=True)
        if valid is None:
            raise ValueError(f"patience is {patience}, without a valid split; give valid as well")


def check_helpers(
    checkpoint: object,
    generator: object,
    transform: object,
    augment: object,  # None: there is none
    on_epoch: object,
) -> None:
    """Refuse what `fit` could not call, draw from, or write to.

    **Raises:** `TypeError`, `ValueError`.
    """
    functions = {"transform": transform, "on_epoch": on_epoch}
    functions |= {} if augment is None else {"augment": augment}
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(
                f"{name} is {function!r:.40}, a {type(function).__name__}; give a function, or "
                "leave it out"
            )
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator is {generator!r}; use torch.Generator().manual_seed(0), with your seed"
        )
    if checkpoint is not None and not isinstance(checkpoint, str | PathLike):
        raise TypeError(f"checkpoint is {checkpoint!r}; give the path of a file, or leave it out")
    if checkpoint is not None and Path(checkpoint).is_dir():
        raise ValueError(f"checkpoint is {checkpoint}, a folder; give a file in it")


def choose_device(
    device: object,  # As given to `fit`; None: a GPU if there is one
    home: torch.device,  # Where the model is
) -> torch.device:
    """Return the device to train on.

    **Raises:** `ValueError` if there is no such device here.
    """
    if device is None:
        return torch.device("cuda") if torch.cuda.is_available() else home
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        there = ["cpu"]
        there += ["cuda"] if torch.cuda.is_available() else []
        there += ["mps"] if torch.backends.mps.is_available() else []
        message = f"device is {device!r}, which isn't here; use {' or '.join(map(repr, there))}"
        raise ValueError(message) from error
    return chosen


def build_optimizer(
    optimizer: object,  # As given to `fit`
    model: nn.Module,
    lr: float,
) -> torch.optim.Optimizer:
    """Make the optimiser, and make sure that it is this model's.

    **Raises:** `TypeError`, `ValueError`.
    """
    if isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer is an {type(optimizer).__name__} that is made already; give what makes it "
            "of parameters and lr: torch.optim.SGD, or functools.partial(torch.optim.SGD, "
            "momentum=0.9)"
        )
    if not callable(optimizer):
        raise TypeError(f"optimizer is {optimizer!r}; give a class such as torch.optim.Adam")
    made = optimizer(model.parameters(), lr=lr)
    if not isinstance(made, torch.optim.Optimizer):
        raise TypeError(f"optimizer makes a {type(made).__name__}, not a torch.optim.Optimizer")
    if isinstance(made, torch.optim.LBFGS):
        raise ValueError("LBFGS computes the loss several times a step; use Adam or SGD")
    held = {id(p) for group in made.param_groups for p in group["params"]}
    own = {id(p) for p in model.parameters() if p.requires_grad}
    if not held & own:
        raise ValueError("the optimiser holds the parameters of another model, none of this one")
    return made


# --- batch normalisation ---------------------------------------------------------------------


def has_batch_norm(model: nn.Module) -> bool:
    """Tell whether the model normalises over the batch while it learns."""
    return any(isinstance(module, _BatchNorm) for module in model.modules())


def count_steps(model: nn.Module, num_images: int, batch_size: int) -> int:
    """Count the batches of an epoch; one image left over joins the batch before it if need be.

    **Raises:** `ValueError` if every batch would be too small for batch normalisation.
    """
    steps = math.ceil(num_images / batch_size)
    if has_batch_norm(model):
        if min(num_images, batch_size) == 1:
            raise ValueError(
                "the model has batch normalisation, which needs 2 images or more at a time; "
                f"there are {num_images}, in batches of {batch_size}"
            )
        if num_images % batch_size == 1:
            steps -= 1
    return steps


# --- the transform of the training -----------------------------------------------------------

_TRANSFORMS: WeakKeyDictionary[nn.Module, Transform] = WeakKeyDictionary()


def remember_transform(model: nn.Module, transform: Transform) -> None:
    """Note with which transform a model was trained."""
    _TRANSFORMS[model] = transform


@torch.no_grad()
def warn_of_another_transform(model: nn.Module, images: Tensor, transform: Transform) -> None:
    """Warn if a model was trained on images that were transformed in another way."""
    then = _TRANSFORMS.get(model)
    if then is None or then == transform:
        return
    with torch.random.fork_rng(devices=[]):
        first, again, now = (step(images[:2]).float() for step in (then, then, transform))
    if torch.equal(first, again) and not (first.shape == now.shape and first.allclose(now)):
        warn(
            "the model was trained with another transform than it is judged with; give the same "
            "transform to fit and to evaluate"
        )


# --- ink and paper ---------------------------------------------------------------------------


def warn_of_dark_ink(
    split: Split,
    accuracy: float,  # On it, as a fraction
    read: Callable[[Tensor], Tensor],  # From images to logits
) -> None:
    """Warn if a network fails on dark ink on white paper, and reads it once it is inverted.

    MNIST's ink is bright on black. Looked at are grey images, 500 at most, of 5 classes or more.
    """
    images, labels = (part[:: -(-len(split) // 500)] for part in (split.images, split.labels))
    frame = torch.cat([images[..., [0, -1], :].flatten(), images[..., [0, -1]].flatten()])
    if images.shape[1] != 1 or accuracy > 0.5 or frame.float().mean() < 128:
        return
    logits = read(255 - images)
    inverted = (logits.argmax(1).cpu() == labels.cpu()).float().mean().item()
    if logits.shape[1] >= 5 and inverted > max(0.5, accuracy + 0.3):
        warn(
            "the pictures are dark ink on white paper, and the network reads bright ink on black: "
            f"{accuracy:.0%} are right, {inverted:.0%} when inverted; prepare them with invert=True"
        )
