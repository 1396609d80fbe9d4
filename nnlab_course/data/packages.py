"""Download the wheels of the course, for computers without a network"""

# A plain module, edited here.

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from nnlab_course.files import shown


def course_requirement() -> str:
    """Say from where this copy of the course was installed, as pip takes it."""
    try:
        course = distribution("nnlab-course")
    except PackageNotFoundError:
        return "nnlab-course[lab]"
    origin = json.loads(course.read_text("direct_url.json") or "{}")
    if "url" not in origin:
        return f"nnlab-course[lab]=={course.version}"
    version = origin.get("vcs_info", {})
    address = origin["url"]
    if version:
        address = f"{version['vcs']}+{address}@{version['commit_id']}"
    return f"nnlab-course[lab] @ {address}"


def download_packages(
    folder: Path,  # Wheels are put there
    requirements: Sequence[str] = (),  # As pip takes them; the course itself if empty
) -> list[str]:  # The names of the wheels
    """Have pip, or uv's pip, download the course and all that it needs, for this system and Python.

    **Raises:** `RuntimeError` if there is neither, or it fails; the text is its own last line.
    """
    if find_spec("pip"):
        pip = [sys.executable, "-m", "pip"]
    elif uv := shutil.which("uv"):
        pip = [uv, "tool", "run", "--python", sys.executable, "pip"]
    else:
        raise RuntimeError("neither pip nor uv is here; python -m ensurepip installs pip")
    command = [*pip, "wheel", "--disable-pip-version-check", "--wheel-dir", str(folder), "--"]
    done = subprocess.run(
        [*command, *(requirements or [course_requirement()])], capture_output=True, text=True
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        lines = [line for line in lines if line.startswith("ERROR:")] or lines
        reason = shown(lines[-1].removeprefix("ERROR: ")) if lines else f"exit {done.returncode}"
        raise RuntimeError(f"the packages could not be downloaded: {reason}")
    return sorted(path.name for path in folder.glob("*.whl"))
