"""What became of a folder of pictures: used, not used and why, copies, and what was changed"""

# A plain module, edited here.

import textwrap
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nnlab_course.data.layout import natural_key
from nnlab_course.files import shown


@dataclass
class ClassCount:
    """How many files a class has, and how many of them became training and test pictures."""

    files: int
    train: int = 0
    test: int = 0

    @property
    def used(self) -> int:
        return self.train + self.test


@dataclass
class Report:
    """What `prepare_pictures` made of a folder. `print(report)` tells it, `to_dict()` has it all.

    Files are named from the folder on. `copies` are groups of files that show the same picture;
    `same_picture_two_labels` are those of the groups whose files have different labels.
    """

    path: Path  # The store
    summary: str
    classes: dict[str, ClassCount]
    not_used: dict[str, str] = field(default_factory=dict)  # File: reason
    copies: list[list[str]] = field(default_factory=list)
    same_picture_two_labels: list[list[str]] = field(default_factory=list)
    one_colour: list[str] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)  # What was done: to which files
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        counts = {name: asdict(c) | {"used": c.used} for name, c in self.classes.items()}
        plain = {name: value for name, value in vars(self).items() if name != "classes"}
        return plain | {"path": str(self.path), "classes": counts}

    @property
    def warning(self) -> str:
        """What somebody should look at, in one line; nothing if all is well."""
        used = sum(count.used for count in self.classes.values())
        parts = {
            f"of {used + len(self.not_used):,} files {len(self.not_used):,} were not used": (
                self.not_used
            ),
            f"copies of one another: {sum(map(len, self.copies)):,}": self.copies,
            f"pictures with two labels: {len(self.same_picture_two_labels):,}": (
                self.same_picture_two_labels
            ),
            f"pictures of one colour: {len(self.one_colour):,}": self.one_colour,
        }
        return "; ".join([text for text, there in parts.items() if there] + self.notes)

    def __str__(self) -> str:
        lines = [self.summary, "", *self._table()]
        for title, rows in {
            "Not used, and why": self._by_reason(),
            "Copies of one another (each group is on one side of the split)": [
                " = ".join(group) for group in self.copies
            ],
            "The same picture under two labels (mend one of them)": [
                " = ".join(group) for group in self.same_picture_two_labels
            ],
            "Of one colour after all (look at them; transparent ones may need another ground)": (
                self.one_colour
            ),
            "Changed": [f"{len(names):,} {what}" for what, names in self.changed.items()],
            "Notes": self.notes,
        }.items():
            if rows:
                lines += ["", f"{title}:"]
                for row in rows:
                    lines += textwrap.wrap(row, 96, initial_indent="  ", subsequent_indent="    ")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        width = max(5, *map(len, self.classes))
        rows = [f"{'class':{width}}  files   used  train   test"]
        for name, count in self.classes.items():
            numbers = (count.files, count.used, count.train, count.test)
            rows.append(f"{name:{width}}" + "".join(f"{number:7,}" for number in numbers))
        return rows

    def _by_reason(self) -> list[str]:
        reasons: dict[str, list[str]] = {}
        for name, reason in self.not_used.items():
            reasons.setdefault(reason, []).append(name)
        return [
            f"{len(names):,} {why}: {', '.join(sorted(names, key=natural_key))}"
            for why, names in reasons.items()
        ]


def file_name(path: Path, folder: Path) -> str:
    """Name a file from the folder on, harmless to print."""
    return shown(path.relative_to(folder).as_posix())


def is_one_colour(pixels: np.ndarray) -> bool:  # (size, size, channels)
    """Tell whether every pixel is the same."""
    return bool((pixels == pixels[:1, :1]).all())


def are_dark_on_light(images: np.ndarray) -> bool:  # (N, size, size, 1), uint8
    """Tell whether most pictures are dark strokes on light ground, as ink on paper."""
    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    ground = np.median(edges.reshape(len(images), -1), axis=1)
    dark = (images.reshape(len(images), -1) < 128).mean(axis=1)
    return bool(((ground > 150) & (dark < 0.4) & (dark > 0)).mean() > 0.6)
