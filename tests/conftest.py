"""Shared by the tests: figures are drawn to memory and none outlives its test; the built site."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
PROJECT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def close_figures():
    """Close every figure after a test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def build_site(source, folder, *options, **environment):
    """Run Sphinx as `make docs` does, and return the finished process."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", *options]
    command += ["-c", PROJECT / "docs", "-d", folder / "doctrees", source, folder / "html"]
    environment = {**os.environ, "SOLUTIONS": "1", **environment}
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the site from the stored outputs; any warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = build_site(PROJECT / "nbs", folder)
    assert done.returncode == 0, done.stderr
    return folder / "html"
