"""`--keep-sessions on-fail`: shows what is kept open, and waits until somebody has looked at it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from sojourn.cli.progress import Progress
from sojourn.drawing.plain import plain
from sojourn.model.redaction import redacted


def looker(progress: Progress) -> Callable[[list[tuple[str, str, Any]]], Awaitable[None]]:
    """Return what shows kept sessions and waits for Enter, or for the end of standard input."""

    async def look(kept: list[tuple[str, str, Any]]) -> None:
        for session, trial, handle in kept:
            reach = (
                json.dumps(redacted(handle), ensure_ascii=False)
                if handle is not None
                else "no handle: it lives in its process"
            )
            progress.tell(plain(f"kept open for {trial}: {session}: {reach}"))
        progress.tell("press Enter to close them (Ctrl-C does, too)")
        await _line()

    return look


async def _line() -> None:
    """Wait for a line on standard input, or for its end: where nobody can press Enter, nobody looks either."""
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdin.readline()
        with contextlib.suppress(RuntimeError):  # the run was stopped meanwhile
            loop.call_soon_threadsafe(pressed.set)

    threading.Thread(target=read, daemon=True).start()
    await pressed.wait()
