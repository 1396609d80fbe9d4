"""Train a network, measure it, and go on after any interruption"""

# A plain module, edited here.

from nnlab_course.training.fit import (
    ADAM,
    confusion_matrix,
    evaluate,
    fit,
    logger,
    make_schedule,
    plot_confusion,
    predict,
    train_step,
    unit_range,
    worst_errors,
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
