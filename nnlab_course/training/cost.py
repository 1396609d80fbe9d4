"""What a network costs, and how far it sees: counted, not timed"""

# A plain module, edited here.

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Size and work of a network, for one image.

    `multiply_adds` are those of the forward pass. `receptive_field` is the side, in pixels, of the
    square of the image that one number of the last map depends on. `memory` is what the forward
    pass keeps for the backward pass, in bytes, without the parameters.
    """

    parameters: int
    multiply_adds: int
    receptive_field: int
    memory: int

    def __str__(self) -> str:
        return (
            f"{self.parameters:>10,} {self.multiply_adds / 1e6:>14.2f} M "
            f"{self.receptive_field:>10} {self.memory / 1024:>9.0f} kB"
        )


def measure_cost(
    network: nn.Module,  # Its modules stand in the order in which an image passes them
    input_shape: tuple[int, ...],  # Of one image, (C, H, W)
) -> Cost:
    """Count parameters, multiply-adds, receptive field and memory, by passing one image."""
    was_training = network.training
    own = {parameter.data_ptr() for parameter in network.parameters()}
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor  # itself, so that its memory is not used again
        return tensor

    counter = FlopCounterMode(display=False)
    try:
        with counter, saved_tensors_hooks(keep, lambda tensor: tensor):
            network.eval()(torch.zeros(1, *input_shape))
    finally:
        network.train(was_training)
    return Cost(
        sum(parameter.numel() for parameter in network.parameters()),
        counter.get_total_flops() // 2,
        receptive_field(network),
        sum(tensor.nbytes for tensor in kept.values()),
    )


def receptive_field(
    network: nn.Module,  # Its convolutions and poolings stand in the order in which they are passed
) -> int:  # Side in pixels; 1 if there are none
    """Return the side of the square of the image that one number of the last map depends on.

    **Source:** Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning.
    """
    side, step = 1, 1  # step: how many pixels of the image lie between two neighbours of a map
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            kernel_size, stride = _first(layer.kernel_size), _first(layer.stride)
            side += (kernel_size - 1) * step
            step *= stride
    return side


def _first(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]
