"""Tests of data run without the settings of the user who runs them."""

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """Run without the settings of the user who runs the tests."""
    monkeypatch.delenv("NNLAB_DATA", raising=False)
    monkeypatch.delenv("NNLAB_OFFLINE", raising=False)
