"""A record that goes to a file as JSON, and comes back"""

# A plain module, edited here.

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnlab_course.files import write_whole


class Saved:
    """The part of a dataclass that writes and reads it; `_revive` rebuilds what it holds."""

    @staticmethod
    def _revive(plain: dict) -> dict[str, Any]:
        return plain

    def to_dict(self) -> dict:  # Of numbers, strings, lists and dictionaries only
        """Return everything as plain data, as JSON knows it."""
        return asdict(self)

    @classmethod
    def from_dict(
        cls,
        plain: dict,  # As `to_dict` returns it
    ) -> "Saved":
        """Make it of plain data again.

        **Raises:** `ValueError` if the data are something else.
        """
        try:
            return cls(**cls._revive(plain))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no {cls.__name__.lower()}: {error!r}") from error

    def to_json(
        self,
        path: str | Path,  # The file; replaced if it is there
    ) -> None:
        """Write it to a file, whole or not at all."""
        write_whole(path, json.dumps(self.to_dict()))

    @classmethod
    def from_json(
        cls,
        path: str | Path,  # A file that `to_json` wrote
    ) -> "Saved":
        """Read it from a file.

        **Raises:** `ValueError`, with the file's name, if it is something else.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except ValueError as error:
            name = cls.__name__.lower()
            raise ValueError(f"{path} can't be read as a {name}: {error}") from error
