"""Train a network, measure it, and go on after any interruption"""

# A plain module, edited here.

from nnlab_course.training.confusion import confusion_matrix, plot_confusion, worst_errors
from nnlab_course.training.fit import ADAM, fit, logger
from nnlab_course.training.step import (
    evaluate,
    make_schedule,
    predict,
    train_step,
    unit_range,
)

__all__ = [
    "ADAM",
    "confusion_matrix",
    "evaluate",
    "fit",
    "logger",
    "make_schedule",
    "plot_confusion",
    "predict",
    "train_step",
    "unit_range",
    "worst_errors",
]
