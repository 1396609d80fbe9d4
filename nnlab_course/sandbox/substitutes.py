"""What stands in for things that tutorials teach and marking can't offer: worker processes, GPUs,
a keyboard, a debugger, a compiler"""

# A plain module, edited here.

import builtins
import concurrent.futures
import contextlib
import functools
import getpass
import multiprocessing.context
import os
import pdb
import re
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader


class Nowhere:
    """Takes what is printed, and keeps nothing."""

    encoding, errors = "utf-8", "replace"

    def write(self, text: str) -> int:
        return len(text)

    def __getattr__(self, name: str) -> Callable:
        return lambda *arguments, **options: None


def _without_workers(original: Callable) -> Callable:
    """Have a `DataLoader` load in the process that asks."""

    @functools.wraps(original)
    def start(self: DataLoader, dataset: Any, *arguments: Any, **options: Any) -> None:
        arguments = list(arguments)
        if len(arguments) > 4:
            arguments[4] = 0
        for name in ("num_workers", "prefetch_factor", "persistent_workers", "timeout"):
            options.pop(name, None)
        for name in ("multiprocessing_context", "pin_memory", "pin_memory_device"):
            options.pop(name, None)
        original(self, dataset, *arguments, **options)

    return start


def _onto_cpu(original: Callable) -> Callable:
    """Have `torch.load` put onto the CPU what was saved on a GPU."""

    @functools.wraps(original)
    def load(file: Any, map_location: Any = None, *arguments: Any, **options: Any) -> Any:
        if not isinstance(map_location, dict) and not callable(map_location):
            map_location = "cpu"
        return original(file, map_location, *arguments, **options)

    return load


def _nothing(*arguments: Any, **options: Any) -> None:
    """Do nothing."""


class _Done:
    """What was asked of a pool, and is done already."""

    def __init__(self, value: Any):
        self.value = value

    def get(self, timeout: Any = None) -> Any:
        return self.value

    def ready(self) -> bool:
        return True

    wait, successful = _nothing, ready


class _Pool:
    """Does one thing after the other, in the place of a pool of processes."""

    def __init__(self, *arguments: Any, **options: Any):
        """Need no processes."""

    def apply(self, function: Callable, args: Any = (), kwds: dict | None = None) -> Any:
        return function(*args, **(kwds or {}))

    def map(self, function: Callable, items: Any, *options: Any, **named: Any) -> list:
        return [function(item) for item in items]

    def starmap(self, function: Callable, items: Any, *options: Any, **named: Any) -> list:
        return [function(*item) for item in items]

    def imap(self, function: Callable, items: Any, *options: Any) -> Any:
        return iter(self.map(function, items))

    def apply_async(self, *arguments: Any) -> _Done:
        return _Done(self.apply(*arguments))

    def map_async(self, *arguments: Any) -> _Done:
        return _Done(self.map(*arguments))

    def starmap_async(self, *arguments: Any) -> _Done:
        return _Done(self.starmap(*arguments))

    def __enter__(self) -> "_Pool":
        return self

    imap_unordered = imap
    close = join = terminate = __exit__ = _nothing


