"""How a class is marked"""

# A plain module, edited here.

from dataclasses import dataclass
from pathlib import Path

from nnlab_course.sandbox import Limits


@dataclass(frozen=True)
class Settings:
    """How a folder is graded."""

    seed: int | None = None  # For the inputs of functions; None: draw one
    limits: Limits | None = None  # None: what the lesson needs
    lesson: str | None = None  # Grade as this lesson; None: find it out
    data: Path | None = None  # Prepared data sets
    unsafe: bool = False  # Without a sandbox
    student_seconds: float = 3600.0  # By the clock, for all notebooks of one student
