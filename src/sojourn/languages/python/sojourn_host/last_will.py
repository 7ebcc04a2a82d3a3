"""What this process still does when the engine dies: the calls that the engine left with it, each at most once."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any


class LastWill:
    """Calls by their mark; `begun` writes a mark down before its call begins, so that nobody makes it again."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, Any]] = {}
        self._ledger = ""
        self._begun = {""}
        self._lock = threading.Lock()

    def take(self, frame: dict[str, Any]) -> None:
        """Take a will: its calls, and the ledger in which marks are written down."""
        self._ledger = frame["ledger"]
        self._begun.update(frame["begun"])
        self._items = {item["mark"]: item for item in frame["will"]}

    def begun(self, mark: str) -> None:
        """Write down that a call has begun, or that a session is closed."""
        with self._lock:
            self._items.pop(mark, None)
            self._begun.add(mark)
            self.write({"begun": mark})

    def write(self, entry: dict[str, Any]) -> None:
        """Add a line to the ledger, if there is one; what cannot be written down is done all the same."""
        if self._ledger:
            with contextlib.suppress(OSError), open(self._ledger, "a", encoding="utf-8") as ledger:
                ledger.write(json.dumps(entry) + "\n")
                ledger.flush()
                os.fsync(ledger.fileno())

    async def execute(self, call: Callable[[int, list[Any]], Awaitable[None]]) -> None:
        """Make the calls that have not begun, in order; only those whose counterpart has."""
        for mark, item in list(self._items.items()):
            if item["needs"] in self._begun:
                self.begun(mark)
                await call(item["ref"], item["args"])
