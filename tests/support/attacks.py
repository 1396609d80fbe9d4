"""The attacks on the marking that the tests run; a line for each.

To add one, give its name, what must be true of it, and the cell.

Whatever an attack does, the notebooks after it get the marks that they get without it. What must be
true of the attack itself: "refused", its cell raises an error; "caught", its cell is left out,
as it ended its process or broke the rules; "harmless", it may run.
"""

from typing import NamedTuple


class Attack(NamedTuple):
    """A cell of a hostile notebook."""

    name: str
    must_be: str
    cell: str


# What the cells have at hand.
SETTING = """
import ctypes, fcntl, gc, mmap, os, resource, signal, socket, sys, threading, time
from pathlib import Path
import torch
import nnlab_course.sandbox.guest as guest
import nnlab_course.sandbox.messages as messages
C = ctypes.CDLL(None, use_errno=True)
def refused(code):
    if code < 0: raise OSError(ctypes.get_errno(), "refused")
def call(number, *arguments): refused(C.syscall(number, *arguments))
def notebook(): return next(o for o in gc.get_objects() if type(o) is guest.Notebook)
def channel():
    mine = [f for f in range(3, 99) if os.path.exists(f"/proc/self/fd/{f}")]
    return next(f for f in mine if os.readlink(f"/proc/self/fd/{f}").startswith("socket"))
def reply(what, answer): notebook().commands[what] = lambda message, value: answer
def deep(levels):
    for _ in range(levels):
        os.mkdir("d"); os.chdir("d")
"""
ATTACKS = [
    # A hand on the process that starts the next notebook
    Attack("limit of its time", "refused", "resource.prlimit(1, resource.RLIMIT_CPU, (10, 10))"),
    Attack("limit of its memory", "refused", "resource.prlimit(1, resource.RLIMIT_AS, (1, 1))"),
    Attack("limit of its files", "refused", "resource.prlimit(1, resource.RLIMIT_NOFILE, (9, 9))"),
    Attack("limit by number", "refused", "call(302, 1, 0, ctypes.byref((ctypes.c_ulong*2)()), 0)"),
    Attack("its processors", "refused", "os.sched_setaffinity(1, {0})"),
    Attack("its scheduler", "refused", "os.sched_setscheduler(1, 5, os.sched_param(0))"),
    Attack("its parameters", "refused", "os.sched_setparam(1, os.sched_param(0))"),
    Attack("its attributes", "refused", "call(314, 1, (ctypes.c_uint*14)(56), 0)"),
    Attack("its priority", "refused", "os.setpriority(os.PRIO_PROCESS, 1, 19)"),
    Attack("the group's priority", "refused", "os.setpriority(os.PRIO_PGRP, 0, 19)"),
    Attack("the user's priority", "refused", "os.setpriority(os.PRIO_USER, 0, 19)"),
    Attack("its priority on disks", "refused", "call(251, 1, 1, 3 << 13)"),
    Attack("the user's priority on disks", "refused", "call(251, 3, 1000, 3 << 13)"),
    Attack("an interrupt", "refused", "os.kill(1, signal.SIGINT)"),
    Attack("a stop", "refused", "os.kill(1, signal.SIGSTOP)"),
    Attack("its end", "refused", "os.kill(1, signal.SIGKILL)"),
    Attack("signals to all", "refused", "os.kill(-1, signal.SIGINT)"),
    Attack("signals to the group", "refused", "os.kill(0, signal.SIGINT)"),
    Attack("a thread's signal", "refused", "call(200, 1, signal.SIGINT)"),
    Attack("a group's thread's signal", "refused", "call(234, 1, 1, signal.SIGINT)"),
    Attack("a queued signal", "refused", "call(129, 1, signal.SIGINT, (ctypes.c_int * 32)())"),
    Attack("a handle of it", "refused", "os.pidfd_open(1)"),
    Attack("a handle's signal", "refused", "signal.pidfd_send_signal(os.open('/proc/1', 0), 2)"),
    Attack(
        "a signal by input",
        "harmless",
        "r, w = os.pipe(); fcntl.fcntl(r, fcntl.F_SETOWN, 1); fcntl.fcntl(r, 10, signal.SIGINT)\n"
        "fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC); os.write(w, b'x')",
    ),
    Attack("its pages", "refused", "call(279, 1, 0, None, None, None, 0)"),
    Attack("its memory", "refused", "open('/proc/1/mem', 'r+b')"),
    Attack("its score", "refused", "open('/proc/1/oom_score_adj', 'w').write('1000')"),
    Attack("its marks", "refused", "open('/proc/1/clear_refs', 'w').write('1')"),
    Attack("its group", "refused", "open('/proc/1/autogroup', 'w').write('19')"),
    Attack("its trace", "refused", "refused(C.ptrace(16, 1, None, None))"),
    Attack("the kernel's settings", "refused", "open('/proc/sys/vm/overcommit_memory', 'w')"),
    Attack("a world of its own", "refused", "call(272, 0x10000000)"),
    Attack("work for the kernel", "refused", "call(425, 8, (ctypes.c_char * 200)())"),
    Attack("the files of it", "refused", "os.open('/proc/1/fd/0', os.O_RDWR)"),
    # What a notebook may do to itself, and no other inherits
    Attack("own limits", "harmless", "resource.setrlimit(resource.RLIMIT_CPU, (20, 20))"),
    Attack("own priority", "harmless", "os.nice(19)"),
    Attack("own processors", "harmless", "os.sched_setaffinity(0, {0})"),
    Attack("own mask", "harmless", "os.umask(0o777); os.environ.clear()"),
    Attack("own signals", "harmless", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))"),
    Attack("patched torch", "harmless", "torch.exp = torch.sigmoid = torch.Tensor.sum = None"),
    Attack("patched exit", "harmless", "os._exit = os.kill = gc.collect = lambda *a: None"),
    Attack("its own end", "caught", "os.kill(os.getpid(), signal.SIGKILL)"),
    Attack("its own stop", "caught", "os.kill(os.getpid(), signal.SIGSTOP)"),
    Attack("its own interrupt", "refused", "os.kill(os.getpid(), signal.SIGINT); time.sleep(1)"),
    Attack("its own alarm", "caught", "signal.alarm(1); time.sleep(3)"),
    Attack("its own crash", "caught", "ctypes.string_at(0)"),
    # What stays behind
    Attack("a file", "harmless", "Path('torch.py').write_text('1 / 0'); os.chmod('.', 0)"),
    Attack("deep folders", "harmless", "deep(3000)"),
    Attack("deep folders, closed", "harmless", "deep(1500); os.chmod('..', 0); os.chmod('.', 0)"),
    Attack("long names", "harmless", "[os.mkdir('x' * 200 + str(n)) for n in range(3000)]"),
    Attack("odd names", "harmless", "open(b'\\xff\\n\\x1b[31m', 'w'); os.mkdir('swept-0')"),
    Attack("a pipe and a link", "harmless", "os.mkfifo('p'); os.symlink('/', 'l')"),
    Attack(
        "a full folder", "refused", "for n in range(9): Path(f'f{n}').write_bytes(bytes(2**25))"
    ),
    Attack("a file beside it", "refused", "open('/sandbox-data/x', 'w')"),
    Attack("shared memory", "refused", "open('/dev/shm/x', 'w')"),
    Attack("shared segments", "refused", "refused(C.shmget(7, 4096, 0o1777))"),
    Attack("shared keys", "refused", "call(248, b'user', b'k', b'v', 1, -3)"),
    Attack("shared counters", "refused", "refused(C.semget(7, 1, 0o1666))"),
    Attack("a name without a file", "refused", "socket.socket(socket.AF_UNIX).bind('\\0x')"),
    Attack("memory files", "refused", "os.memfd_create('x')"),
    Attack("secret memory", "refused", "call(447, 0)"),
    Attack("many open files", "refused", "kept = [os.pipe() for _ in range(99)]"),
    Attack("a second process", "refused", "os.fork()"),
    Attack("a process of its own", "refused", "call(56, 17, 0, 0, 0, 0)"),
    Attack("a process by new means", "refused", "call(435, (ctypes.c_ulong * 11)(0), 88)"),
    Attack("another program", "refused", "os.execv('/bin/sleep', ['sleep', '1000'])"),
    Attack("a program by handle", "refused", "os.execve(os.open('/bin/true', 0), ['x'], {})"),
    Attack("a session of its own", "harmless", "refused(C.setsid())"),
    Attack(
        "threads that stay",
        "harmless",
        "[threading.Thread(target=time.sleep, args=(10**6,)).start() for _ in range(3)]",
    ),
    Attack(
        "a flood of threads",
        "caught",
        "threading.stack_size(2**15)\n"
        "while True: threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()",
    ),
    Attack("a flood of files", "caught", "for n in range(10**9): os.mknod(str(n))"),
    Attack("a lock on the data", "harmless", "fcntl.flock(os.open('/sandbox-data', 0), 6)"),
    Attack("a lock on the package", "harmless", "fcntl.flock(os.open(guest.__file__, 0), 6)"),
    # The channel and the replies
    Attack("garbage", "caught", "os.write(channel(), b'x' * 999)"),
    Attack("a closed channel", "caught", "os.close(channel())"),
    Attack("half a channel", "caught", "socket.socket(fileno=channel()).shutdown(1)"),
    Attack("a stolen question", "caught", "os.set_blocking(channel(), False); os.close(channel())"),
    Attack("memory in words", "caught", "reply('memory', ({'memory': 'x'}, None))"),
    Attack("memory below nothing", "caught", "reply('memory', ({'memory': -1}, None))"),
    Attack("memory true", "caught", "reply('memory', ({'memory': True}, None))"),
    Attack("memory in parts", "caught", "reply('memory', ({'memory': 0.5}, None))"),
    Attack("endless memory", "caught", "reply('memory', ({'memory': 2**60}, None))"),
    Attack("an error in words", "caught", "reply('memory', ({'error': 'x'}, None))"),
    Attack("an error of lists", "caught", "reply('memory', ({'error': {'type': []}}, None))"),
    Attack("no number", "caught", "reply('memory', ({'memory': float('nan')}, None))"),
    Attack("no questions", "caught", "notebook().commands.clear()"),
    Attack(
        "an error that ends it",
        "caught",
        "raise type('E', (Exception,), {'__str__': lambda s: os._exit(0)})",
    ),
    Attack("a lone half", "refused", "raise ValueError('\\ud800')"),
    Attack("a turned error", "refused", "raise ValueError('\\u202e\\x1b[2J\\x00')"),
    Attack("a turned name", "refused", "raise type('\\u202eE\\x1b', (Exception,), {})"),
    Attack(
        "a half name", "refused", "raise type('E', (Exception,), {'__qualname__': 'x'})('\\udfff')"
    ),
    Attack("a long error", "refused", "raise ValueError('x' * 10**7)"),
    Attack(
        "no description",
        "caught",
        "guest.describe = lambda *a: {'type': 1, 'message': [], 'line': 'x'}; 1 / 0",
    ),
    Attack("a huge description", "caught", "messages.json.dumps = lambda x: '[' * 10**6"),
    Attack(
        "a huge length",
        "caught",
        "messages.LENGTHS.pack(1, 1); guest.write_message = lambda *a: b'\\xff' * 12",
    ),
]
