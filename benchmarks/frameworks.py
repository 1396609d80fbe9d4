"""Time of an epoch: `fit` against what one would take instead, in an environment of their own."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from table import RESULTS, Result, median_ratio

HERE = Path(__file__).parent
LOCK = HERE / "requirements-frameworks.txt"
ENVIRONMENT, LOG = Path("_build/frameworks"), RESULTS / "frameworks.log"
NAMES = ("fit", "DataLoader", "Lightning", "fastai", "skorch", "Keras on JAX", "Keras on torch")
ROUNDS = 3


def prepare() -> Path:
    """Install the frameworks, if they aren't here as the lock says; return their Python."""
    python, ready = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "ready.txt"
    lock = LOCK.read_text(encoding="utf-8")
    if not ready.exists() or ready.read_text(encoding="utf-8") != lock:
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT], check=True
        )
        subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, LOCK], check=True)
        ready.write_text(lock, encoding="utf-8")
    return python


class Contender:
    """A process that trains an epoch when asked."""

    def __init__(self, python: Path, name: str, num_images: int, log: TextIO):
        self.name, self.seconds = name, []
        command = [python, HERE / "contenders.py", name, str(num_images)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"PYTHONPATH": str(HERE.parent)},
        )

    def __enter__(self) -> "Contender":
        self._read("ready")
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.kill()
        self.process.communicate()

    def _read(self, word: str) -> str:
        """Read on to the line that begins with this word; the frameworks print lines of theirs."""
        for line in self.process.stdout:
            if line.startswith(word):
                return line.removeprefix(word)
        raise RuntimeError(f"{self.name} ended; {LOG} says why")

    def train(self) -> None:
        """Have it train an epoch."""
        self.process.stdin.write("once more\n")
        self.process.stdin.flush()
        self.seconds.append(float(self._read("took")))


def frameworks(num_images: int = 60_000) -> Iterator[Result]:
    """Train LeNet by the notes' recipe, each in turn, the first epoch of each uncounted."""
    python = prepare()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_ones:
        log = open_ones.enter_context(LOG.open("w", encoding="utf-8"))
        contenders = [
            open_ones.enter_context(Contender(python, name, num_images, log))
            for name in (*NAMES, "notes")
        ]
        for _ in range(ROUNDS):
            for contender in contenders:
                contender.train()
    took = {contender.name: contender.seconds for contender in contenders}
    medians = {name: statistics.median(times) for name, times in took.items()}
    best = min(("Lightning", "fastai", "skorch"), key=medians.get)
    listed = ", ".join(f"{name} {medians[name]:.1f}" for name in sorted(medians, key=medians.get))
    bars = {
        f"MNIST: fit over {best}, the best of Lightning, fastai, skorch": (best, 0.75),
        "... over Keras on JAX": ("Keras on JAX", 0.9),
        "... over the notes' loop": ("notes", 0.45),
    }
    for name, (other, bar) in bars.items():
        note = f"{medians['fit']:.1f} s against {medians[other]:.1f} s"
        note += f"; seconds of a warm epoch: {listed}" if other == best else ""
        yield Result(name, median_ratio(took["fit"], took[other]), bar, True, note)
