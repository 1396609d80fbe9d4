"""5.4: a LeNet for colour images, whatever its activations and poolings"""

# A plain module, edited here.

from functools import partial

from torch import nn

from nnlab_course.checks.common.explaining import explain_end
from nnlab_course.checks.common.networks import SameNetwork
from nnlab_course.checks.common.probing import NONE, Reading
from nnlab_course.checks.common.variants import make_lenet
from nnlab_course.exercises import Exercise, Mistake, Result

MAP_SHAPE = (16, 5, 5)  # What is flattened: channels, height, width
build = partial(make_lenet, channels=3, map_size=5)

_PLACES = (
    "the first convolution",
    "the second convolution",
    "the first linear layer",
    "the second linear layer",
)
_POOLINGS = {
    "stride": "is missing: a convolution of stride 2 stands there in its place",
    "maximum of 3 × 3": "covers 3 × 3 pixels; blocks of 2 × 2 are asked for",
}


class _NoPooling(nn.Identity):
    """Stands where a pooling was forgotten."""

    def __init__(self, kernel_size: int):
        super().__init__()


def _explain(reading: Reading) -> Result | None:
    """Judge what stands between layers of the right sizes, where any activation will do."""
    for explain in (explain_end, _explain_activations, _explain_rest):
        result = explain(reading)
        if result is not None:
            return result
    return None


def _explain_activations(reading: Reading) -> Result | None:
    found = dict(zip(_PLACES, reading.activations, strict=True))
    missing = [place for place, name in found.items() if name == NONE]
    if len(missing) == len(found):
        message = "there are no activations: all layers together are one linear function"
        return Result.wrong(message, "no-activations")
    if missing:
        message = f"there is no activation after {' and '.join(missing)}"
        return Result.wrong(message, "missing-activation")
    return None


def _explain_rest(reading: Reading) -> Result | None:
    if None in reading.activations:
        place = [p for p, name in zip(_PLACES, reading.activations, strict=True) if name is None]
        message = (
            f"what follows {place[-1]} is no activation or pooling that this check knows; use "
            "PyTorch's, such as `nn.GELU` and `nn.AvgPool2d(2)`"
        )
        return Result.wrong(message, "unknown-activation")
    if reading.pools is None:
        return None
    if reading.change not in (None, NONE):
        message = (
            f"the network changes the images before the first convolution ({reading.change}); "
            "`normalise` does that outside"
        )
        return Result.wrong(message, "images-changed")
    for place, pool in zip(("first", "second"), reading.pools, strict=True):
        if pool in _POOLINGS:
            return Result.wrong(f"the {place} pooling {_POOLINGS[pool]}", "other-pooling")
    return Result.right()


colour_network = SameNetwork(
    (build,),
    (3, 32, 32),
    (
        Mistake(
            "padded",
            "576 features reach the first linear layer: the first convolution is padded, LeNet's "
            "isn't",
            partial(make_lenet, channels=3, map_size=6, padding=2),
        ),
        Mistake(
            "small-kernels",
            "the kernels are 3 × 3, LeNet's are 5 × 5",
            partial(make_lenet, channels=3, map_size=6, kernel_size=3),
        ),
        Mistake(
            "no-pooling",
            "the poolings are missing",
            partial(make_lenet, channels=3, map_size=24, pools=(_NoPooling,) * 2),
        ),
        Mistake("no-biases", "the convolutions have no biases", partial(build, bias=False)),
    ),
    _explain,
)

colour_lenet = Exercise(
    id="5.4",
    slug="colour-lenet",
    title="Adapt LeNet yourself",
    judges={"build_my_network": colour_network},
    hints=(
        "Two layers of LeNet depend on the images: the first convolution and the first linear "
        "layer. The section on the adapted network has both numbers.",
        "`nn.Sequential` takes the layers in the order in which an image passes them; `nn.Flatten` "
        "stands between the last pooling and the first linear layer.",
        "Convolution, activation, pooling, twice; then three linear layers with an activation "
        "after each but the last.",
    ),
    points=3,
)
