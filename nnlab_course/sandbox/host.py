"""The machine for running notebooks: it starts their processes, one after the other"""

# A plain module, edited here.

import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nnlab_course.sandbox.bubblewrap import (
    DATA,
    HOME,
    INSTALL,
    bubblewrap_command,
    environment_for,
    find_stores,
    require_bubblewrap,
)
from nnlab_course.sandbox.limits import Limits, ProcessEnded, SandboxError, SandboxFault
from nnlab_course.sandbox.session import Session

# Nothing of what is imported is garbage: looking for it would take a quarter of the time.
_START = (
    "import gc; gc.disable(); "
    "from nnlab_course.sandbox.zygote import serve_standard_input; serve_standard_input()"
)


class Sandbox:
    """Runs notebooks, one at a time, in processes that see and reach nothing.

    A context manager: leaving it ends every process. `modules` are imported once, beforehand;
    `checks` are names that a notebook may import and that aren't there. Without bubblewrap
    (`unsafe=True`) the limits hold, and nothing hides the teacher's files.

    **Raises:** `SandboxError` if bubblewrap is missing or may not be used here.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        modules: Sequence[str] = (),
        checks: Sequence[str] = (),
        data: Path | None = None,  # A folder of prepared data sets
        data_sets: Sequence[str] | None = None,  # Those that notebooks may read; None: all
        unsafe: bool = False,
    ):
        self.limits, self.names = limits or Limits(), [" ".join(modules), " ".join(checks)]
        self.stores, self.unsafe = find_stores(data, data_sets), unsafe
        self.data = data and data.resolve()
        require_bubblewrap(unsafe)
        self.process, self.session = None, None
        self.start()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the zygote, and wait until it has imported everything."""
        self.home = tempfile.mkdtemp(prefix="nnlab-") if self.unsafe else HOME
        data = str(self.data or self.home) if self.unsafe else DATA
        variables = environment_for(self.home, data)
        command = [] if self.unsafe else bubblewrap_command(variables, self.stores)
        command += [sys.executable, "-sBc", _START, *self.names]
        self.control, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as errors, theirs:
            self.process = subprocess.Popen(
                command,
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=variables if self.unsafe else None,
            )
            theirs.close()
            self.control.settimeout(300)  # a busy machine, a cold disk
            if self._hear(1) != b"r":
                self.stop()
                errors.seek(0)
                reason = errors.read().decode(errors="replace").strip()[-500:]
                raise SandboxError(f"the sandbox doesn't start ({reason}). {INSTALL}")

    def _hear(self, size: int) -> bytes:
        """Wait for the zygote's word; empty if it doesn't come."""
        try:
            return self.control.recv(size)
        except OSError:
            return b""

    def stop(self) -> None:
        """End the zygote, and with it everything that it started."""
        if self.session:
            self.session.close("the sandbox is closed")
            self.session = None
        self.control.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.unsafe:
            shutil.rmtree(self.home, ignore_errors=True)

    def open(self) -> Session:
        """Start a process for a notebook; the one before is ended.

        **Raises:** `SandboxFault` if that fails in a new sandbox, too. No student's code has run
        in it, so no student is to be blamed.
        """
        if self.session:
            self.session.end("another notebook's turn")
        for _ in range(2):
            if self.process.poll() is not None:
                self.stop()
                self.start()
            try:
                self.session = Session(self.control, self.limits, self.reap)
                return self.session
            except (ProcessEnded, OSError) as error:
                reason = error
                self.stop()
        raise SandboxFault(f"the sandbox broke down ({reason}); mark this notebook again")

    def reap(self) -> int | None:
        """End the notebook's process, and tell its status; None if the zygote is gone as well."""
        self.control.settimeout(30)
        with suppress(OSError):
            self.control.send(b"k")
        status = self._hear(4)
        if len(status) == 4:
            return struct.unpack("i", status)[0]
        self.stop()
        return None
