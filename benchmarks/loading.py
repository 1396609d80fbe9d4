"""Time to open a store, and to import a module of the package."""

import statistics
import subprocess
import sys
from collections.abc import Iterator

from table import Result, seconds

from nnlab_course.data import data_root, read_store

ROUNDS = 7

DRAWS_ON = {  # What a module needs in any case
    "cli": "click, json, logging",
    "data": "torch, numpy, PIL.ImageOps",
    "exercises": "torch",
    "plots.images": "torch, matplotlib.pyplot, torchvision",
    "training": "torch, matplotlib.pyplot",
    "activations": "torch, matplotlib.pyplot",
    "autograd": "torch, matplotlib.pyplot, networkx",
    "gradients": "torch, matplotlib.pyplot",
    "lenet": "torch, matplotlib.pyplot, torchvision",
    "cifar10": "torch, matplotlib.pyplot",
}


def loading() -> Iterator[Result]:
    """Time the opening of a store, and the imports."""
    for name in ("mnist", "cifar10"):
        path = data_root() / f"{name}.safetensors"
        took = statistics.median(seconds(read_store, path) for _ in range(ROUNDS))
        yield Result(f"Opening {name}'s store (ms)", 1000 * took, 20, True, "median of 7")

    def imported(names: str) -> float:
        command = [sys.executable, "-c", f"import {names}"]
        return seconds(subprocess.run, command, check=True)

    for module, needs in DRAWS_ON.items():
        pairs = [(imported(f"nnlab_course.{module}"), imported(needs)) for _ in range(ROUNDS)]
        ratio = statistics.median(a / b for a, b in pairs[1:])
        yield Result(f"import nnlab_course.{module}", ratio, 1.15, True, f"over {needs}")
