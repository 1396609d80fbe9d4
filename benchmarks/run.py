"""Measure the course, a part at a time; print a table with the bar of each figure.

    python benchmarks/run.py             # every part
    python benchmarks/run.py NAME ...    # what is named; each part takes less than five minutes

What is compared runs in turn, in one process; ratios are medians over the rounds. Needs the real
MNIST and CIFAR-10 (in NNLAB_DATA, or downloaded). Each part keeps its figures in `_build/bench`,
and every call ends with one table of all that are there, also in `results.md` and `results.png`.
"""

import sys

import fitting
from accuracies import ACCURACIES
from earlier import earlier
from frameworks import frameworks
from grading import grading
from loading import loading
from playing import checking, playing
from records import records
from table import plot, read, save, write_table

from nnlab_course.data import load

PARTS = {
    "overhead": fitting.overhead,
    "mnist": fitting.mnist,
    "frameworks": frameworks,
    "cifar10": fitting.cifar10,
    "wide": fitting.wide,
    "scaling": fitting.scaling,
    **ACCURACIES,
    "records": records,
    "loading": loading,
    "grading": grading,
    "earlier": earlier,
    "playing": playing,
    "checking": checking,
}


def main(names: list[str]) -> int:
    """Measure the parts and print the table; return 1 if a bar is not reached."""
    if unknown := set(names) - set(PARTS):
        print(f"unknown: {', '.join(unknown)}; use {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in ("mnist", "cifar10"):
        if load(name).name != name:
            print(f"the figures are of the real data; {name} is not there", file=sys.stderr)
            return 2
    for name in names or PARTS:
        results = []
        for result in PARTS[name]():
            print(result, flush=True)
            results.append(result)
        save(name, results)
    results = read(list(PARTS))
    print(f"\n{write_table(results)}")
    plot(results)
    return int(not all(result.passed for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
