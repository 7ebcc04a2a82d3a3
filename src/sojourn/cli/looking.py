"""`--keep-sessions on-fail`: shows what is kept open, and waits until somebody has looked at it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from sojourn.cli.progress import Progress
from sojourn.model.redaction import redacted
from sojourn.reporters.plain import plain


def looker(progress: Progress) -> Callable[[list[tuple[str, str, Any]]], Awaitable[None]]:
    """Return what shows kept sessions and waits for Enter; where nobody can press it, for the signal to end."""

    async def look(kept: list[tuple[str, str, Any]]) -> None:
        for session, trial, handle in kept:
            reach = (
                json.dumps(redacted(handle), ensure_ascii=False)
                if handle is not None
                else "no handle: it lives in its process"
            )
            progress.tell(plain(f"kept open for {trial}: {session}: {reach}"))
        if sys.stdin is not None and sys.stdin.isatty():
            progress.tell("press Enter to close them")
            await _line()
        else:
            progress.tell("Ctrl-C (or SIGTERM) closes them")
            await asyncio.Event().wait()

    return look


async def _line() -> None:
    """Wait for a line on standard input."""
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, pressed.set)
    try:
        await pressed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    sys.stdin.readline()
