"""Say in words what was found between the layers of a LeNet"""

# A plain module, edited here.

from nnlab_course.checks.common.probing import NONE, Reading
from nnlab_course.exercises import Result

_BEHIND = (
    "the first convolution",
    "the second convolution",
    "the first linear layer",
    "the second linear layer",
)
_AT_THE_END = {
    "softmax": (
        "softmax",
        "there is a softmax at the end; the loss takes logits, and a softmax before it spoils the "
        "gradient",
    ),
    "log-softmax": (
        "log-softmax",
        "there is a log-softmax at the end; the loss applies it itself, so leave it out",
    ),
    "one-hot": (
        "one-hot",
        "it returns a 1 for its prediction and 0 for the rest; return the logits, which the loss "
        "can learn from",
    ),
    "sigmoid": (
        "sigmoid-at-the-end",
        "there is a logistic after the last layer; logits may be any numbers",
    ),
    "tanh": ("tanh-at-the-end", "there is a tanh after the last layer; logits may be any numbers"),
}


def explain_end(reading: Reading) -> Result | None:
    """Say what stands behind the last layer, where nothing should."""
    if reading.end == NONE:
        return None
    if reading.end is None:
        message = "something is done to the logits after the last layer; return them as they are"
        return Result.wrong(message, "changed-at-the-end")
    if reading.end in _AT_THE_END:
        slug, message = _AT_THE_END[reading.end]
        return Result.wrong(message, slug)
    message = (
        f"there is an activation ({reading.end}) after the last layer; logits may be any numbers"
    )
    return Result.wrong(message, "activation-at-the-end")


def explain_activations(reading: Reading, asked: str) -> Result | None:
    """Say which activations are not those asked for."""
    found = dict(zip(_BEHIND, reading.activations, strict=True))
    missing = [place for place, name in found.items() if name == NONE]
    if len(missing) == len(found):
        return Result.wrong("there are no activations at all", "no-activations")
    if missing:
        return Result.wrong(f"there is no activation after {_join(missing)}", "missing-activation")
    if None in found.values():
        place = [place for place, name in found.items() if name is None][-1]
        return Result.wrong(f"what follows {place} is not {asked}", "other-activation")
    others = {place: name for place, name in found.items() if name != asked}
    if not others:
        return None
    if len(set(others.values())) > 1:
        places = _join([f"{name} after {place}" for place, name in others.items()])
        return Result.wrong(
            f"the task asks for {asked}; the network has {places}", "other-activation"
        )
    (name,) = set(others.values())
    where = "everywhere" if len(others) == len(found) else f"after {_join(list(others))}"
    slug = "tanh" if name == "tanh" else "other-activation"
    return Result.wrong(f"the task asks for {asked}; the network has {name} {where}", slug)


def explain_images(reading: Reading) -> Result | None:
    """Say what is done to the images before the first convolution."""
    if reading.change in (None, NONE):
        return None
    message = (
        f"the network changes the images before the first convolution ({reading.change}); expected "
        "is a network that takes them as they come, with pixels from 0 to 1"
    )
    return Result.wrong(message, "images-changed")


_POOLS = {
    "average": "takes the average instead of the maximum",
    "stride": "is missing: a convolution of stride 2 takes its place",
    "maximum of 3 × 3": "takes the maximum of 3 × 3 pixels instead of 2 × 2",
}


def explain_pools(reading: Reading) -> Result | None:
    """Say which poolings are not of the maximum."""
    match reading.pools:
        case None | ("maximum", "maximum"):
            return None
        case ("average", "average"):
            message = "both poolings take the average instead of the maximum"
            return Result.wrong(message, "average-pooling")
        case (_, "adaptive"):
            message = (
                "the first convolution is padded, and an adaptive pooling brings the maps back to "
                "4 × 4; nothing is padded here"
            )
            return Result.wrong(message, "padded")
        case (first, second):
            which, kind = ("first", first) if first != "maximum" else ("second", second)
            slug = "one-average-pooling" if kind == "average" else "other-pooling"
            return Result.wrong(f"the {which} pooling {_POOLS[kind]}", slug)


def _join(words: list[str]) -> str:
    """List some things in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
