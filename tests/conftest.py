"""Shared by the tests: figures are drawn to memory, none outlives its test; the built package."""

import matplotlib
import pytest
from building import build, copy_source

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Close every figure after a test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A copy of what git would hand out."""
    copy = tmp_path_factory.mktemp("source")
    copy_source(copy)
    return copy


@pytest.fixture(scope="session")
def built(source):
    """The sdist, and the wheel built from it."""
    build(source)
    (wheel,) = (source / "dist").glob("*.whl")
    (sdist,) = (source / "dist").glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}
