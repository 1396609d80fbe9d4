"""What stands for modules that aren't here when a notebook is marked: Colab's, others' packages"""

# A plain module, edited here.

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterator


class Inert(types.ModuleType):
    """Stands for a module that isn't here: takes any question, and answers nothing."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> "Inert":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: object, **options: object) -> object:
        """Decorate a function by leaving it as it is."""
        if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType | type):
            return arguments[0]
        return self

    def __mro_entries__(self, bases: tuple) -> tuple:
        """Be no base of a class."""
        return ()

    def __format__(self, form: str) -> str:
        return repr(self)

    def __getitem__(self, key: object) -> "Inert":
        return self

    def __setitem__(self, key: object, value: object) -> None:
        """Forget it."""

    def __iter__(self) -> Iterator:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __enter__(self) -> "Inert":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def __repr__(self) -> str:
        return "not available when marked"


def _calculate_nothing() -> None:
    """Have arithmetic with what isn't here lead to what isn't here, and comparing to False."""
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
        for form in (f"__{name}__", f"__r{name}__"):
            setattr(Inert, form, lambda self, other: self)
    for name in ("neg", "pos", "abs"):
        setattr(Inert, f"__{name}__", lambda self: self)
    for name in ("lt", "le", "gt", "ge"):
        setattr(Inert, f"__{name}__", lambda self, other: False)


_calculate_nothing()


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


def install_missing(
    checks: list[str],  # Modules that aren't here, and that a notebook may import
) -> None:
    """Put stand-ins in their places that every notebook gets."""
    for name in checks:
        sys.modules[name] = Inert(name)
    sys.meta_path.append(_Colab())
    shell = types.ModuleType("IPython.core.getipython")  # not the shell of whoever marks
    shell.get_ipython = lambda: Inert("IPython")
    sys.modules[shell.__name__] = shell
    if not _is_here("tensorboard"):
        sys.modules["torch.utils.tensorboard"] = Inert("tensorboard")


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a cell imports at its top level: not where it expects them to fail."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _is_here(name: str) -> bool:
    """Tell whether a module or package can be imported, as its name tells."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def not_installed(tree: ast.Module) -> dict[str, list[str]]:
    """List the packages that a cell imports and that aren't here, with what it imports of each."""
    found: dict[str, list[str]] = {}
    for name in _imported(tree):
        package = name.partition(".")[0]
        if package != "google" and not _is_here(package):
            found.setdefault(package, []).append(name)
    return found


def replace_missing(tree: ast.Module) -> None:
    """Have a cell get something inert for each package that isn't installed here."""
    for package, names in not_installed(tree).items():
        for name in names:
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                sys.modules.setdefault(".".join(parts[:end]), Inert(package))
