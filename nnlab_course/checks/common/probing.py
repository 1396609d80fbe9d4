"""Find out what stands between the layers of a LeNet, by sending it weights and looking at it"""

# A plain module, edited here.

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.checks.common.weights import Shape, Weights
from nnlab_course.exercises.networks import Layer

Function = Callable[[Tensor], Tensor]


def _unchanged(x: Tensor) -> Tensor:
    return x


NONE = "none"
ACTIVATIONS: dict[str, Function] = {  # By the names that students know
    "ReLU": torch.relu,
    "tanh": torch.tanh,
    NONE: _unchanged,
    "LeakyReLU": F.leaky_relu,
    "LeakyReLU(0.1)": partial(F.leaky_relu, negative_slope=0.1),
    "LeakyReLU(0.2)": partial(F.leaky_relu, negative_slope=0.2),
    "PReLU": partial(F.leaky_relu, negative_slope=0.25),
    "RReLU": partial(F.leaky_relu, negative_slope=11 / 48),
    "GELU": F.gelu,
    "GELU (tanh)": partial(F.gelu, approximate="tanh"),
    "SiLU": F.silu,
    "Mish": F.mish,
    "ELU": F.elu,
    "SELU": F.selu,
    "sigmoid": torch.sigmoid,
    "ReLU6": F.relu6,
    "Softplus": F.softplus,
    "Hardswish": F.hardswish,
    "Hardtanh": F.hardtanh,
    "Hardsigmoid": F.hardsigmoid,
    "Tanhshrink": F.tanhshrink,
    "Softshrink": F.softshrink,
    "Hardshrink": F.hardshrink,
    "Softsign": F.softsign,
    "LogSigmoid": F.logsigmoid,
    "sine": torch.sin,
    "square": torch.square,
    "absolute value": torch.abs,
    "tanh, twice": lambda x: x.tanh().tanh(),
    "scaled tanh": lambda x: 1.7159 * torch.tanh(2 / 3 * x),
}

_OPTIONS = {  # Of the activations that have any, as functions take them
    "LeakyReLU": (F.leaky_relu, ("negative_slope",)),
    "ELU": (F.elu, ("alpha",)),
    "CELU": (F.celu, ("alpha",)),
    "Softplus": (F.softplus, ("beta", "threshold")),
    "Hardtanh": (F.hardtanh, ("min_val", "max_val")),
    "Hardshrink": (F.hardshrink, ("lambd",)),
    "Softshrink": (F.softshrink, ("lambd",)),
    "Threshold": (F.threshold, ("threshold", "value")),
}


def activations_of(layers: Sequence[Layer]) -> dict[str, Function]:
    """Add to the known activations those of a network's layers, with their options.

    They are tried like the others: what a network says of itself is not believed.
    """
    own = {}
    for layer in layers:
        function, names = _OPTIONS.get(layer.kind, (None, ()))
        values = {name: layer.options.get(name) for name in names}
        if values and all(isinstance(value, int | float) for value in values.values()):
            numbers = ", ".join(f"{value:g}" for value in values.values())
            own[f"{layer.kind}({numbers})"] = partial(function, **values)
    return ACTIVATIONS | own


ENDS: dict[str, Function] = {
    NONE: _unchanged,
    "softmax": lambda x: x.softmax(-1),
    "log-softmax": lambda x: x.log_softmax(-1),
    "one-hot": lambda x: F.one_hot(x.argmax(-1), x.shape[-1]).float(),
    **{name: function for name, function in ACTIVATIONS.items() if name != NONE},
}

POOLS: dict[str, Function] = {
    "maximum": partial(F.max_pool2d, kernel_size=2),
    "average": partial(F.avg_pool2d, kernel_size=2),
    "stride": lambda maps: maps[..., ::2, ::2],  # A convolution of stride 2, and no pooling
    "maximum of 3 × 3": partial(F.max_pool2d, kernel_size=3, stride=2, padding=1),
}


def _shrunk(pool: Function, adaptive: Function) -> Function:
    return lambda maps: adaptive(pool(maps), (4, 4))


# Behind a padded convolution of 28 × 28 something has to make 4 × 4 of 10 × 10.
_ADAPTIVE: tuple[Function, ...] = tuple(
    _shrunk(pool, adaptive)
    for pool in (_unchanged, POOLS["maximum"], POOLS["average"])
    for adaptive in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d)
)


