"""The exercises of lesson 3, on the vanishing gradient"""

# A plain module, edited here.

from functools import partial

from nnlab_course.checks.gradients.deep_network import thirty
from nnlab_course.checks.gradients.factors import by_hand, culprit, depth
from nnlab_course.checks.gradients.weights import explode, vanish
from nnlab_course.exercises import Progress

__all__ = ["EXERCISES", "by_hand", "culprit", "depth", "explode", "progress", "thirty", "vanish"]

EXERCISES = (by_hand, depth, culprit, vanish, explode, thirty)
progress = partial(Progress, EXERCISES)
