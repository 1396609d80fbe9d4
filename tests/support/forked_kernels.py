"""Notebooks' kernels, forked from one process that has imported what each would import anew."""

import multiprocessing
import os
import sys
import threading
from multiprocessing import forkserver

from jupyter_client.provisioning import local_provisioner

# What takes seconds; an optimiser imports torch's compiler.
IMPORTED = ("uncollected", "torch._dynamo", "torchvision.transforms.v2", "matplotlib.pyplot")
IMPORTED += ("anywidget", "ipykernel.kernelapp", "torchvision.datasets")
IMPORTED += ("nnlab_course.training", "nnlab_course.grading.workers")
INLINE = "module://matplotlib_inline.backend_inline"


def _run(arguments, folder, environment, ready):
    os.setpgid(0, 0)  # a kernel is ended with its process group
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    ready.send(True)
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    matplotlib.rcParams["backend"] = INLINE  # what a kernel tells Matplotlib before its import
    IPKernelApp.launch_instance(arguments)


def _end_with_the_tests():
    multiprocessing.parent_process().join()
    os._exit(1)


class ForkedKernel:
    """A kernel's process, as Jupyter knows it from `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, command, *, cwd=None, env=None, **_):
        start_server()
        arguments = command[command.index("-f") :]
        ready, started = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.get_context("forkserver").Process(
            target=_run, args=(arguments, cwd or ".", env or os.environ.copy(), started)
        )
        self._process.start()
        started.close()
        ready.recv()
        self.pid = self._process.pid

    def poll(self):
        """Return how the process ended, None while it runs."""
        return self._process.exitcode

    def wait(self):
        """Wait for its end, and return how it ended."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number):
        """Send a signal to this process alone."""
        os.kill(self.pid, number)


def start_server():
    """Start the process that others are forked from, unless it is there; a program has one."""
    forkserver.set_forkserver_preload(list(IMPORTED))
    forkserver.ensure_running()


def fork_kernels(patch):
    """Have Jupyter fork the kernels that this process starts, where Python can do so safely."""
    if sys.platform == "linux":
        patch.setattr(local_provisioner, "launch_kernel", ForkedKernel)
