"""Grading starts its workers as the other tests start their processes."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def workers(children):
    """Have what they are forked from ready, with all that later tests need."""
