"""What a notebook may use up, and how it ends that wants more"""

# A plain module, edited here.

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one notebook may use up."""

    seconds: float = 10.0  # Of computing, for one cell or one call of a function
    clock: float = 60.0  # Seconds by the clock, for one cell or one exercise, until it is killed
    total: float = 600.0  # Seconds by the clock for the notebook
    memory: int = 2 * 2**30  # Bytes, on top of what torch takes
    file_size: int = 64 * 2**20  # Bytes of the largest file; the folder holds twice that

    @classmethod
    def for_cells_of(cls, seconds: float) -> "Limits":
        """Make limits for cells that compute so long, on a machine that may be busy."""
        clock = max(cls.clock, 6 * seconds)
        return cls(seconds, clock, max(cls.total, 5 * clock), 2 * cls.memory)


class SandboxError(RuntimeError):
    """The sandbox can't be had on this machine; the message says what to do."""


class SandboxFault(SandboxError):
    """The sandbox broke down: no student's fault; marking the same notebook again may help."""


class ProcessEnded(Exception):
    """A notebook's process has ended before it answered; the message says why."""


TOO_LONG = "it did not come to an end in time"
BROKE_THE_RULES = "it did not keep to the rules of marking"
MOST_THREADS, MOST_FILES_MADE = 256, 20_000  # What the kernel can't limit for one notebook
