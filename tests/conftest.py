"""Shared by the tests: figures are drawn to memory and none outlives its test; the built site."""

import matplotlib
import pytest
from site_samples import PROJECT, build

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Close every figure after a test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the site from the stored outputs; any warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = build(PROJECT / "nbs", folder)
    assert done.returncode == 0, done.stderr
    return folder / "html"
