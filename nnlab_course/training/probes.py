"""Look at what a model answers: before the first step, and when the loss is no number any more"""

# A plain module, edited here.

import copy
from collections.abc import Callable, ValuesView

import torch
from torch import Tensor, nn

from nnlab_course.data import Split
from nnlab_course.training.guards import Transform, warn
from nnlab_course.training.step import predict


def check_model(
    model: nn.Module,
    split: Split,
    transform: Transform,
    *others: Split | None,  # Whose labels need a logit as well
) -> None:
    """Refuse a model that can't take the images or has no logit for some label; warn of slips.

    **Raises:** `ValueError`.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("the model has no parameters that require a gradient: nothing can learn")
    images = split.images[:8].to(next(model.parameters()).device)
    try:
        images = transform(images)  # once: it may draw random numbers
        _check_output(model, images)
        logits = _answer(model, images)
    except _OutputError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"the model can't take images of shape {tuple(images.shape)} after the transform: "
            f"{error}"
        ) from error
    _check_logits(logits, len(images))
    for labels in (part.labels for part in (split, *others) if part is not None):
        _check_labels(labels, logits.shape[1])
    _warn_of_probabilities(logits)
    _warn_of_neighbours(model, images, logits)
    _warn_of_hidden_layers(model)


class _OutputError(ValueError):
    """What a model returns can't be learned from."""


def _check_output(model: nn.Module, images: Tensor) -> None:
    """Refuse what is no tensor, or one through which no gradient flows."""
    was_training = model.training
    model.eval()
    try:
        with torch.enable_grad():
            output = model(images)
    finally:
        model.train(was_training)
    if not isinstance(output, Tensor):
        kind = type(output).__name__
        raise _OutputError(f"the model returns a {kind}; return the logits alone, a tensor")
    if output.is_floating_point() and not output.requires_grad:
        raise _OutputError(
            "no gradient flows through the model's logits: is there a detach(), a no_grad() or a "
            "detour over NumPy in its forward?"
        )


def _warn_of_hidden_layers(model: nn.Module) -> None:
    """Warn of layers in a list or a dictionary, which no optimiser finds."""
    known = {id(parameter) for parameter in model.parameters()}
    for module in model.modules():
        for name, held in vars(module).items():
            held = held.values() if isinstance(held, dict) and name[:1] != "_" else held
            layers = [x for x in held if isinstance(x, nn.Module)] if _is_listed(held) else []
            if any(id(weights) not in known for layer in layers for weights in layer.parameters()):
                warn(
                    f"{type(module).__name__}.{name} holds layers in a plain list or dictionary, "
                    "where no optimiser finds them; use nn.ModuleList or nn.ModuleDict"
                )
                return


def _is_listed(held: object) -> bool:
    return isinstance(held, list | tuple | ValuesView)


def _answer(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Return the logits for images that are transformed already."""
    return predict(model, images, batch_size=batch_size, transform=lambda images: images)


def _check_logits(logits: Tensor, num_images: int) -> None:
    """Refuse an output that is no logits."""
    expected = f"it must return logits, floating, ({num_images}, num_classes)"
    if logits.ndim != 2 or not logits.is_floating_point() or len(logits) != num_images:
        raise ValueError(
            f"the model returns {logits.dtype} of shape {tuple(logits.shape)} for "
            f"{num_images} images; {expected}"
        )


def _check_labels(labels: Tensor, num_classes: int) -> None:
    """Refuse labels for which there is no logit."""
    low, high = labels.min().item(), labels.max().item()
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels go from {low} to {high}, but the model returns {num_classes} logits, "
            f"for labels from 0 to {num_classes - 1}"
        )


def _warn_of_probabilities(logits: Tensor) -> None:
    """Warn of a softmax at the end: cross-entropy has its own."""
    if logits.shape[1] < 2:
        return
    ones = torch.ones(len(logits), device=logits.device)
    logits = logits.float()
    if (logits >= 0).all() and logits.sum(1).allclose(ones, atol=1e-4):
        warn(
            "the model ends with a softmax (its outputs are positive and add up to 1), and the "
            "cross-entropy applies another, so it learns slowly; return the logits instead"
        )
    elif (logits <= 0).all() and logits.exp().sum(1).allclose(ones, atol=1e-4):
        warn(
            "the model ends with a log-softmax, which the cross-entropy applies itself; return "
            "the logits instead"
        )


def _warn_of_neighbours(model: nn.Module, images: Tensor, logits: Tensor) -> None:
    """Warn if the logits of an image change from call to call, or with the images beside it."""

    def differs(found: Tensor) -> bool:
        return found.shape != logits.shape or not found.allclose(logits, 1e-2, 1e-3)

    if not logits.isfinite().all():
        return  # the first step says more about it
    if differs(_answer(model, images)):
        warn(
            "the model answers differently each time in evaluation mode; is a dropout always on? "
            "F.dropout needs training=self.training"
        )
    elif len(images) > 1:
        try:
            alone = _answer(model, images, batch_size=1)
        except (RuntimeError, ValueError):
            return  # a single image is no batch to this model, which may be meant
        if differs(alone):
            warn(
                "the model's logits for an image depend on the other images in the batch; does it "
                "take a mean or a softmax over dimension 0, or reshape the batch away?"
            )


def find_fault(
    model: nn.Module,
    images: Tensor,  # The transformed batch whose loss is not finite
) -> str:  # A part of a sentence
    """Say where the first value that is not finite is."""
    if not images.isfinite().all():
        return "the images are not finite after the transform"
    for name, weights in model.named_parameters():
        if not weights.isfinite().all():
            return f"the weights {name} are not finite, so an earlier step was too large"
    faults = []

    def listen(name: str) -> Callable:
        def look(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            if isinstance(output, Tensor) and not output.isfinite().all():
                faults.append(f"the output of {name} ({type(module).__name__}) is not finite")

        return look

    model = copy.deepcopy(model)  # its hooks and running statistics go away with it
    for name, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(listen(name or "the model"))
    with torch.no_grad():
        model(images)
    return (
        faults[0] if faults else "every layer's output is finite, so the logits are too far apart"
    )
