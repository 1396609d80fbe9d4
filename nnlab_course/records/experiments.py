"""Recorded runs: read them, and say what they were made with"""

# A plain module, edited here.

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Record:
    """The runs of one experiment, by name, one for each seed.

    A run holds the accuracies, 0 to 1, on `training` and `validation` images before the first epoch
    and after each, and the `seconds` of processor time that it took.
    """

    date: str
    machine: str
    command: str
    runs: dict[str, list[dict]]

    def __repr__(self) -> str:
        return f"recorded {self.date} ({self.machine}): {self.command}"

    def final(
        self,
        name: str,  # Of the runs
        part: str = "validation",  # "training" or "validation"
    ) -> list[float]:  # One accuracy for each seed, 0 to 1
        """Return the accuracy after the last epoch of each run."""
        return [run[part][-1] for run in self.runs[name]]

    def table(
        self,
        parts: tuple[str, ...] = ("training", "validation"),  # Columns
    ) -> str:
        """Return a line for each name: mean, lowest and highest accuracy over the seeds."""
        width = max(map(len, self.runs))
        lines = [" " * width + "".join(f"  {part + ' accuracy':<24}" for part in parts)]
        for name in self.runs:
            cells = (self.final(name, part) for part in parts)
            spread = (f"{mean(cell):6.1%} ({min(cell):.1%} to {max(cell):.1%})" for cell in cells)
            lines.append(f"{name:<{width}}" + "".join(f"  {cell:<24}" for cell in spread))
        return "\n".join(line.rstrip() for line in lines)


def read_record(
    name: str,  # "factors", "recipes", "baselines", "learning_rates" or "augmentation"
) -> Record:
    """Read what is recorded of one experiment.

    **Raises:** `ValueError` if there is no such record.
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json")))
        raise ValueError(f"there is no record {name!r}; use one of {known}")
    return Record(**json.loads(path.read_text(encoding="utf-8")))
