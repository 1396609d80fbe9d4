"""Run a notebook where there is nothing to read, nobody to talk to, and little to use up

**Threat model.** A submission is a program by a stranger, and a marker runs two hundred of them
with the teacher's rights.

*Trusted:* the kernel, bubblewrap, the interpreter and its libraries, this package, the marker's
processes, and the zygote until the first notebook runs. *Not trusted:* the cells, and with them
everything in the process that runs them: the modules beside this one that it has loaded (`guest`,
`substitutes`, even `messages`) may be patched there.

*Walls:* bubblewrap's namespaces (`bubblewrap`: no network, no other process, read-only files,
only the data sets that the lesson needs), limits that the process sets for itself (`guest`), a
filter of system calls (`seccomp`: no new process, no hand on another one, no memory beyond the
limits). Between two notebooks the zygote ends the process, empties the home, and compares its own
state with the first one; where they differ, the sandbox is begun anew (`zygote`, `processes`).

*What crosses:* JSON and plain bytes, never pickles (`messages`, `channel`). Each reply is checked
once, by type and bound (`replies`); one that isn't as agreed ends the notebook's process, and the
cell is left out. Texts lose control characters, errors lose this machine's folders, and errors of
functions lose their numbers, among which may be inputs drawn for the marking. Points are given
outside, from values and from what functions return for the judges' inputs; a network's answer is
no proof of what computed it, so judges send weights and images of their own (`remote`).

*An attacker may try* to read the checks, other submissions, secrets, or the inputs; to get points
without an answer; to change other marks; to stop the marking; to leave something running. The
list of what has been tried is `tests/support/attacks.py`: every test run marks an honest notebook
after each of them.

*Faults:* what ends a notebook's process is charged to the cell, but a kill only at the second
time, as a machine short of memory kills whom it likes. A sandbox that can't be started is a
`SandboxFault`: nobody's mark, to be tried again.

*Out of scope:* holes in the kernel or in bubblewrap; marking as root (the walls hold, but a hole
in one of them leads further); timing as a channel; a student who spoils only the own marks;
students who copy. `unsafe=True` keeps the limits and the filter and no other wall. Memory is
limited by address space (2 GB on top of torch) and the home by its file system (128 MB); for a
limit that the kernel counts as well, start the marker in a control group: `systemd-run --user
--scope -p MemoryMax=8G nnlab grade …`.
"""

# A plain module, edited here.

import importlib
from typing import Any

_HOMES = {
    "Limits": "limits",
    "ProcessEnded": "limits",
    "RemoteFunction": "remote",
    "RemoteNetwork": "remote",
    "Sandbox": "host",
    "SandboxError": "limits",
    "SandboxFault": "limits",
    "StudentError": "remote",
    "Submission": "submission",
    "require_bubblewrap": "bubblewrap",
    "visible_folders": "bubblewrap",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the student's side has no use for any of them."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
