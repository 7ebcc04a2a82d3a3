"""Processes that a session started: they carry its mark, and so are found again, whatever group they are in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

MARK = "SOJOURN_SESSION"
"""The variable that holds the tag of the session by which a process, or what started it, was started."""


def end_all(tag: str) -> None:
    """End every process that carries a session's mark."""
    import psutil

    found = list(_marked(tag))
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=5)


def _marked(tag: str) -> Iterator[Any]:
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == tag:
                yield process


def is_running(pid: int) -> bool:
    """Tell whether there is a process of this number."""
    import psutil

    return psutil.pid_exists(pid)
