"""Whether bubblewrap works on this machine, asked once."""

import shutil
import subprocess
from functools import cache

import pytest


@cache
def bubblewrap_starts():
    """Tell whether this machine has bubblewrap, and lets it make namespaces."""
    if not shutil.which("bwrap"):
        return False
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, capture_output=True).returncode == 0


needs_bubblewrap = pytest.mark.skipif(
    not bubblewrap_starts(), reason="needs bubblewrap and user namespaces (apt install bubblewrap)"
)
