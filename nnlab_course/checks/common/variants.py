"""LeNet with every choice open: the right networks, and those that come out by mistake"""

# A plain module, edited here.

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn

from nnlab_course.exercises import Mistake


def make_lenet(
    *,
    channels: int = 1,
    map_size: int = 4,  # Side of the maps that are flattened
    activations: Sequence[Callable[[], nn.Module]] = (nn.ReLU,) * 4,
    pools: Sequence[Callable[[int], nn.Module]] = (nn.MaxPool2d,) * 2,
    end: Callable[[], nn.Module] = nn.Identity,
    padding: int = 0,  # Of the first convolution
    bias: bool = True,  # In the convolutions
    kernel_size: int = 5,
) -> nn.Sequential:
    """Make a network like LeNet; which choices fit together is the caller's concern."""
    first, second, third, fourth = (activation() for activation in activations)
    return nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size, padding=padding, bias=bias),
        *(first, pools[0](2)),
        nn.Conv2d(6, 16, kernel_size, bias=bias),
        *(second, pools[1](2), nn.Flatten()),
        *(nn.Linear(16 * map_size**2, 120), third, nn.Linear(120, 84), fourth),
        *(nn.Linear(84, 10), end()),
    )


def _softmax() -> nn.Module:
    return nn.Softmax(dim=1)


def _log_softmax() -> nn.Module:
    return nn.LogSoftmax(dim=1)


def end_mistakes(**choices: Any) -> tuple[Mistake, ...]:
    """Make the mistakes that are made behind the last layer of a LeNet of these choices."""
    return (
        Mistake(
            "softmax",
            "there is a softmax at the end; the loss takes logits, and a softmax before it spoils "
            "the gradient",
            partial(make_lenet, end=_softmax, **choices),
        ),
        Mistake(
            "log-softmax",
            "there is a log-softmax at the end; the loss applies it itself, so leave it out",
            partial(make_lenet, end=_log_softmax, **choices),
        ),
        Mistake(
            "activation-at-the-end",
            "there is an activation behind the last layer; logits are to be any numbers",
            partial(make_lenet, end=nn.ReLU, **choices),
        ),
        Mistake(
            "tanh-at-the-end",
            "there is an activation behind the last layer; logits are to be any numbers",
            partial(make_lenet, end=nn.Tanh, **choices),
        ),
        Mistake(
            "sigmoid-at-the-end",
            "there is a logistic behind the last layer; logits are to be any numbers",
            partial(make_lenet, end=nn.Sigmoid, **choices),
        ),
    )
