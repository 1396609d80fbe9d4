"""Install what the lock says; on Linux without an NVIDIA GPU, with PyTorch's own CPU wheels.

.venv/bin/python scripts/install.py https://download.pytorch.org/whl/cpu

PyPI's torch brings 5 GB of CUDA along, which nothing loads where there is no GPU. The index that is
named has the same version without it, as 2.15.0+cpu. If it doesn't answer at once, or hasn't our
versions, everything comes from PyPI.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path("requirements-dev.txt")
PYTHON = Path(sys.executable)
UV = PYTHON.with_name("uv")
TORCH = re.compile(r"^((?:torch|torchvision)==[^ +\n]+)", re.M)
CUDA = re.compile(r"^(?:nvidia-|cuda-|triton==).*\n", re.M)  # torch's; its CPU wheel needs none
AT_ONCE = {"UV_HTTP_CONNECT_TIMEOUT": "5", "UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "0"}


def without_cuda(lock: str) -> str:
    """Return the lock with the CPU wheels of torch and torchvision, and without CUDA."""
    return TORCH.sub(r"\1+cpu", CUDA.sub("", lock))


def has_nvidia_driver() -> bool:
    """Tell whether there is a GPU for PyPI's wheels; in Windows's Linux, it is /dev/dxg."""
    places = (Path("/proc/driver/nvidia"), Path("/dev/dxg"))
    return any(place.exists() for place in places) or shutil.which("nvidia-smi") is not None


def uv_pip(command: list[str], requirements: str, **how) -> bool:
    """Run `uv pip` on these requirements; tell whether it succeeded."""
    call = [UV, "pip", *command, "--quiet", "--python", PYTHON]
    return subprocess.run(call, input=requirements, text=True, **how).returncode == 0


def take_cpu_wheels(lock: str, index: str) -> bool:
    """Install torch and torchvision from this index, and nothing else; tell whether it worked."""
    pins = "".join(line for line in lock.splitlines(keepends=True) if TORCH.match(line))
    take = ["install", "--no-deps", "--default-index", index, "--requirements", "-"]
    at_once = {"env": os.environ | AT_ONCE, "stderr": subprocess.DEVNULL}
    return uv_pip([*take, "--dry-run"], pins, **at_once) and uv_pip(take, pins)


def main(index: str) -> int:
    """Install what the lock says; return the exit status."""
    lock = LOCK.read_text(encoding="utf-8")
    if index and sys.platform == "linux" and not has_nvidia_driver():
        light = without_cuda(lock)
        taken = take_cpu_wheels(light, index)
        lock = light if taken else lock
        found = "come from" if taken else "can't be had, PyPI's are taken; asked was"
        print(f"PyTorch's wheels without CUDA {found} {index}", file=sys.stderr)
    return 0 if uv_pip(["sync", "--compile-bytecode", "-"], lock) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
