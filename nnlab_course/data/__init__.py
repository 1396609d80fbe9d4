"""Data sets: loaded once, verified, kept in memory as tensors, and made of your own pictures"""

# A plain module, edited here.

from nnlab_course.data.store import (
    TIMEOUT,
    Dataset,
    Split,
    data_root,
    load,
    logger,
    make_store,
    read_store,
    store_workspace,
    verify_store,
)

__all__ = [
    "TIMEOUT",
    "Dataset",
    "Split",
    "data_root",
    "load",
    "logger",
    "make_store",
    "read_store",
    "store_workspace",
    "verify_store",
]
