"""Shared by the tests: figures are drawn to memory, and none outlives its test."""

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Close every figure after a test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")
