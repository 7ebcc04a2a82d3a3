"""The command line is tried in this process, whose signals it takes."""

from tests.signals import signals

__all__ = ["signals"]
