"""One task owns one session, from its opening to its end.

A session that holds a task group or a cancel scope can only be closed by the task that opened it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.closing import Closer, Unclosed, close_all, close_one
from sojourn.model.session import MOVES, State

Open = Callable[[], Awaitable[Any]]
Close = Callable[[Any], Awaitable[None]]

LATE = "it was still being closed when the run had to end"


def _never(_: Any) -> bool:
    return False


class SessionHost:
    """Opens a session, keeps it, closes it. `live` is what opening gave; `lost(live)` tells whether it went away.

    `tag` is the name under which the journal knows it.
    """

    def __init__(
        self,
        name: str,
        open_: Open,
        close: Close,
        *,
        open_timeout: float,
        close_timeout: float,
        lost: Callable[[Any], bool] = _never,
    ) -> None:
        self.name = name
        self.tag = ""
        self.live: Any = None
        self._lost = lost
        self.state = State.PLANNED
        self.unclosed: Unclosed | None = None
        self._open = open_
        self._close = close
        self._open_timeout = open_timeout
        self._close_timeout = close_timeout
        self._ready: asyncio.Future[None] | None = None
        self._end = asyncio.Event()
        self._over = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._timer: asyncio.Timeout | None = None
        self._hurried = False
        self._cut = False

    def move(self, to: State) -> None:
        """Go to another state; one that the table does not allow is a mistake of ours."""
        assert to in MOVES[self.state], f"session {self.name}: {self.state.value} to {to.value}"
        self.state = to

    @property
    def is_lost(self) -> bool:
        """Whether it was open once and can be used no more."""
        return self.state not in (State.READY, State.LENT) or self._lost(self.live)

    async def open(self) -> None:
        """Open the session; raises SessionError where that fails or takes too long. Cancelled, it closes again."""
        self.move(State.OPENING)
        ready = self._ready = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own(ready))
        try:
            await ready
        except asyncio.CancelledError:
            self._end.set()
            await close_all([Closer(self.name, self._until_over, self._open_timeout + self._close_timeout)])
            raise

    async def _own(self, ready: asyncio.Future[None]) -> None:
        try:
            await self._live_through(ready)
        finally:
            self._over.set()

    async def _live_through(self, ready: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(0 if self._hurried else self._open_timeout) as self._timer:
                self.live = await self._open()
        except TimeoutError:
            late = "it was still being opened when the run had to end"
            self._refuse(
                ready, late if self._hurried else f"it was not open after {self._open_timeout:g} s (its open_timeout)"
            )
            return
        except BaseException as error:  # noqa: BLE001  whatever opening raises is the cause for all who need it
            why = error.cause if isinstance(error, SessionError) else str(error)
            kind = SessionLostError if isinstance(error, SessionLostError) else SessionError
            self._refuse(ready, why or type(error).__name__, kind)
            return
        self.move(State.READY)
        if not ready.done():  # else the asker has given up waiting, and says that it may end
            ready.set_result(None)
        await self._end.wait()
        self.move(State.CLOSING)
        closer = Closer(self.name, lambda: self._close(self.live), self._close_timeout)
        why = await close_one(closer, self._keep_timer)
        was_cut = self._cut and self._timer is not None and self._timer.expired()
        self.unclosed = Unclosed(self.name, LATE if was_cut else why) if why else None
        self.move(State.BROKEN if why else State.CLOSED)

    def _keep_timer(self, timer: asyncio.Timeout) -> None:
        self._timer = timer

    async def _until_over(self) -> None:
        await self._over.wait()

    def hurry(self, closing_s: float | None = None) -> None:
        """Give up an opening that is under way; a closing, under way or to come, has `closing_s` seconds at most."""
        self._hurried = True
        within = 0.0 if self.state is State.OPENING else closing_s
        if closing_s is not None:
            self._cut, self._close_timeout = True, min(self._close_timeout, closing_s)
        if within is not None and self.state in (State.OPENING, State.CLOSING):
            self._shorten(within)

    def _shorten(self, within: float) -> None:
        until = asyncio.get_running_loop().time() + within
        if self._timer is not None and not self._timer.expired() and until < (self._timer.when() or until):
            self._timer.reschedule(until)

    def _refuse(self, ready: asyncio.Future[None], why: str, kind: type[SessionError] = SessionError) -> None:
        self.move(State.BROKEN)
        if not ready.done():  # else the asker is gone, and nobody else need hear of it
            ready.set_exception(kind(self.name, why))

    async def close(self) -> Unclosed | None:
        """Close the session if it is open, once however often it is asked; return what could not be closed."""
        if self.state is State.PLANNED:
            self.move(State.CLOSED)
        self._end.set()
        if self._owner is not None:
            await self._over.wait()
        return self.unclosed
