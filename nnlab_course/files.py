"""Write a file whole or not at all"""

# A plain module, edited here.

import errno
import glob
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_STALE = 24 * 3600  # Seconds after which an unfinished file was left by a killed program


def write_whole(
    path: str | Path,  # The file; replaced if it is there
    content: bytes | str | Callable[[BinaryIO], object],  # Text is written as UTF-8
    *,
    private: bool = False,  # Readable by its owner only
    like_folder: bool = False,  # Readable by whoever may list the folder, whatever the umask says
    parents: bool = False,  # Make the folders above it
    sync: bool = True,  # Wait for the disk; False for what can be made anew
) -> None:
    """Write a file under another name beside it, and give it its own when all is there.

    Whoever opens the file sees the old content or the new, never a part; after an error the old one
    is as it was, and nothing else is left. `content` can be a function that writes to an open file.

    **Raises:** `OSError`, with the file's name, if it can't be written, or its name belongs to a
    folder or a device; whatever `content` raises.
    """
    path = Path(path)
    if parents:
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, private=private, like_folder=like_folder, sync=sync) as file:
        if callable(content):
            content(file)
        else:
            file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_file(
    path: str | Path,
    *,
    private: bool = False,
    like_folder: bool = False,
    sync: bool = True,
) -> Iterator[BinaryIO]:
    """Open a file as `write_whole` does, for a `with` block that writes it.

    `file.name` is the name beside it, for whoever wants to look at what was written.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():  # to replace /dev/null would harm the system
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    prefix = f".{path.name[:50]}."  # a full name could get too long
    beside = path.with_name(f"{prefix}{secrets.token_hex(4)}.part")
    try:
        _sweep(path.parent, prefix)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        mode = 0o600 if private else 0o666
        with open(beside, "w+b", opener=lambda name, _: os.open(name, flags, mode)) as file:
            if like_folder and os.name == "posix":
                os.fchmod(file.fileno(), 0o600 | path.parent.stat().st_mode & 0o444)
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:  # a full disk's names no file, others name the one beside
        if error.errno is None or error.filename not in (None, str(beside), beside):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        _remove(beside)


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what a program that was killed while it wrote has left long ago."""
    for leftover in folder.glob(f"{glob.escape(prefix)}*.part"):
        with suppress(FileNotFoundError):  # another program's, which has just given it its name
            if time.time() - leftover.stat().st_mtime > _STALE:
                _remove(leftover)


def _remove(path: Path) -> None:
    """Remove a file if that is possible; the error that led here says more than one of this."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def shown(text: object) -> str:
    """Return text that can be printed anywhere: what controls a terminal is spelt out.

    A file's name can hold line ends, escape sequences, marks that turn the direction of writing,
    and halves of characters. Two that are seldom seen, but belong to words and signs, stay: the
    zero-width joiner and non-joiner.
    """
    return "".join(
        c if c.isprintable() or c in "\u200c\u200d" else c.encode("unicode_escape").decode()
        for c in str(text)
    )
