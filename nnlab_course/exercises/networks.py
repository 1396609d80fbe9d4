"""A student's network, seen by what the checks need of it"""

# A plain module, edited here.

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.parameter import is_lazy

from nnlab_course.exercises.answers import AnswerError
from nnlab_course.exercises.calling import call


class Layer(NamedTuple):
    """One module without children, as plain data."""

    name: str  # Where it stands, such as "features.0"
    kind: str  # Its class's name, such as "Conv2d"
    shapes: dict[str, tuple[int, ...]]  # Its own parameters, such as {"weight": (6, 1, 5, 5), ...}
    options: dict[str, Any]  # Its numbers, tuples and strings, such as {"stride": (1, 1), ...}


class Network:
    """A network, seen by what the checks need of it."""

    def __init__(self, module: nn.Module):
        self._module = module

    def layers(self) -> list[Layer]:
        """List the modules without children, in the order in which they were registered."""
        return [
            Layer(
                name,
                type(module).__name__,
                {
                    n: () if is_lazy(p) else tuple(p.shape)
                    for n, p in module.named_parameters(recurse=False)
                },
                {
                    key: value
                    for key, value in vars(module).items()
                    if isinstance(value, bool | int | float | str | tuple) and key[0] != "_"
                },
            )
            for name, module in self._module.named_modules()
            if not list(module.children())
        ]

    def num_parameters(self) -> int:
        """Count the numbers that training may change."""
        learned = (p for p in self._module.parameters() if p.requires_grad)
        return sum(p.numel() for p in learned if not is_lazy(p))

    def state(self) -> dict[str, Tensor]:
        """Copy the parameters and buffers; those of lazy layers come with the first inputs."""
        named = self._module.state_dict(keep_vars=True).items()
        return {name: t.detach().clone() for name, t in named if not is_lazy(t)}

    def outputs(
        self,
        inputs: Tensor,  # (N, ...)
        state: dict[str, Tensor] | None = None,  # Weights to compute with, in place of its own
    ) -> Tensor:
        """Compute the outputs in evaluation mode, without a graph; the network stays as it is."""
        was_training = self._module.training
        self._module.eval()
        try:
            with torch.no_grad():
                return _forward(self._module, inputs, state or {})
        finally:
            self._module.train(was_training)

    def trace(
        self,
        inputs: Tensor,  # (N, ...)
        nudges: dict[str, Tensor] | None = None,  # By layer's name, shaped as its outputs
        training: bool = True,  # In training mode, or else in evaluation mode
    ) -> tuple[Tensor, dict[str, Tensor]]:  # Outputs; each linear layer's inputs, in order of use
        """Run once in float64, adding `nudges` to what linear layers compute.

        The network itself stays as it is; what it draws at random is the same each time. Layers
        that are never used are missing.
        """
        with torch.no_grad():
            return self._run_nudged(inputs, dict(nudges or {}), training)

    def output_gradients(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Compute the gradient of the mean cross-entropy for each linear layer's outputs.

        As in `trace`: training mode, float64, in order of use.
        """
        zeros = {}
        outputs, _ = self._run_nudged(inputs, zeros)
        loss = F.cross_entropy(outputs, labels)
        found = torch.autograd.grad(loss, list(zeros.values()), allow_unused=True)
        return {
            name: torch.zeros_like(zero) if gradient is None else gradient
            for (name, zero), gradient in zip(zeros.items(), found, strict=True)
        }

    def _run_nudged(
        self, inputs: Tensor, nudges: dict[str, Tensor], training: bool = True
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run a copy, and fill in a nudge of zeros wherever one is missing."""
        module = copy.deepcopy(self._module).cpu().double().train(training)
        seen: dict[str, Tensor] = {}

        def listen(name: str) -> Callable[..., Tensor]:
            def add_nudge(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
                seen.setdefault(name, args[0].detach().clone())
                if name not in nudges:
                    nudges[name] = torch.zeros_like(output, requires_grad=True)
                return output + nudges[name]

            return add_nudge

        for name, layer in module.named_modules():
            if isinstance(layer, nn.Linear):
                layer.register_forward_hook(listen(name))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _forward(module, inputs.double(), {}), seen


def _forward(module: nn.Module, inputs: Tensor, state: dict[str, Tensor]) -> Tensor:
    """Call a student's network, with other weights where `state` has some.

    **Raises:** `AnswerError` if it returns something else than one tensor.
    """
    if any(is_lazy(p) for p in module.parameters()):  # it learns its shapes from the first inputs
        with torch.no_grad():
            call(lambda x: {"": module(x)}, inputs)
    outputs = call(lambda x: {"": functional_call(module, state, (x,))}, inputs)[""]
    if outputs is None:
        raise AnswerError("`forward` returns nothing; end it with `return`", "no-return")
    if not isinstance(outputs, Tensor):
        kind = type(outputs).__name__
        message = f"the network returns a {kind}, not one tensor; return the logits alone"
        raise AnswerError(message, "no-tensor")
    return outputs


def build_network(
    answer: Any,  # A module, a function or class without arguments, or a marker's stand-in
    *,
    seed: int = 0,  # For the starting weights; the caller's random numbers are left alone
) -> Network:
    """Make the network that an answer describes.

    **Raises:** `NotAnswered` if nothing comes out; `AnswerError` if no module does.
    """
    if hasattr(type(answer), "build_network"):
        return answer.build_network(seed)
    if not callable(answer):
        raise AnswerError(_no_network(type(answer).__name__), "not-a-network")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = answer if isinstance(answer, nn.Module) else call(answer)
    if not isinstance(module, nn.Module):
        raise AnswerError(_no_network(type(module).__name__), "not-a-network")
    return Network(module)


def _no_network(kind: str) -> str:
    """Say what stands where a network is expected."""
    message = f"expected a network (an `nn.Module`), got a {kind}"
    if kind == "History":
        return f"{message}: `fit` trains a network in place; hand in the network"
    if kind in ("tuple", "list"):
        return f"{message}: hand in the network alone"
    return message
