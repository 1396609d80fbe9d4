"""Exercises: compare an answer with a reference, recognise the mistake behind it, give hints"""

# A plain module, edited here.

from nnlab_course.exercises.answers import AnswerError, NotAnswered, as_tensor, is_unanswered
from nnlab_course.exercises.calling import call
from nnlab_course.exercises.diagnosis import diagnose, is_close
from nnlab_course.exercises.exercise import Exercise, in_lesson_order
from nnlab_course.exercises.hints import Hints, Solution
from nnlab_course.exercises.judges import Mistake, SameFunction, SameValue, compare
from nnlab_course.exercises.networks import Layer, Network, build_network
from nnlab_course.exercises.progress import Progress
from nnlab_course.exercises.result import Result, combine

__all__ = [
    "AnswerError",
    "Exercise",
    "Hints",
    "Layer",
    "Mistake",
    "Network",
    "NotAnswered",
    "Progress",
    "Result",
    "SameFunction",
    "SameValue",
    "Solution",
    "as_tensor",
    "build_network",
    "call",
    "combine",
    "compare",
    "diagnose",
    "in_lesson_order",
    "is_close",
    "is_unanswered",
]
