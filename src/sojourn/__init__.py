"""Sojourn: evaluations for LLM applications that remember."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sojourn._version import __version__

if TYPE_CHECKING:
    from sojourn.api import evaluate, run
    from sojourn.marking import session

__all__ = ["__version__", "evaluate", "run", "session"]

_PLACES = {"evaluate": "sojourn.api", "run": "sojourn.api", "session": "sojourn.marking"}


def __getattr__(name: str) -> Any:
    """Import the engine only when it is asked for: `--version` and users' own code should not wait for it."""
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
