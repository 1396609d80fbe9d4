"""Text from strangers, made fit for a terminal, a table and a page"""

# A plain module, edited here.

import os
import re
import unicodedata
from pathlib import Path

# What moves a terminal's cursor, changes its colours, or turns the order of letters round.
_CONTROLS = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d\u00ad"  # They belong to the spelling of names and to emoji
_KEPT = "\n\t"


def without_surrogates(text: str) -> str:
    """Write lone halves of characters as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def without_controls(text: str, kept: str = _KEPT) -> str:
    """Write control characters, and those that turn the order of letters, as escapes."""
    text = without_surrogates(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escaped(letter)
        if unicodedata.category(letter) in _CONTROLS and letter not in kept + _JOINERS
        else letter
        for letter in text
    )


def shown_path(path: str | Path) -> str:
    """Return a file name that can be written anywhere, whatever bytes it consists of."""
    return without_controls(os.fsencode(path).decode("utf-8", "backslashreplace"))


def safe_file_name(name: str) -> str:
    """Make a file name of a text: no folder, no special name."""
    name = re.sub(r'[/\\\0<>:"|?*\n\r\t]', "_", without_controls(name)).strip(" .")
    return name or "_"
