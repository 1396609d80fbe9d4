"""The walls: what a student's code sees of this machine"""

# A plain module, edited here.

import os
import shutil
import site
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from nnlab_course.sandbox.limits import Limits, SandboxError

PACKAGE = Path(str(files("nnlab_course")))
HOME, DATA = "/sandbox", "/sandbox-data"  # As students' code sees them
_ALSO_HOME = ("/tmp", "/content")  # Where notebooks write, on Colab, too
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
# What a lesson imports, and what runs it: neither the checks nor the grading.
_VISIBLE = (
    *("__init__.py", "exercises", "files.py", "digits.safetensors", "lenet.safetensors"),
    *("activations.py", "autograd.py", "gradients.py", "lenet.py", "cifar10.py"),
    *("data", "training", "plots", "records", "explorers"),
    "sandbox/__init__.py",
    *("sandbox/zygote.py", "sandbox/guest.py", "sandbox/substitutes.py", "sandbox/seccomp.py"),
    "sandbox/missing.py",
    *("sandbox/processes.py", "sandbox/messages.py", "sandbox/channel.py", "sandbox/limits.py"),
)


def visible_folders() -> list[Path]:
    """List what a student's code can read, apart from the modules of this package."""
    folders = {Path(sys.prefix), Path(sys.base_prefix), *map(Path, site.getsitepackages())}
    folders |= {Path(path) for path in sys.path if path.endswith("-packages")}
    folders = sorted(folder for folder in folders if folder.is_dir())
    folders = [path for path in folders if not any(other in path.parents for other in folders)]
    return [*(Path(path) for path in _SYSTEM if Path(path).exists()), *folders]


def find_stores(
    data: Path | None,
    names: Sequence[str] | None,  # None: all
) -> list[Path]:
    """List the data sets that students' code may read: their files, and nothing beside them."""
    if not data:
        return []
    stores = sorted(path.resolve() for path in data.glob("[!.]*.safetensors") if path.is_file())
    return [path for path in stores if names is None or path.stem in names]


def _mounts(stores: Sequence[Path]) -> Iterator[str]:
    """Yield bubblewrap's arguments for the file system; a later one lies over an earlier one."""
    for path in visible_folders():
        if path.is_symlink() and len(path.parts) == 2:  # /lib -> usr/lib
            yield from ("--symlink", os.readlink(path), str(path))
        else:
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--tmpfs", str(PACKAGE))
    for path in map(PACKAGE.joinpath, _VISIBLE):
        yield from ("--ro-bind", str(path), str(path))
    yield from ("--dir", DATA)
    for path in stores:
        yield from ("--ro-bind", str(path), f"{DATA}/{path.name}")
    yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
    yield from ("--remount-ro", "/proc")
    yield from ("--size", str(2 * Limits.file_size), "--tmpfs", HOME)
    taken = {path.parts[1] for path in [*visible_folders(), PACKAGE]}
    for path in _ALSO_HOME:
        if path.strip("/") not in taken:
            yield from ("--symlink", HOME, path)
    yield from ("--remount-ro", str(PACKAGE), "--remount-ro", "/")


def environment_for(home: str, data: str) -> dict[str, str]:
    """Make the whole environment of a student's code."""
    names = ("OMP_NUM_THREADS", "TQDM_DISABLE", "NNLAB_OFFLINE", "NNLAB_STATIC")
    variables = dict.fromkeys(names, "1") | {"HOME": home, "TMPDIR": home, "USER": "student"}
    variables |= {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg"}
    variables |= {"PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0"}
    variables["MALLOC_ARENA_MAX"] = "1"  # A thread doesn't take 64 MB of addresses for itself
    return variables | {"NNLAB_DATA": data}


def bubblewrap_command(variables: dict[str, str], stores: Sequence[Path]) -> list[str]:
    """Write the command that starts something in the sandbox."""
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1"]
    command += ["--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--clearenv"]
    for name, value in variables.items():
        command += ["--setenv", name, value]
    return [*command, *_mounts(stores), "--chdir", HOME]


INSTALL = (
    "Install it (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap; version "
    "0.7 or newer), or grade without a sandbox, if you trust every submission with all your "
    "files: --unsafe-no-sandbox"
)


def require_bubblewrap(unsafe: bool = False) -> None:
    """Make sure that there is bubblewrap, unless somebody wants to do without.

    **Raises:** `SandboxError` if there is none.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError("notebooks are graded on Linux only: the sandbox needs its kernel")
    if not unsafe and not shutil.which("bwrap"):
        raise SandboxError(f"bubblewrap, which runs the sandbox, isn't here. {INSTALL}")
