"""Does an activation stand between any two linear layers?"""

# A plain module, edited here.
#
# What a module is called proves nothing, so each pair of layers is tried: what the first computes
# is moved, and what the second takes in must not follow as an affine map would.

from itertools import pairwise

import torch
from torch import Tensor

from nnlab_course.exercises import AnswerError, Network

_DRAWS, _BLOCK = 6, 8  # Rectangles for a pair of layers; units of a group that is normalised


def require_bends(net: Network, points: Tensor, generator: torch.Generator) -> None:
    """Make sure that the units bend between any two linear layers that follow one another.

    `points` are `(N, n_in)`, and more than an affine map of two layers' units has freedom to fit.

    **Raises:** `AnswerError` if they don't.
    """
    _, inputs = net.trace(points)
    noise = _noise_like_outputs(net.state(), inputs, generator)
    _, inputs = net.trace(points, noise)
    for k, (name, following) in enumerate(pairwise(inputs), start=1):
        _require_bend(k, inputs[name], noise[name], inputs[following])
    own = torch.Generator().manual_seed(generator.initial_seed())
    _require_bent_units(net, points[:1], own)


def _noise_like_outputs(
    state: dict[str, Tensor], inputs: dict[str, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """Draw noise for each linear layer's outputs, as widely spread as these, or more."""
    noise = {}
    for name, values in inputs.items():
        outputs = values @ state[f"{name}.weight"].double().T
        noise[name] = torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype)
        noise[name] *= max(outputs.std().item(), 1.0)  # near 0, tanh is as good as linear
    return noise


def _require_bend(k: int, before: Tensor, noise: Tensor, after: Tensor) -> None:
    """Make sure that what layer k + 1 takes in is no affine function of layer k's in- and output.

    The noise, which was added to the layer's output, is as good as the output: together with the
    input it spans the same functions. A skip connection and a batch normalisation change nothing.
    """
    if before.shape == after.shape and torch.equal(before, after):
        message = f"layers {k} and {k + 1} have the same input; stack them one after the other"
        raise AnswerError(message, "side-by-side")
    if not torch.isfinite(after.square().sum()):
        raise AnswerError(f"the inputs of layer {k + 1} overflow", "not-finite")
    known = torch.cat([before, noise, torch.ones(len(before), 1).double()], dim=1)
    rest = after - known @ torch.linalg.lstsq(known, after, driver="gelsd").solution
    spread = (after - after.mean(0)).norm()
    if spread == 0:
        raise AnswerError(f"layer {k + 1} gets the same input for every point", "constant")
    if rest.norm() <= 1e-6 * spread:
        message = f"between the linear layers {k} and {k + 1} there is nothing but linear steps"
        raise AnswerError(message, "linear")


def _require_bent_units(net: Network, point: Tensor, generator: torch.Generator) -> None:
    """Make sure that it isn't the normalisation of a sample, or dropout, that bends alone.

    The batch has some rows for each pair of layers, in which nothing but the first one's outputs
    is moved: to the four corners of a rectangle at which a sample has the same mean and the same
    norm, and so has each group of its units. There a normalisation is affine, as dropout is with
    the same numbers drawn, and the four results, with alternating signs, add up to 0.
    """
    _, inputs = net.trace(point, training=False)
    state, pairs = net.state(), list(pairwise(inputs))
    corners = {
        name: _corners(_outputs(state, name, inputs[name]), inputs[name], generator)
        for name, _ in pairs
    }
    rows = {name: slice(k * _DRAWS, (k + 1) * _DRAWS) for k, (name, _) in enumerate(pairs)}
    batch = point.expand(len(pairs) * _DRAWS, -1)
    seen = []
    for corner in range(4):
        moves = {}
        for name, places in corners.items():
            moves[name] = places.new_zeros(len(batch), places.shape[-1])
            moves[name][rows[name]] = places[corner]
        seen.append(net.trace(batch, moves, training=False)[1])
    for k, (name, following) in enumerate(pairs, start=1):
        first, second, third, fourth = (inputs[following][rows[name]] for inputs in seen)
        moved = (first - fourth).norm()
        if moved <= 1e-7 * corners[name].norm():
            continue  # hardly used, or too narrow: judged elsewhere
        if (first - second - third + fourth).norm() <= 1e-6 * moved:
            message = (
                f"between the linear layers {k} and {k + 1} there is no activation; a "
                "normalisation or dropout is none"
            )
            raise AnswerError(message, "no-activation")


def _outputs(state: dict[str, Tensor], name: str, inputs: Tensor) -> Tensor:
    """Compute what a linear layer makes of its inputs."""
    outputs = inputs @ state[f"{name}.weight"].double().T
    return outputs + state[f"{name}.bias"].double() if f"{name}.bias" in state else outputs


def _corners(
    outputs: Tensor,  # Of a layer, for one point, (1, units)
    inputs: Tensor,  # That it has them from, (1, n_in)
    generator: torch.Generator,
) -> Tensor:  # (4, draws, units); zeros if there are too few units
    """Draw rectangles whose corners, added to the outputs, leave mean and norm the same.

    Their sides are orthogonal to the outputs, and to the inputs that a skip connection would add.
    Half of the draws move a single group of units, and far: a normalisation leaves these large.
    """
    units = outputs.shape[1]
    fixed = [torch.ones_like(outputs), outputs]
    if inputs.shape == outputs.shape:
        fixed.append(inputs)
    block = _BLOCK if units % _BLOCK == 0 else units
    if block < len(fixed) + 3:
        return outputs.new_zeros(4, _DRAWS, units)
    free = torch.randn(3, _DRAWS, units, generator=generator, dtype=outputs.dtype)
    vectors = [*(vector.expand(_DRAWS, -1) for vector in fixed), *free]
    columns = torch.stack([v.reshape(_DRAWS, -1, block) for v in vectors], dim=-1)
    orthogonal = torch.linalg.qr(columns).Q[..., -3:]  # (draws, groups, units of a group, 3)
    alone = torch.arange(_DRAWS // 2)
    others = torch.arange(units // block) != (alone % (units // block))[:, None]
    orthogonal[: _DRAWS // 2] *= 3 * (units // block) ** 0.5
    orthogonal[: _DRAWS // 2][others] = 0
    orthogonal = orthogonal.reshape(_DRAWS, units, 3)
    size = block**0.5 * max(outputs.square().mean().sqrt().item(), 1.0)
    middle, u, v = (size * orthogonal).unbind(-1)
    return torch.stack([middle + u + v, middle + u - v, middle - u + v, middle - u - v])
