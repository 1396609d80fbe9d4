"""The exercises of lesson 2, on the computation graph"""

# A plain module, edited here.

from functools import partial

from nnlab_course.checks.autograd.by_hand import far_from_the_output, forward, near_the_output
from nnlab_course.checks.autograd.graph_questions import one_entry, third_path, three_times
from nnlab_course.checks.autograd.own_code import bias, engine
from nnlab_course.exercises import Progress

__all__ = [
    "EXERCISES",
    "bias",
    "engine",
    "far_from_the_output",
    "forward",
    "near_the_output",
    "one_entry",
    "progress",
    "third_path",
    "three_times",
]

EXERCISES = (
    forward,
    near_the_output,
    far_from_the_output,
    one_entry,
    three_times,
    third_path,
    bias,
    engine,
)
progress = partial(Progress, EXERCISES)
