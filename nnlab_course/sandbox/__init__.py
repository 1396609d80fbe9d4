"""Run a notebook where there is nothing to read, nobody to talk to, and little to use up"""

# A plain module, edited here.
# The threat model is in README.md beside this file.

import importlib
from typing import Any

_HOMES = {
    "Limits": "limits",
    "ProcessEnded": "limits",
    "RemoteFunction": "remote",
    "RemoteNetwork": "remote",
    "Sandbox": "host",
    "SandboxError": "limits",
    "SandboxFault": "limits",
    "StudentError": "remote",
    "Submission": "submission",
    "require_bubblewrap": "bubblewrap",
    "visible_folders": "bubblewrap",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the student's side has no use for any of them."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
