"""Data sets: loaded once, verified, kept in memory as tensors, and made of your own pictures"""

# A plain module, edited here.

from nnlab_course.data.dataset import Dataset, Split
from nnlab_course.data.download import TIMEOUT
from nnlab_course.data.loading import load, logger
from nnlab_course.data.prepare import make_store, prepare_pictures
from nnlab_course.data.report import Report
from nnlab_course.data.store import (
    data_root,
    read_store,
    store_workspace,
    verify_store,
)

__all__ = [
    "TIMEOUT",
    "Dataset",
    "Report",
    "Split",
    "data_root",
    "load",
    "logger",
    "make_store",
    "prepare_pictures",
    "read_store",
    "store_workspace",
    "verify_store",
]
