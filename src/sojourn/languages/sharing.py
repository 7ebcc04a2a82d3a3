"""The run's shared state: what any hook or provider puts there, in either language, every later one sees."""

from __future__ import annotations

from typing import Any, Protocol

from sojourn.errors import CodeError
from sojourn.languages import protocol
from sojourn.model.suite import JsonDict

MARKER = {"$state": True}
"""What stands for the state in the context of a call; the process that is called puts its copy in its place."""


class Sharer(Protocol):
    """A process that has a copy of the state."""

    def tell_state(self, change: JsonDict) -> None:
        """Tell it what others have changed."""


class SharedState:
    """Keeps the state, and all processes in step. A change is a mapping of what was `set` and a list of what to `drop`.

    Two calls at once that change one key: the later answer stands. What must not be lost so is done here, one request
    after another: `incr` and `compareAndSet`.
    """

    def __init__(self) -> None:
        self.content: JsonDict = {}
        self._sharers: list[Sharer] = []

    def join(self, sharer: Sharer) -> bytes:
        """Let a process that was just started share; returns the frame that tells it the state as it is."""
        if sharer not in self._sharers:
            self._sharers.append(sharer)
        return protocol.state({"set": self.content, "drop": []}) if self.content else b""

    def change(self, change: JsonDict, by: Sharer | None) -> None:
        """Take over what one process has changed, and tell the others."""
        self.content.update(change["set"])
        for key in change["drop"]:
            self.content.pop(key, None)
        for sharer in self._sharers:
            if sharer is not by:
                sharer.tell_state(change)

    def told(self, asked: list[Any]) -> JsonDict:
        """Do what a process asks for, and return the answer to it."""
        try:
            return {"value": self.act(*asked)}
        except (CodeError, TypeError, ValueError) as error:
            return {"what": str(error)}

    def act(self, what: str, key: str, *values: Any) -> Any:
        """Do one thing that no other comes between, and tell all processes; raises CodeError where it cannot be done.

        `incr` adds a number to what stands under the key (nothing counts as 0) and returns the sum; `compareAndSet`
        sets the second value if the first stands there (None: or nothing does), and returns whether it did.
        """
        now = self.content.get(key)
        if what == "compareAndSet":
            expected, value = values
            if now != expected:
                return False
            self.change({"set": {key: value}, "drop": []}, None)
            return True
        if isinstance(now, bool) or not isinstance(now, int | float | None):
            raise CodeError(f"state.incr: under {key!r} stands {type(now).__name__}, not a number")
        total = (now or 0) + values[0]
        self.change({"set": {key: total}, "drop": []}, None)
        return total