def _standardised(images: Tensor) -> Tensor:
    std, mean = torch.std_mean(images, (1, 2, 3), keepdim=True)
    return (images - mean) / (std + 1e-8)


CHANGES: dict[str, Function] = {
    NONE: _unchanged,
    "(x − 0.1307) / 0.3081": lambda x: (x - 0.1307) / 0.3081,
    "2x − 1": lambda x: 2 * x - 1,
    "1 − x": lambda x: 1 - x,
    "x / 255": lambda x: x / 255,
    "255x": lambda x: 255 * x,
    "(x − mean) / std of each image": _standardised,
    "the logistic of them": torch.sigmoid,
    "rows and columns exchanged": lambda x: x.mT,
}


@dataclass(frozen=True)
class Reading:
    """What was found between the layers of a LeNet. None: something that isn't known here."""

    end: str | None = None  # Behind the last layer, one of `ENDS`
    activations: tuple[str | None, ...] = (None,) * 4  # In the order of the layers
    pools: tuple[str, str] | None = None  # Two of `POOLS`, or ("…", "adaptive")
    change: str | None = None  # Of the images before the first layer, one of `CHANGES`


Compute = Callable[[Weights, Tensor], Tensor]  # The student's network, with weights of ours

_POINTS = torch.tensor([-6.0, -2.5, -1.2, -0.6, -0.2, 0.3, 0.9, 1.7, 2.8, 7.5])
_GAINS = torch.tensor([0.5, -0.5])  # Both signs, and small enough for ReLU6


