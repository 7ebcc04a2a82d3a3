"""Sojourn: evaluations for LLM applications that remember."""

from sojourn._version import __version__

__all__ = ["__version__"]
