"""A table of a network's layers: what each returns, and how much it has to learn"""

# A plain module, edited here.

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class LayerRow(NamedTuple):
    """One line of a layer table: what a layer returns, and how much it has to learn."""

    name: str  # As in `model.named_modules()`
    layer: str  # Class of the layer
    output_shape: tuple[int, ...]  # For one image, without the batch dimension
    num_parameters: int

    def __str__(self) -> str:
        shape = " × ".join(map(str, self.output_shape))
        return f"{self.name:<14} {self.layer:<12} {shape:>14} {self.num_parameters:>8,}"


def layer_table(
    model: nn.Module,  # Any network
    input_shape: tuple[int, ...],  # Of one image, (C, H, W)
) -> list[LayerRow]:
    """List the layers of `model` in the order in which an image passes them."""
    rows: list[LayerRow] = []

    def record(name: str) -> Callable[[nn.Module, tuple, Tensor], None]:
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            size = sum(parameter.numel() for parameter in module.parameters())
            rows.append(LayerRow(name, type(module).__name__, tuple(output.shape[1:]), size))

        return hook

    was_training = model.training
    leaves = [(name, m) for name, m in model.named_modules() if not list(m.children())]
    handles = [module.register_forward_hook(record(name)) for name, module in leaves]
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *input_shape))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return rows