@dataclass(frozen=True)
class Prober:
    """Sends weights to a LeNet, most of them 0, so that one activation after another shows."""

    compute: Compute
    shapes: Sequence[Shape]  # Of weight and bias of the five layers, in their order
    image: Tensor  # Any, (1, C, H, W)
    known: dict[str, Function] = field(default_factory=lambda: ACTIVATIONS)

    def ask(self, **values: Tensor) -> Tensor:
        """Compute the logits of one image with weights that are 0 but for some."""
        names = ("w1", "b1", "w2", "b2", "w3", "b3", "w4", "b4", "w5", "b5")
        weights = {shape: torch.zeros(shape) for shape in self.shapes}
        for name, shape in zip(names, self.shapes, strict=True):
            if name in values:
                where = tuple(slice(size) for size in values[name].shape)
                weights[shape][where] = values[name]
        return self.compute(weights, self.image)[0].float()

    def read(self) -> Reading:
        """Read the end and the activations, from the last one to the first."""
        end = _find(ENDS, self.ask(b5=_POINTS), lambda function: function(_POINTS))
        if end != NONE:
            return Reading(end)
        found: list[str | None] = []
        for response, model in (self.fourth(), self.third(found), self.second(found)):
            found.insert(0, self._find(response(), model, found))
            if found[0] is None:
                break
        else:
            response, model = self.first(found)
            found.insert(0, self._find(response(), model, found))
        return Reading(end, (*(None,) * (4 - len(found)), *found))

    def _find(
        self, response: Tensor, model: Callable[[Function], Tensor], later: list
    ) -> str | None:
        """Find an activation, first of all among those that were found further back.

        A weak response has several explanations: a Hardshrink that stands behind hides a lot.
        """
        first = {name: self.known[name] for name in later}
        return _find(first | self.known, response, model)

    def fourth(self) -> tuple[Callable[[], Tensor], Callable[[Function], Tensor]]:
        return lambda: self.ask(b4=_POINTS, w5=torch.eye(10)), lambda f: f(_POINTS)

    def third(self, later: list) -> tuple[Callable[[], Tensor], Callable[[Function], Tensor]]:
        def response() -> Tensor:
            both = [self.ask(b3=_POINTS, w4=s * torch.eye(10), w5=torch.eye(10)) for s in _GAINS]
            return torch.cat(both)

        def model(f: Function) -> Tensor:
            fourth = self.known[later[-1]]
            return torch.cat([fourth(s * f(_POINTS)) for s in _GAINS])

        return response, model

    def second(self, later: list) -> tuple[Callable[[], Tensor], Callable[[Function], Tensor]]:
        def response() -> Tensor:
            maps = torch.ones(self.shapes[3])
            return torch.cat([self.ask(b2=t * maps, **self._behind()) for t in _POINTS])

        return response, lambda f: self._predict(f(_POINTS), later)

    def first(self, later: list) -> tuple[Callable[[], Tensor], Callable[[Function], Tensor]]:
        centre = torch.zeros(self.shapes[2])
        centre[:, 0, self.shapes[2][2] // 2, self.shapes[2][3] // 2] = 1

        def response() -> Tensor:
            maps = torch.ones(self.shapes[1])
            asked = [
                self.ask(b1=t * maps, w2=s * centre, **self._behind())
                for s in _GAINS
                for t in _POINTS
            ]
            return torch.cat(asked)

        def model(f: Function) -> Tensor:
            second, behind = self.known[later[0]], later[1:]
            return torch.cat([self._predict(second(s * f(_POINTS)), behind) for s in _GAINS])

        return response, model

    def measure(self) -> Function | None:
        """Measure the function behind the second linear layer; None if it is a straight line."""
        grid = torch.linspace(-20, 20, 2001)[:-1]
        values = torch.cat([self.ask(b4=part, w5=torch.eye(10)) for part in grid.split(10)])
        if values.diff().diff().abs().max() <= 1e-4:
            return None

        def interpolate(x: Tensor) -> Tensor:
            place = 50 * (x + 20)
            low = place.floor().long().clamp(0, len(grid) - 2)
            return values[low] + (place - low) * (values[low + 1] - values[low])

        return interpolate

    def _behind(self) -> dict[str, Tensor]:
        """Weights that hand on the mean of all maps, with both signs before each activation."""
        features = self.shapes[4][1]
        rows = _GAINS[:, None].expand(2, features) / features
        fourth = 0.5 * torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
        return {"w3": rows, "w4": fourth, "w5": torch.eye(4)}

    def _predict(self, values: Tensor, later: list) -> Tensor:
        """Compute what the weights of `_behind` make of maps with these values."""
        third, fourth = self.known[later[-2]], self.known[later[-1]]
        means = [third(gain * values) for gain in _GAINS]
        of_four = torch.stack([fourth(gain * mean) for mean in means for gain in _GAINS], 1)
        return F.pad(of_four, (0, 6)).flatten()


def _find(
    catalogue: dict[str, Function], response: Tensor, model: Callable[[Function], Tensor]
) -> str | None:
    """Find the function that explains a response."""
    for name, function in catalogue.items():
        if torch.allclose(model(function).float(), response, rtol=1e-3, atol=1e-4):
            return name
    return None


def find_structure(
    weights: Sequence[Tensor],  # Weight and bias of the five layers, in their order
    images: Tensor,  # (N, C, H, W), float32
    logits: Tensor,  # What the student's network makes of both
    reading: Reading,  # With four known activations
    known: dict[str, Function],  # Among these
) -> Reading:
    """Find the poolings, and what is done to the images before the first convolution."""
    activations = [known[name] for name in reading.activations]
    forward = partial(_forward, weights, activations)

    def explains(found: Tensor) -> bool:
        same_shape = found.shape == logits.shape
        return same_shape and torch.allclose(found.double(), logits, rtol=1e-3, atol=1e-3)

    for change, function in CHANGES.items():
        changed = function(images)
        for first, pool in POOLS.items():
            for second, other in POOLS.items():
                for swapped in ((False, False), (True, False), (False, True), (True, True)):
                    if explains(forward(changed, (pool, other), swapped)):
                        return Reading(reading.end, reading.activations, (first, second), change)
    for first, pool in POOLS.items():
        for shrink in _ADAPTIVE:
            if explains(forward(images, (pool, shrink), (False, False), padding=2)):
                return Reading(reading.end, reading.activations, (first, "adaptive"), NONE)
    return reading


def _forward(
    weights: Sequence[Tensor],
    activations: Sequence[Function],
    maps: Tensor,
    pools: tuple[Function, Function],
    swapped: tuple[bool, bool],  # Whether a pooling comes before the activation
    padding: int = 0,
) -> Tensor:
    """Compute the logits of a LeNet that is put together like this."""
    for stage, pool in enumerate(pools):
        weight, bias = weights[2 * stage : 2 * stage + 2]
        maps = F.conv2d(maps, weight, bias, padding=padding if stage == 0 else 0)
        steps = [activations[stage], pool]
        for step in reversed(steps) if swapped[stage] else steps:
            maps = step(maps)
    vectors = maps.flatten(1)
    if vectors.shape[1] != weights[4].shape[1]:
        return torch.empty(0)
    for layer in (2, 3):
        vectors = activations[layer](F.linear(vectors, *weights[2 * layer : 2 * layer + 2]))
    return F.linear(vectors, *weights[8:10])
