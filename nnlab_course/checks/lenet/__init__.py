"""The exercises on LeNet: convolutions, sizes, losses, and networks that are built and trained"""

# A plain module, edited here.

from functools import partial

from nnlab_course.checks.common.inputs import find_real, move, whole_number
from nnlab_course.checks.common.logits import compute_logits
from nnlab_course.checks.common.networks import SameNetwork, other_network
from nnlab_course.checks.common.trained import Pictures, Trained
from nnlab_course.checks.common.variants import end_mistakes, make_lenet
from nnlab_course.checks.common.weights import read_shapes, shapes_of
from nnlab_course.checks.lenet.convolution import convolution_by_hand, own_convolution
from nnlab_course.checks.lenet.losses import cross_entropy, reading_the_loss
from nnlab_course.checks.lenet.networks import digits_to_judge_by, relu_lenet, trained_lenet
from nnlab_course.checks.lenet.shifted import shifted_digits
from nnlab_course.checks.lenet.sizes import map_sizes, parameter_counts
from nnlab_course.exercises import Progress

__all__ = [
    "EXERCISES",
    "Pictures",
    "SameNetwork",
    "Trained",
    "compute_logits",
    "convolution_by_hand",
    "cross_entropy",
    "digits_to_judge_by",
    "end_mistakes",
    "find_real",
    "make_lenet",
    "map_sizes",
    "move",
    "other_network",
    "own_convolution",
    "parameter_counts",
    "progress",
    "read_shapes",
    "reading_the_loss",
    "relu_lenet",
    "shapes_of",
    "shifted_digits",
    "trained_lenet",
    "whole_number",
]

EXERCISES = (
    convolution_by_hand,
    map_sizes,
    parameter_counts,
    own_convolution,
    reading_the_loss,
    cross_entropy,
    relu_lenet,
    trained_lenet,
    shifted_digits,
)
progress = partial(Progress, EXERCISES)
