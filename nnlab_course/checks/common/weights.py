"""The weights of a network, found by their shapes, drawn anew, and put into a copy"""

# A plain module, edited here.

from collections import Counter
from collections.abc import Callable
from itertools import permutations

import torch
from torch import Tensor, nn

from nnlab_course.exercises import Network, as_tensor

Shape = tuple[int, ...]
Weights = dict[Shape, Tensor]  # Each shape occurs once in a LeNet


def read_shapes(state: dict[str, Tensor]) -> Counter:
    """Count the shapes of a network's weights."""
    return Counter(tuple(weights.shape) for weights in state.values())


def without_weights(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network without drawing its weights, which would use up random numbers."""
    with torch.device("meta"):
        return build()


def shapes_of(build: Callable[[], nn.Module]) -> Counter:
    """Count the shapes of the weights of a network that is not built yet."""
    return read_shapes(without_weights(build).state_dict())


def find_names(
    network: Network,
    shapes: Counter,  # Of the network that is asked for
) -> dict[Shape, str] | None:  # What the weight of each shape is called; None: other weights
    """Find the weights of a network that is asked for in one of a student.

    Buffers, and the slopes of PReLU, may stand beside them.
    """
    state = network.state()
    of_layers = {
        f"{layer.name}.{name}".lstrip("."): layer.kind
        for layer in network.layers()
        for name in layer.shapes
    }
    by_shape: dict[Shape, list[str]] = {shape: [] for shape in shapes}
    for name, weights in state.items():
        if of_layers.get(name) == "PReLU":
            continue
        if tuple(weights.shape) in by_shape:
            by_shape[tuple(weights.shape)].append(name)
        elif name in of_layers:
            return None
    if any(len(names) != 1 for names in by_shape.values()):
        return None
    return {shape: name for shape, (name,) in by_shape.items()}


def draw_weights(
    build: Callable[[], nn.Module],  # The network that is asked for
    generator: torch.Generator,
) -> Weights:
    """Draw weights with which activations and poolings can't be overlooked.

    The first linear layer takes the sum of its inputs, so that their order makes no difference:
    maps may be flattened in any layout.
    """
    layers = [
        layer
        for layer in without_weights(build).modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    first_linear = next(layer for layer in layers if isinstance(layer, nn.Linear))
    drawn = {}
    for layer in layers:
        shape, fan_in = tuple(layer.weight.shape), layer.weight[0].numel()
        weights = torch.randn(shape, generator=generator) * 4 / fan_in**0.5
        if layer is first_linear:
            column = torch.randn(shape[0], 1, generator=generator)
            weights = (4 / fan_in * column).expand(shape).contiguous()
        drawn[shape] = weights
        if layer.bias is not None:
            drawn[tuple(layer.bias.shape)] = torch.randn(len(layer.bias), generator=generator)
    return drawn


def load_weights(
    build: Callable[[], nn.Module],
    weights: Weights,
) -> nn.Module | None:  # In evaluation mode; None: these weights don't fit into it
    """Build a network with these weights."""
    network = without_weights(build).eval()
    empty = network.state_dict()
    if read_shapes(empty) != Counter(weights.keys()):
        return None
    found = {name: weights[tuple(meta.shape)] for name, meta in empty.items()}
    network.load_state_dict(found, assign=True)
    return network


@torch.no_grad()
def copy_network(
    build: Callable[[], nn.Module],  # The network that is asked for
    weights: Weights,  # Those of the student
    map_shape: tuple[int, int, int],  # What is flattened: channels, height, width
    images: Tensor,  # (N, C, H, W), float32
    logits: Tensor,  # Those of the student's network for these, (N, num_classes)
) -> nn.Module | None:
    """Build the student's network again, in whatever layout it flattens its maps.

    None if no copy computes the same logits: then they come from something else than the weights.
    """
    features = map_shape[0] * map_shape[1] * map_shape[2]
    (first,) = (s for s in weights if len(s) == 2 and s[1] == features)
    for order in permutations(range(3)):
        sizes = [map_shape[dim] for dim in order]
        back = [order.index(dim) + 1 for dim in range(3)]
        columns = weights[first].reshape(-1, *sizes).permute(0, *back).reshape(first)
        network = load_weights(build, weights | {first: columns.contiguous()})
        if network is not None and torch.allclose(
            network(images).double(), logits, rtol=1e-3, atol=1e-3
        ):
            return network
    return None


def read_weights(network: Network, names: dict[Shape, str]) -> Weights:
    """Copy a student's weights, float32."""
    state = network.state()
    return {shape: as_tensor(state[name]).float() for shape, name in names.items()}
