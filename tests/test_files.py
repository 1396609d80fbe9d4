"""A file is written whole or not at all."""

import errno
import os
import sys
import time

import pytest

from nnlab_course.files import write_whole

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")


@pytest.mark.parametrize("content", ["é", "é".encode(), lambda file: file.write("é".encode())])
def test_text_bytes_and_writers(tmp_path, content):
    path = tmp_path / "file.txt"
    write_whole(path, "old")
    write_whole(path, content)
    assert path.read_text(encoding="utf-8") == "é"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half(file):
        file.write(b"half")
        file.flush()
        assert path.read_text() == "old"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_whole(path, write_half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("make", ["folder", "parent is a file", "no parent"])
def test_errors_name_the_file(tmp_path, make):
    path = tmp_path / "above" / "file.txt"
    kind, number = {
        "folder": (IsADirectoryError, errno.EISDIR),
        "parent is a file": (NotADirectoryError, errno.ENOTDIR),
        "no parent": (FileNotFoundError, errno.ENOENT),
    }[make]
    if make == "folder":
        path.mkdir(parents=True)
    elif make == "parent is a file":
        path.parent.write_text("")
    with pytest.raises(kind) as caught:
        write_whole(path, "new")
    assert str(caught.value) == f"[Errno {number}] {os.strerror(number)}: {str(path)!r}"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "file.txt"

    def write_until_full(file):
        with open("/dev/full", "wb", buffering=0) as full:
            os.dup2(full.fileno(), file.fileno())
        file.write(b"more")

    with pytest.raises(OSError, match=r"No space left on device: .*file\.txt'$"):
        write_whole(path, write_until_full)
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_stays(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"elsewhere'$"):
        write_whole(tmp_path / "file", lambda file: (tmp_path / "elsewhere").read_bytes())


@posix
def test_devices_and_pipes_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"not a regular file: .*pipe'"):
        write_whole(tmp_path / "pipe", "text")


@posix
@pytest.mark.parametrize(
    ("options", "mask", "folder", "mode"),
    [
        ({}, 0o022, 0o755, 0o644),
        ({}, 0o077, 0o755, 0o600),
        ({"private": True}, 0o022, 0o755, 0o600),
        ({"like_folder": True}, 0o077, 0o755, 0o644),
        ({"like_folder": True}, 0o077, 0o750, 0o640),
        ({"like_folder": True}, 0o022, 0o700, 0o600),
        ({"like_folder": True}, 0o022, 0o777, 0o644),
    ],
)
def test_who_may_read(tmp_path, options, mask, folder, mode):
    tmp_path.chmod(folder)
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "file", "text", **options)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_folders_above_are_made_if_asked_for(tmp_path):
    write_whole(tmp_path / "a" / "b" / "file", "text", parents=True)
    assert (tmp_path / "a" / "b" / "file").read_text() == "text"


def test_long_names(tmp_path):
    path = tmp_path / ("é" * 120)  # 240 bytes
    write_whole(path, "text")
    assert path.read_text() == "text"


def test_what_a_killed_program_left_goes_after_a_day(tmp_path):
    old, young, other = (tmp_path / f".{n}.part" for n in ("file.1", "file.2", "other.1"))
    for path in (old, young, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (time.time() - 90_000,) * 2)
    write_whole(tmp_path / "file", "text")
    assert sorted(tmp_path.iterdir()) == sorted([young, other, tmp_path / "file"])