class _Executor(concurrent.futures.ThreadPoolExecutor):
    """Works by one thread, in the place of processes."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(1)


def _uncompiled(model: Any = None, **options: Any) -> Any:
    """Give a model or function back as it is: there is no compiler here."""
    return model if model is not None else lambda function: function


_NOT_FOUND = 127  # What a shell answers where there is no such program


def install() -> None:
    """Put the substitutes that every notebook gets in their places."""
    DataLoader.__init__ = _without_workers(DataLoader.__init__)
    torch.load = _onto_cpu(torch.load)
    torch.compile, torch.nn.Module.compile = _uncompiled, lambda *a, **options: None
    for home in (multiprocessing, torch.multiprocessing, multiprocessing.context.BaseContext):
        home.Pool = _Pool
    concurrent.futures.ProcessPoolExecutor = _Executor
    sys.breakpointhook = pdb.set_trace = pdb.post_mortem = _nothing
    builtins.input = getpass.getpass = lambda *arguments, **options: ""  # nobody is there to type
    os.system = lambda command: _NOT_FOUND
    if "matplotlib" in sys.modules:  # there is no window
        sys.modules["matplotlib"].use = _nothing
    if "PIL.Image" in sys.modules:
        sys.modules["PIL.Image"].Image.show = _nothing


_GPU = re.compile(r"(cuda|mps|xpu)(:\d+)?")


def _on_cpu(value: Any) -> Any:
    """Put the CPU into the place of a GPU."""
    if isinstance(value, torch.device) and _GPU.fullmatch(str(value)):
        return torch.device("cpu")
    if isinstance(value, str):
        return "cpu" if _GPU.fullmatch(value) else value.replace("torch.cuda.", "torch.")
    return value


class _CpuForGpu(TorchFunctionMode):
    """Computes on the CPU what is asked of a GPU."""

    def __torch_function__(
        self, function: Callable, kinds: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if function in (Tensor.cuda, Tensor.pin_memory):
            return args[0]
        if function is Tensor.to and len(args) > 1 and type(args[1]) is int:  # a GPU's number
            args = (args[0], "cpu", *args[2:])
        kwargs = {name: _on_cpu(value) for name, value in (kwargs or {}).items()}
        return function(*map(_on_cpu, args), **kwargs)


class _Moment:
    """Stands for an event or a stream of a GPU: all of it has happened, in no time."""

    def __init__(self, *arguments: Any, **options: Any):
        """Need nothing."""

    def elapsed_time(self, end: Any) -> float:
        return 0.0

    def query(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Callable:
        return _nothing


class _OnCpu(type):
    """Makes generators of random numbers for the CPU, whatever was asked for."""

    def __call__(cls, device: Any = "cpu") -> torch.Generator:
        return cls.original("cpu")

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.original)


class _Generator(metaclass=_OnCpu):
    original = torch.Generator


_MENTIONS_GPU = re.compile(r"\b(cuda|mps|xpu|pin_memory)\b")


def prepare_for(source: str) -> None:
    """Put the CPU into the place of GPUs, from the first cell on that speaks of one."""
    if not _MENTIONS_GPU.search(source) or any(
        isinstance(mode, _CpuForGpu) for mode in torch.overrides._get_current_function_mode_stack()
    ):
        return
    _CpuForGpu().__enter__()
    # Each name its own function: torch's compiler, which an optimiser loads, lists them.
    for name in ("synchronize", "set_device", "init", "set_stream"):
        setattr(torch.cuda, name, functools.partial(_nothing))
    for name in [name for name in vars(torch.cuda) if name.endswith("Tensor")]:
        setattr(torch.cuda, name, getattr(torch, name))
    for name in ("Event", "Stream", "current_stream", "default_stream"):
        setattr(torch.cuda, name, functools.partial(_Moment))
    for name in ("stream", "device"):
        setattr(torch.cuda, name, lambda *arguments: contextlib.nullcontext())
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_name = lambda device=None: "CPU"
    torch.Generator = _Generator


_REFUSALS = {  # Audit event: what to say
    "socket.getaddrinfo": "there is no network when a notebook is marked, so nothing is downloaded",
    "socket.connect": "there is no network when a notebook is marked, so nothing is downloaded",
    "os.fork": "no other process can be started when a notebook is marked",
    "os.forkpty": "no other process can be started when a notebook is marked",
    "os.exec": "no other program can be run when a notebook is marked",
    "os.posix_spawn": "no other program can be run when a notebook is marked",
    "subprocess.Popen": "no other program can be run when a notebook is marked",
}


def explain_refusal(event: str, arguments: tuple) -> None:
    """Say in a sentence what the kernel would refuse; a hook for `sys.addaudithook`.

    **Raises:** `PermissionError` for what isn't possible when marked.
    """
    if event in _REFUSALS:
        raise PermissionError(_REFUSALS[event])
