"""The process that every notebook's process is a copy of: torch is imported here, once"""

# A plain module, edited here.

import gc
import importlib
import os
import select
import signal
import socket
import stat
import struct
import sys
from itertools import chain, repeat
from pathlib import Path
from secrets import token_hex

from nnlab_course.sandbox import missing, substitutes
from nnlab_course.sandbox.guest import live
from nnlab_course.sandbox.limits import MOST_FILES_MADE, MOST_THREADS
from nnlab_course.sandbox.processes import (
    SET_DUMPABLE,
    bytes_in,
    die_with_parent,
    files_in,
    prctl,
    state_of_this_process,
    threads_of,
)

_LOOK_EVERY = 0.2  # Seconds


def _preload(modules: list[str]) -> None:
    """Import what notebooks import, once for all of them; what isn't installed is left out."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def sweep(folder: Path) -> None:
    """Empty a folder, however deep its folders lie, and whatever permissions they have."""
    os.chmod(folder, 0o700)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        while names := os.listdir(place):
            for name in names:
                if not stat.S_ISDIR(os.lstat(name, dir_fd=place).st_mode):
                    os.unlink(name, dir_fd=place)
                    continue
                os.chmod(name, 0o700, dir_fd=place)
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
                for child in os.listdir(inner):  # one floor up, so that none gets too deep
                    if stat.S_ISDIR(os.lstat(child, dir_fd=inner).st_mode):
                        os.chmod(child, 0o700, dir_fd=inner)
                    new = token_hex(16)
                    os.rename(child, new, src_dir_fd=inner, dst_dir_fd=place)
                os.close(inner)
                os.rmdir(name, dir_fd=place)
    finally:
        os.close(place)


def _first_state(home: Path, private: bool) -> dict:
    """Describe what a new notebook starts from."""
    facts = {"home": os.listdir(home), "mode": home.stat().st_mode}
    return state_of_this_process() | facts | ({"taken": bytes_in(home)} if private else {})


def _start(channel: socket.socket, control: socket.socket) -> int:
    """Fork a process for a notebook."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        die_with_parent(parent)
        control.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        live(channel)
    finally:
        os._exit(0)


def _watch(child: int, control: socket.socket, home: Path, private: bool) -> bytes:
    """Wait for the other side's word; meanwhile end a notebook that floods the machine."""
    signals = chain([signal.SIGSYS], repeat(signal.SIGKILL))
    while not select.select([control], [], [], _LOOK_EVERY)[0]:
        many_files = private and files_in(home) > MOST_FILES_MADE
        if many_files or threads_of(child) > MOST_THREADS:
            os.kill(child, next(signals))
    return control.recv(1)


def serve(
    control: socket.socket,  # Each message on it brings a channel to a new notebook
    modules: list[str],  # To import beforehand
    checks: list[str],  # Modules that aren't here, and that a notebook may import
) -> None:
    """Fork a process for each notebook, until the other side closes the control socket.

    Ends as well when a notebook has changed what the next one would start from.
    """
    # As the first process of its namespace it gets no signal from within that it doesn't handle.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _preload(modules)
    substitutes.install()
    missing.install_missing(checks)
    prctl(SET_DUMPABLE, 0, 0, 0, 0)
    gc.freeze()
    gc.enable()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    home, private = Path(os.environ["HOME"]), os.getpid() == 1
    sweep(home)
    control.sendall(b"r")
    _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    first = None
    while descriptors:
        with socket.socket(fileno=descriptors[0]) as channel:
            state = _first_state(home, private)
            first = first or state
            if state != first:
                return
            child = _start(channel, control)
        if not _watch(child, control, home, private):
            return
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        sweep(home)
        control.sendall(struct.pack("i", status))
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)


def serve_standard_input() -> None:
    """Serve through the socket that is the standard input."""
    modules, checks = (names.split() for names in sys.argv[1:])
    serve(socket.socket(fileno=os.dup(0)), modules, checks)
