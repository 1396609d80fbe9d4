"""The exercises of lesson 1, on activation functions"""

# A plain module, edited here.

from functools import partial

from nnlab_course.checks.activations.functions import exponential, smooth, straight
from nnlab_course.checks.activations.sigmoids import logistic, one_more, tanh
from nnlab_course.checks.activations.slopes import (
    exponential_slopes,
    smooth_slopes,
    straight_slopes,
)
from nnlab_course.checks.activations.units import dead, saturation
from nnlab_course.exercises import Progress, in_lesson_order

__all__ = [
    "EXERCISES",
    "dead",
    "exponential",
    "exponential_slopes",
    "logistic",
    "one_more",
    "progress",
    "saturation",
    "smooth",
    "smooth_slopes",
    "straight",
    "straight_slopes",
    "tanh",
]

EXERCISES = in_lesson_order(  # those of the section "Further" come last
    logistic,
    tanh,
    straight,
    smooth,
    straight_slopes,
    smooth_slopes,
    saturation,
    dead,
    exponential,
    exponential_slopes,
    one_more,
)
progress = partial(Progress, EXERCISES)
