"""What the long experiments of lesson 5 gave, as scripts/record_experiments.py recorded it"""

# A plain module, edited here.

from nnlab_course.records.experiments import Record, read_record
from nnlab_course.records.figures import plot_accuracies, plot_losses, plot_runs

__all__ = ["Record", "plot_accuracies", "plot_losses", "plot_runs", "read_record"]
