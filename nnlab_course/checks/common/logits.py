"""Have a student's network compute its logits, and explain what goes wrong there"""

# A plain module, edited here.

import re

from torch import Tensor

from nnlab_course.exercises import AnswerError, Network, as_tensor, is_close

NUM_IMAGES = 7  # Not the size of anything in a network


def compute_logits(
    network: Network,
    images: Tensor,  # (N, C, H, W), float32
    num_classes: int = 10,
    state: dict[str, Tensor] | None = None,  # Weights in place of its own
) -> Tensor:  # (N, num_classes), float64
    """Have a student's network compute its logits.

    **Raises:** `AnswerError` if it can't, in the terms of the exercise, or if they have another
    shape or aren't finite.
    """
    try:
        logits = as_tensor(network.outputs(images, state))
    except AnswerError as error:
        raise _explain(error) from error
    if logits.shape != (len(images), num_classes):
        raise AnswerError(
            f"for {len(images)} images the network returns logits of shape {tuple(logits.shape)}, "
            f"expected shape {(len(images), num_classes)}",
            "shape",
        )
    if not logits.isfinite().all():
        message = "the logits are not finite: training has broken down, try a lower learning rate"
        raise AnswerError(message, "not-finite")
    return logits


def check_each_image_alone(
    network: Network,
    images: Tensor,  # (N, C, H, W), float32
    logits: Tensor,  # What it computed for these, (N, num_classes)
) -> None:
    """Make sure that an image's logits depend on nothing but the image and the weights.

    **Raises:** `AnswerError` if they are random, or depend on the other images of the batch.
    """
    turned = compute_logits(network, images.flip(0), logits.shape[1])
    if is_close(turned.flip(0), logits, atol=1e-4, rtol=1e-3):
        return
    again = compute_logits(network, images, logits.shape[1])
    if not is_close(again, logits, atol=1e-4, rtol=1e-3):
        raise AnswerError(
            "the same images get other logits each time, in evaluation mode too: `F.dropout` needs "
            "`training=self.training`, or use `nn.Dropout`, which knows the mode",
            "random",
        )
    message = "an image's logits depend on its place in the batch, or on the images beside it"
    raise AnswerError(message, "depends-on-batch")


def _explain(error: AnswerError) -> AnswerError:
    """Say what an error in `forward` is about."""
    text = str(error)
    if found := re.search(r"shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x\d+\)", text):
        return _explain_product(*map(int, found.groups()))
    if "size mismatch, got input" in text:
        message = "the whole batch was flattened into one vector: begin with dimension 1"
        return AnswerError(message, "batch-flattened")
    if found := re.search(r"to have (\d+) channels, but got (\d+) channels", text):
        expected, given = found.groups()
        message = f"a convolution with {expected} for `in_channels` gets {given} channels"
        return AnswerError(message, "wrong-channels")
    if "Kernel size can't be greater than actual input size" in text:
        return AnswerError("the maps are smaller than the next kernel already", "maps-too-small")
    if "view size is not compatible" in text:
        message = "`view` needs numbers that lie in order; use `flatten(1)` or `reshape`"
        return AnswerError(message, "view")
    if "Double" in text or "Half" in text or "same dtype" in text:
        message = "the network's weights are not float32, as the images are: leave out `.double()`"
        return AnswerError(message, "dtype")
    return error


def _explain_product(rows: int, given: int, expected: int) -> AnswerError:
    """Say why a linear layer can't take what it gets."""
    if rows == NUM_IMAGES:
        message = f"{given} numbers per image reach a linear layer made for {expected}"
        return AnswerError(f"{message}: compute the size of the maps again", "wrong-flatten")
    if rows == 1:
        message = "the whole batch was flattened into one vector: begin with dimension 1"
        return AnswerError(message, "batch-flattened")
    message = "maps reach a linear layer, which wants one vector per image: flatten them first"
    return AnswerError(message, "not-flattened")
