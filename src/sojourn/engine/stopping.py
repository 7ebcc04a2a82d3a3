"""How a run is stopped: nothing more is started, and in the end what is under way is cut short."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

TIME_LIMIT = "the time limit of the run"


class OverdueError(TimeoutError):
    """A section's time was up, or the brake cut it short; any other TimeoutError is that of whoever raised it."""


class Brake:
    """Held by everything that starts or runs trials.

    `stopped` says why nothing more is started, `cut` why what is under way is cut short; empty while all goes on.
    """

    def __init__(self) -> None:
        self.stopped = ""
        self.cut = ""
        self._sections: set[Section] = set()

    @property
    def interrupted(self) -> bool:
        """Whether work was cut short by somebody from outside, who wants no rows for it."""
        return bool(self.cut) and self.cut != TIME_LIMIT

    def stop(self, reason: str) -> None:
        """Start nothing more; the first reason stands."""
        self.stopped = self.stopped or reason

    def cut_short(self, reason: str) -> None:
        """End every section under way, and each that is still to begin."""
        self.stop(reason)
        self.cut = self.cut or reason
        for section in self._sections:
            section.end()

    def section(self, seconds: float | None = None) -> Section:
        """Return a stretch of work of at most so many seconds; ended by these or the brake, it raises OverdueError."""
        return Section(self, self._sections, seconds)


class Section:
    """One stretch that may be cut short; see `Brake.section`."""

    def __init__(self, brake: Brake, under_way: set[Section], seconds: float | None) -> None:
        self._brake = brake
        self._under_way = under_way
        self._seconds = seconds
        self._began = 0.0
        self._timer = asyncio.timeout(0 if brake.cut else seconds)

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        await self._timer.__aenter__()
        self._under_way.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._under_way.discard(self)
        try:
            await self._timer.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise OverdueError from late

    @property
    def left(self) -> float | None:
        """How many of its seconds it has not used, or None where it has no limit."""
        if self._seconds is None:
            return None
        return max(self._seconds - (asyncio.get_running_loop().time() - self._began), 0)

    def end(self) -> None:
        """Cut it short; one whose time is up already, and that is still unwinding, is left to that."""
        with contextlib.suppress(RuntimeError):
            self._timer.reschedule(0)

    def release(self) -> None:
        """Let the rest of it take its time: it can be cut no more."""
        self._under_way.discard(self)
        self._timer.reschedule(None)
