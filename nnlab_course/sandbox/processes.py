"""What Linux knows of a process: its limits, its parent, and whether anybody changed it"""

# A plain module, edited here.

import ctypes
import os
import re
import resource
import signal
from pathlib import Path
from typing import Any

_SET_PARENT_DEATH_SIGNAL, SET_DUMPABLE = 1, 4


def prctl(*arguments: int) -> None:
    """Set a property of this process for the kernel."""
    if ctypes.CDLL(None, use_errno=True).prctl(*map(ctypes.c_ulong, arguments)):
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")


def die_with_parent(
    parent: int,  # Its number, as this process knows it
) -> None:
    """Have the kernel kill this process when its parent ends, whatever ends it."""
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)


def memory_in_use() -> int:
    """Tell how many bytes of address space this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def bytes_in(folder: str | Path) -> int:
    """Tell how many bytes of a file system are taken."""
    facts = os.statvfs(folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def files_in(folder: str | Path) -> int:
    """Tell how many files and folders a file system holds."""
    facts = os.statvfs(folder)
    return facts.f_files - facts.f_ffree


def threads_of(process: int) -> int:
    """Tell how many threads a process has."""
    status = Path(f"/proc/{process}/stat").read_text()
    return int(status.rpartition(")")[2].split()[17])


def _open_files() -> dict[str, str]:
    """List the descriptors of this process, and what is open there."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = re.sub(r"\[\d+\]$", "", os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the one that listed them
            continue
    return found


_FACTS = ("Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp", "CapEff")


def state_of_this_process() -> dict[str, Any]:
    """Describe all that a child of this process would inherit, to be compared later."""
    status = dict(re.findall(r"^(\w+):\s*(.*)$", Path("/proc/self/status").read_text(), re.M))
    return {
        "limits": [resource.getrlimit(number) for number in range(16)],  # all that Linux has
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "processors": os.sched_getaffinity(0),
        "scheduler": (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": _open_files(),
        "killed first": Path("/proc/self/oom_score_adj").read_text(),
        "status": {name: status.get(name) for name in _FACTS},
        "processes": [n for n in os.listdir("/proc") if n.isdigit()] if os.getpid() == 1 else [],
    }
