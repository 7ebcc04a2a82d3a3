"""The run's shared dictionary, as this process sees it: one object for all calls, kept in step with other languages.

What a call has changed is told before its answer. A value that JSON cannot carry stays in this process.
"""

from __future__ import annotations

import json
import threading
from typing import Any

MARKER = {"$state": True}
"""What stands for the dictionary in a call's context."""


class SharedState:
    """`content` is what users see as `context["state"]`."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}
        self._told: dict[str, str] = {}
        self._lock = threading.Lock()

    def take(self, change: dict[str, Any]) -> None:
        """Take what another process has changed."""
        with self._lock:
            for key, value in change["set"].items():
                self.content[key] = value
                self._told[key] = _written(value)
            for key in change["drop"]:
                self.content.pop(key, None)
                self._told.pop(key, None)

    def lend(self, arguments: list[Any]) -> None:
        """Put the dictionary into the call contexts among a call's arguments, in place."""
        for argument in arguments:
            if isinstance(argument, dict) and argument.get("state") == MARKER:
                argument["state"] = self.content

    def changes(self) -> dict[str, Any] | None:
        """Return what has changed since this was last asked, or None."""
        if not self.content and not self._told:
            return None
        with self._lock:
            now = {key: text for key, value in list(self.content.items()) if (text := _written(value))}
            changed = {key: json.loads(text) for key, text in now.items() if self._told.get(key) != text}
            dropped = [key for key in self._told if key not in now]
            self._told = now
        return {"set": changed, "drop": dropped} if changed or dropped else None


def _written(value: Any) -> str:
    """Return a value as JSON, or nothing where it cannot be carried."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return ""
