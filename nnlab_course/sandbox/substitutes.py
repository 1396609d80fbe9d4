"""What stands in for things that tutorials teach and marking can't offer: worker processes, GPUs,
Colab, the checks"""

# A plain module, edited here.

import functools
import importlib.abc
import importlib.machinery
import re
import sys
import types
from collections.abc import Callable, Iterator
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


class Inert(types.ModuleType):
    """Stands for a module that isn't here: takes any question, and answers nothing."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> "Inert":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: object, **options: object) -> "Inert":
        return self

    def __iter__(self) -> Iterator:
        return iter(())

    def __enter__(self) -> "Inert":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def __repr__(self) -> str:
        return "not available when marked"


class _Colab(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `google.colab` and all that is in it, as modules that do nothing."""

    def find_spec(self, name: str, *place: object) -> importlib.machinery.ModuleSpec | None:
        if name == "google" or name.startswith("google.colab"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return Inert(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave the module as it is."""


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


def install(
    checks: list[str],  # Modules that aren't here, and that a notebook may import
) -> None:
    """Put the substitutes that every notebook gets in their places."""
    for name in checks:
        sys.modules[name] = Inert(name)
    sys.meta_path.append(_Colab())
    DataLoader.__init__ = _without_workers(DataLoader.__init__)
    torch.load = _onto_cpu(torch.load)


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


_MENTIONS_GPU = re.compile(r"\b(cuda|mps|xpu)\b")


def prepare_for(source: str) -> None:
    """Put the CPU into the place of GPUs, from the first cell on that speaks of one."""
    if not _MENTIONS_GPU.search(source) or any(
        isinstance(mode, _CpuForGpu) for mode in torch.overrides._get_current_function_mode_stack()
    ):
        return
    _CpuForGpu().__enter__()
    for name in ("synchronize", "set_device", "init"):
        setattr(torch.cuda, name, lambda *arguments, **options: None)
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_name = lambda device=None: "CPU"


_REFUSALS = {  # Audit event: what to say
    "socket.getaddrinfo": "there is no network when a notebook is marked, so nothing is downloaded",
    "socket.connect": "there is no network when a notebook is marked, so nothing is downloaded",
    "os.fork": "no other process can be started when a notebook is marked",
    "os.forkpty": "no other process can be started when a notebook is marked",
    "os.exec": "no other program can be run when a notebook is marked",
    "os.posix_spawn": "no other program can be run when a notebook is marked",
    "os.system": "no other program can be run when a notebook is marked",
    "subprocess.Popen": "no other program can be run when a notebook is marked",
}


def explain_refusal(event: str, arguments: tuple) -> None:
    """Say in a sentence what the kernel would refuse; a hook for `sys.addaudithook`.

    **Raises:** `PermissionError` for what isn't possible when marked.
    """
    if event in _REFUSALS:
        raise PermissionError(_REFUSALS[event])
