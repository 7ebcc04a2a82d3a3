"""What a test that lets the product take the signals of its process must give back."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

__all__ = ["signals"]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Give this process its signals back: who is tried takes them for good, as if it were the whole process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
