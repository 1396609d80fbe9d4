"""The exercises on photographs: colour channels, an honest split, a network trained to a target"""

# A plain module, edited here.

from functools import partial

from nnlab_course.checks.cifar10.arithmetic import colour_arithmetic
from nnlab_course.checks.cifar10.confusion import confused_pair
from nnlab_course.checks.cifar10.networks import colour_lenet
from nnlab_course.checks.cifar10.normalisation import batch_normalisation
from nnlab_course.checks.cifar10.parts import three_parts
from nnlab_course.checks.cifar10.statistics import channel_statistics
from nnlab_course.checks.cifar10.trained import pictures_to_judge_by, trained_network
from nnlab_course.exercises import Progress

__all__ = [
    "EXERCISES",
    "batch_normalisation",
    "channel_statistics",
    "colour_arithmetic",
    "colour_lenet",
    "confused_pair",
    "pictures_to_judge_by",
    "progress",
    "three_parts",
    "trained_network",
]

EXERCISES = (
    colour_arithmetic,
    channel_statistics,
    three_parts,
    colour_lenet,
    trained_network,
    confused_pair,
    batch_normalisation,
)
progress = partial(Progress, EXERCISES)
