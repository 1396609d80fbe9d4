"""Listen to the layers of a network: outputs, gradients and updates"""

# A plain module, edited here.

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

__all__ = ["LayerStats", "watch_gradients"]


@dataclass
class LayerStats:
    """What `watch_gradients` measured of one layer; `nan` is what it could not measure.

    Norms are Euclidean, over all entries (and all samples of the batch).
    """

    kind: str  # The layer's class, e.g. "Linear"
    output_mean: float = math.nan  # Mean of the layer's output
    output_std: float = math.nan  # Its standard deviation
    output_grad_norm: float = math.nan  # Norm of δ, the loss's gradient with respect to the output
    grad_norm: float = math.nan  # Norm of the gradient of its weights, biases left out
    weight_norm: float = math.nan  # Norm of its weights when the block began
    update_ratio: float = math.nan  # Norm of the weights' change in the block / weight_norm


@dataclass
class _Ear:
    """Listens to one layer, over all its runs."""

    layer: nn.Module
    weights: list[Tensor] = field(default_factory=list)  # Copies from before the block
    outputs: list[tuple[int, float, float]] = field(default_factory=list)  # Count, sum, squares
    gradients: list[float] = field(default_factory=list)  # Sums of squares
    handles: list[RemovableHandle] = field(default_factory=list)

    def listen(self) -> None:
        self.handles.append(self.layer.register_forward_hook(self._on_output))

    def _on_output(self, layer: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        output = output[0] if isinstance(output, tuple) and output else output
        if isinstance(output, Tensor):
            total = _exact(output).sum().item()
            self.outputs.append((output.numel(), total, _squares(output)))
            if output.requires_grad:
                hear = partial(_append_squares, self.gradients)
                self.handles.append(output.register_hook(hear))

    def stop(self) -> None:
        for handle in self.handles:
            handle.remove()

    def measure(self, stats: LayerStats) -> None:
        """Fill in what was heard."""
        count, total, squares = (sum(run[i] for run in self.outputs) for i in range(3))
        if count:
            stats.output_mean = total / count
            stats.output_std = math.sqrt(max(squares / count - stats.output_mean**2, 0.0))
        if self.gradients:
            stats.output_grad_norm = math.sqrt(sum(self.gradients))
        if self.weights:
            self._measure_weights(stats)

    def _measure_weights(self, stats: LayerStats) -> None:
        after = _own_weights(self.layer)
        gradients = [weight.grad for weight in after if weight.grad is not None]
        pairs = zip(after, self.weights, strict=True)
        change = math.sqrt(_squares(*(new.detach() - old for new, old in pairs)))
        stats.weight_norm = math.sqrt(_squares(*self.weights))
        stats.grad_norm = math.sqrt(_squares(*gradients)) if gradients else math.nan
        stats.update_ratio = change / stats.weight_norm if stats.weight_norm else math.nan


@contextmanager
def watch_gradients(
    module: nn.Module,  # Any module
    layer_types: type | tuple[type, ...] | None = None,  # E.g. nn.Linear; default: see below
) -> Iterator[dict[str, LayerStats]]:  # By name, as in `named_modules`; filled when the block ends
    """Measure outputs, gradients and updates of the layers of `module` inside a `with` block.

    Run forward and backward (and an optimizer's step, for `update_ratio`) inside the block; call
    `zero_grad` before it. By default every module without children is watched, and every one with
    parameters of its own. A layer that runs more than once is measured over all its runs; of a
    tuple only the first tensor is measured. The hooks are removed when the block ends, also by an
    exception.

    **Raises:** `TypeError` if `module` is not a module; `ValueError` if it has no layer to watch,
    or lazy layers that have not run yet.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"got a {type(module).__name__}; give an nn.Module")
    ears = {
        name: _Ear(layer, [weight.detach().clone() for weight in _own_weights(layer)])
        for name, layer in _find_layers(module, layer_types).items()
    }
    stats = {name: LayerStats(type(ear.layer).__name__) for name, ear in ears.items()}
    try:
        for ear in ears.values():
            ear.listen()
        yield stats
    finally:
        for ear in ears.values():
            ear.stop()
    for name, ear in ears.items():
        ear.measure(stats[name])


def _find_layers(
    module: nn.Module, layer_types: type | tuple[type, ...] | None
) -> dict[str, nn.Module]:
    def wanted(layer: nn.Module) -> bool:
        if layer_types is not None:
            return isinstance(layer, layer_types)
        return not any(layer.children()) or any(True for _ in layer.parameters(recurse=False))

    named = module.named_modules()
    layers = {name or type(layer).__name__: layer for name, layer in named if wanted(layer)}
    if not layers:
        raise ValueError(f"{type(module).__name__} has no layer of {layer_types}; name other types")
    return layers


def _own_weights(layer: nn.Module) -> list[Tensor]:
    named = layer.named_parameters(recurse=False)
    weights = [parameter for name, parameter in named if "bias" not in name]
    if any(nn.parameter.is_lazy(weight) for weight in weights):
        raise ValueError(f"{type(layer).__name__} is lazy; run one batch through the module first")
    return weights


def _squares(*tensors: Tensor) -> float:
    # In float64: in float32 the square of a gradient below 1e-23 would already be 0.
    return sum(_exact(tensor).square().sum().item() for tensor in tensors)


def _exact(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return (tensor.cpu() if tensor.is_mps else tensor).double()  # MPS has no float64


def _append_squares(sums: list[float], gradient: Tensor) -> None:
    sums.append(_squares(gradient))
