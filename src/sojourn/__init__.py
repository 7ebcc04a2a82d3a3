"""Sojourn: evaluations for LLM applications that remember."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn._version import __version__

if TYPE_CHECKING:
    from sojourn.api import evaluate, run

__all__ = ["__version__", "evaluate", "run"]


def __getattr__(name: str) -> Any:
    """Import the engine only when it is asked for: `--version` and users' own code should not wait for it."""
    if name in ("evaluate", "run"):
        from sojourn import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
