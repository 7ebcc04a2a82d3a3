"""The run's shared dictionary, as this process sees it: one object for all calls, kept in step with other languages.

What a call has changed is told before its answer. A value that JSON cannot carry stays in this process.
"""

from __future__ import annotations

import itertools
import json
import queue
import threading
from collections.abc import Callable
from typing import Any

OVER = "the run is over: nobody counts any more"
MARKER = {"$state": True}
"""What stands for the dictionary in a call's context."""


class State(dict[str, Any]):
    """The dictionary itself; what several calls change at once is changed by `incr` and `compare_and_set`."""

    def __init__(self, ask: Callable[[list[Any]], Any]) -> None:
        super().__init__()
        self._ask = ask

    def incr(self, key: str, by: float = 1) -> Any:
        """Add to a number, nothing counting as 0, and return the sum; no other change comes between."""
        return self._ask(["incr", key, by])

    def compare_and_set(self, key: str, expected: Any, value: Any) -> bool:
        """Set a value if `expected` stands there (None: if nothing does); return whether it was set."""
        return bool(self._ask(["compareAndSet", key, expected, value]))


class SharedState:
    """`content` is what users see as `context["state"]`; `send` takes frames to the engine."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self.content = State(self._ask)
        self._send = send
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._deserted = False
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

    def _ask(self, what: list[Any]) -> Any:
        """Ask the engine and wait: another thread reads its answers, so that this may be done anywhere."""
        number = next(self._numbers)
        answer = self._answers[number] = queue.SimpleQueue()
        if self._deserted:
            raise TypeError(OVER)
        self._tell_changes()
        self._send({"asked": number, "do": what})
        told = answer.get()
        if "what" in told:
            raise TypeError(told["what"])
        return told["value"]

    def _tell_changes(self) -> None:
        changed = self.changes()
        if changed:
            self._send({"state": changed})

    def desert(self) -> None:
        """Let nobody wait any longer: the engine is gone."""
        self._deserted = True
        for answer in list(self._answers.values()):
            answer.put({"what": OVER})

    def answered(self, frame: dict[str, Any]) -> None:
        """Pass an answer on to who asked."""
        self._answers.pop(frame["answer"]).put(frame)

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
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return ""
    return text
