"""Train a network, measure it, and go on after any interruption"""

# A plain module, edited here.

from nnlab_course.training.compare import plot_histories
from nnlab_course.training.confusion import confusion_matrix, plot_confusion, worst_errors
from nnlab_course.training.cost import Cost, measure_cost, receptive_field
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
    "Cost",
    "confusion_matrix",
    "evaluate",
    "fit",
    "logger",
    "make_schedule",
    "measure_cost",
    "plot_confusion",
    "plot_histories",
    "predict",
    "receptive_field",
    "train_step",
    "unit_range",
    "worst_errors",
]
