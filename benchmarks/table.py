"""A figure, the bar it is held against, and the table and the plot of all that were measured."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib import pyplot as plt

RESULTS = Path("_build/bench")


@dataclass(frozen=True)
class Result:
    """A figure, the bar it is held against, and how it came about."""

    name: str
    value: float
    bar: float
    at_most: bool  # Whether the bar is an upper one
    note: str

    @property
    def passed(self) -> bool:
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def __str__(self) -> str:
        bar = f"{'≤' if self.at_most else '≥'} {self.bar:.3g}"
        verdict = "yes" if self.passed else f"**no**, {self.value / self.bar:.2f} of it"
        return f"| {self.name} | {self.value:.3g} | {bar} | {verdict} | {self.note} |"


def seconds(function: Callable, *args: object, **kwargs: object) -> float:
    """Time one call."""
    start = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - start


def median_ratio(first: list[float], second: list[float]) -> float:
    """Compare what was measured in turn, pair by pair."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


def save(part: str, results: Sequence[Result]) -> None:
    """Keep the figures of a part, for the table of all."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(result) for result in results], indent=1)
    (RESULTS / f"{part}.json").write_text(text)


def read(parts: Sequence[str]) -> list[Result]:
    """Read the figures that were kept, of the parts that were measured."""
    paths = [RESULTS / f"{part}.json" for part in parts]
    return [Result(**entry) for p in paths if p.exists() for entry in json.loads(p.read_text())]


def write_table(results: Sequence[Result]) -> str:
    """Write the figures as a table in Markdown."""
    head = ["| figure | measured | bar | reached | |", "|---|---|---|---|---|"]
    text = "\n".join([*head, *map(str, results)]) + "\n"
    (RESULTS / "results.md").write_text(text)
    return text


def plot(results: Sequence[Result]) -> None:
    """Draw how far each figure is from its bar; left of 1 is better than asked for."""
    shares = [r.value / r.bar if r.at_most else r.bar / r.value for r in results]
    _, ax = plt.subplots(figsize=(9, 0.36 * len(results) + 1), layout="constrained")
    colors = ["C0" if result.passed else "C1" for result in results]
    ax.barh([result.name for result in results], shares, color=colors)
    ax.axvline(1, color="black", linestyle="--", label="the bar")
    ax.invert_yaxis()
    ax.set(xlabel="part of the bar (orange: over it)", xlim=(0, max(1.2, min(2, max(shares)))))
    ax.legend()
    ax.figure.savefig(RESULTS / "results.png", dpi=120)
