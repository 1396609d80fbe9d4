"""How the tests build the package."""

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
FILES = ["setup.py", "pyproject.toml", "settings.ini", "README.md", "LICENSE", "MANIFEST.in"]
FILES += ["nbgrader_config.py"]
FOLDERS = ["nnlab_course", "nbs", "scripts"]


def run(*command, cwd, **kwargs):
    """Run a command that has to succeed, and return what it prints."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy_source(target):
    """Copy what git would hand out, so that nothing left over in the folder is packed."""
    for name in FILES:
        shutil.copy(PROJECT / name, target)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".ipynb_checkpoints")
    for name in FOLDERS:
        shutil.copytree(PROJECT / name, target / name, ignore=ignore)


def build(source, *options):
    """Run `python -m build` in the folder `source`, with what is installed here.

    That pyproject.toml names all that it takes, the test of an empty environment tells.
    """
    run(sys.executable, "-m", "build", "--no-isolation", *options, cwd=source)
