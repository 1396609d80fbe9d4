"""The system calls that a student's code may not make: a program that the kernel runs"""

# A plain module, edited here.

import ctypes
import errno
import os
import platform
import struct

from nnlab_course.sandbox.processes import prctl

_REFUSED = {  # System call: its number on x86-64 and on 64-bit ARM
    # New processes and programs
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    # Other processes: their memory, their files, signals to them
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    # Ways out
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "open_by_handle_at": (304, 265),
    "socket": (41, 198),
    # Memory that no limit counts, and what outlives its process
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Large parts of the kernel that nobody needs here
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "fanotify_init": (300, 262),
    "syslog": (103, 116),
}
_OWN, _NONE = "the process itself", 0
_RESTRICTED = {  # System call: its numbers, and what an argument may be
    "kill": (62, 129, {0: (_OWN,)}),
    "tgkill": (234, 131, {0: (_OWN,)}),
    "prlimit64": (302, 261, {0: (_OWN, _NONE)}),
    "sched_setparam": (142, 118, {0: (_OWN, _NONE)}),
    "sched_setscheduler": (144, 119, {0: (_OWN, _NONE)}),
    "sched_setaffinity": (203, 122, {0: (_OWN, _NONE)}),
    "sched_setattr": (314, 274, {0: (_OWN, _NONE)}),
    "setpriority": (141, 140, {0: (0,), 1: (_OWN, _NONE)}),  # 0: of a process, not of a user
    "ioprio_set": (251, 30, {0: (1,), 1: (_OWN, _NONE)}),  # 1: the same
}
_MACHINES = {"x86_64": (0, 0xC000003E, 56), "aarch64": (1, 0xC00000B7, 220)}
_CLONE3, _CLONE_THREAD = 435, 0x10000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # Where the kernel puts them


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


_REFUSE = _step(_RETURN, _FAIL | errno.EPERM)


def _restrict(number: int, arguments: dict[int, tuple], own: int) -> list[bytes]:
    """Write the steps that allow a system call with these values of its arguments only."""
    steps = []
    for index, allowed in arguments.items():
        steps.append(_step(_LOAD, _ARGUMENTS + 8 * index))
        for left, value in reversed(list(enumerate(reversed(allowed), 1))):
            steps.append(_step(_IF_EQUAL, own if value is _OWN else value, left))
        steps.append(_REFUSE)
    steps.append(_step(_RETURN, _ALLOW))
    return [_step(_LOAD, _NUMBER), _step(_IF_EQUAL, number, 0, len(steps)), *steps]


def filter_program(
    machine: str,  # As `platform.machine` calls it
    own: int,  # The process's number
) -> bytes:
    """Write the seccomp program that refuses new processes, ways out, and a hand on others.

    **Raises:** `ValueError` for a machine whose system calls aren't known here.
    """
    if machine not in _MACHINES:
        raise ValueError(f"no filter is known for {machine!r}; grade on {' or '.join(_MACHINES)}")
    column, architecture, clone = _MACHINES[machine]
    program = [_step(_LOAD, _ARCHITECTURE), _step(_IF_EQUAL, architecture, 1), _REFUSE]
    program += [_step(_LOAD, _NUMBER), _step(_IF_AT_LEAST, 0x40000000, 0, 1), _REFUSE]
    for numbers in _REFUSED.values():
        if numbers[column] is not None:
            program += [_step(_IF_EQUAL, numbers[column], 0, 1), _REFUSE]
    for *numbers, arguments in _RESTRICTED.values():
        program += _restrict(numbers[column], arguments, own)
    # The C library falls back from clone3, whose flags can't be seen here, to clone.
    program += [_step(_LOAD, _NUMBER), _step(_IF_EQUAL, _CLONE3, 0, 1)]
    program += [_step(_RETURN, _FAIL | errno.ENOSYS)]
    program += [_step(_IF_EQUAL, clone, 0, 3), _step(_LOAD, _ARGUMENTS)]
    program += [_step(_IF_BIT, _CLONE_THREAD, 1), _REFUSE, _step(_RETURN, _ALLOW)]
    return b"".join(program)


_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


def install_filter() -> None:
    """Have the kernel refuse these system calls to this process, for good."""
    program = filter_program(platform.machine(), os.getpid())
    code = ctypes.create_string_buffer(program)
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    head = ctypes.create_string_buffer(head)
    prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(head), 0, 0)
