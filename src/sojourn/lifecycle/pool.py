"""Interchangeable sessions, leased to whoever is first in line.

Never more of them than `max`, never more borrowers of one than its capacity. A session is checked before it is lent
and reset when it comes back, where its kind can; one that fails either is thrown away and replaced.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.closing import Closer, Unclosed, close_all
from sojourn.lifecycle.host import SessionHost
from sojourn.model.session import PoolLimits, State

Action = Callable[[Any], Awaitable[Any]]


class Care(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind can do for its sessions: `check` answers whether one is sound, `reset` makes one as new."""

    check: Action | None = None
    reset: Action | None = None


class Member(msgspec.Struct, eq=False):
    """A session of the pool: who borrows it, how often it was lent, when it was opened.

    While it is `busy` being checked or reset it is lent to nobody else; once it is `spent`, to nobody at all.
    Another takes its place, for all who borrow it, once it is lost or `stale`; `refused` says why none could be had.
    """

    host: SessionHost
    born: float
    stale: bool = False
    refused: SessionError | None = None
    mending: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)
    borrowers: dict[str, float] = msgspec.field(default_factory=dict)
    uses: int = 0
    spent: bool = False
    busy: bool = False


class Lease(msgspec.Struct, eq=False):
    """A borrower's hold on one member, until it is given back."""

    pool: Pool
    member: Member
    borrower: str
    over: bool = False

    @property
    def is_lost(self) -> bool:
        """Whether the session can be used no more, so that another has to take its place."""
        return self.member.stale or self.member.host.is_lost

    @property
    def live(self) -> Any:
        """The session itself; raises SessionError once the lease is over."""
        if self.over:
            raise SessionError(self.pool.name, f"{self.borrower} uses it after giving it back")
        return self.member.host.live


class _Waiter(msgspec.Struct, eq=False):
    borrower: str
    future: asyncio.Future[Member]


class Pool:
    """Lends sessions; `make` gives a host for a new one, `clock` seconds."""

    def __init__(
        self,
        name: str,
        make: Callable[[], SessionHost],
        limits: PoolLimits,
        care: Care,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self.unclosed: list[Unclosed] = []
        self._make = make
        self._limits = limits
        self._care = care
        self._clock = clock
        self._members: list[Member] = []
        self._aside: list[Member] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._hosts: set[SessionHost] = set()
        self._closing_s: float | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._line: deque[_Waiter] = deque()
        self._closed = False
        self._was_open = False
        self.failed: SessionError | None = None

    @property
    def size(self) -> int:
        """How many sessions are open, being opened, or not closed yet."""
        return len(self._members) + len(self._opening) + len(self._ending)

    @property
    def is_private(self) -> bool:
        """Whether nobody else uses a session while it is lent."""
        return self._limits.capacity == 1

    @property
    def waiting(self) -> int:
        """How many borrowers stand in line."""
        return len(self._line)

    # --- lending -----------------------------------------------------------------------------------------------

    async def lease(self, borrower: str) -> Lease:
        """Wait for a sound session, first come, first served; raises SessionError where none is to be had in time."""
        limit = self._limits.wait or None
        try:
            async with asyncio.timeout(limit):
                while True:
                    lease = Lease(self, await self._stand_in_line(borrower), borrower)
                    if lease.is_lost:
                        await self._replace_or_leave(lease)
                    if await self._is_sound(lease.member, borrower):
                        return lease
        except TimeoutError:
            raise SessionError(self.name, self._why_none(limit)) from None

    async def _stand_in_line(self, borrower: str) -> Member:
        if self._closed:
            raise SessionError(self.name, "it is closed already")
        if self.failed is not None:
            raise self.failed
        waiter = _Waiter(borrower, asyncio.get_running_loop().create_future())
        self._line.append(waiter)
        self._serve()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def _leave(self, waiter: _Waiter) -> None:
        """Take a borrower who gave up out of the line, or the session that it was just given back."""
        if waiter in self._line:
            self._line.remove(waiter)
        elif waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
            self._free(waiter.future.result(), waiter.borrower)

    def _serve(self) -> None:
        """Give free sessions to the first in line; open more where there is room and need."""
        while self._first() is not None and (member := self._find_free()) is not None:
            waiter = self._line.popleft()
            member.borrowers[waiter.borrower] = self._clock()
            member.uses += 1
            if member.host.state is State.READY:
                member.host.move(State.LENT)
            waiter.future.set_result(member)
        wanted = min(len(self._line) - len(self._opening), self._limits.max - self.size)
        for _ in range(wanted):
            self._begin(self._open_one(), self._opening)

    def _first(self) -> _Waiter | None:
        """Return the first in line who still waits: one who was cancelled may not have left yet."""
        while self._line and self._line[0].future.done():
            self._line.popleft()
        return self._line[0] if self._line else None

    def _find_free(self) -> Member | None:
        for member in list(self._members):
            if member.spent or member.busy or len(member.borrowers) >= self._limits.capacity:
                continue
            if member.borrowers or not self._is_worn(member):
                return member
            self._discard(member)
        return None

    def _is_worn(self, member: Member) -> bool:
        limits = self._limits
        too_old = bool(limits.max_lifetime) and self._clock() - member.born >= limits.max_lifetime
        return too_old or (bool(limits.max_uses) and member.uses >= limits.max_uses)

    async def _open_one(self) -> None:
        """Open one more session.

        What fails is the cause for the first in line; if none was ever open, for all, and it is not tried again.
        Where others brought down the process in which it was to live, it may be.
        """
        host = self._make()
        self._hosts.add(host)
        try:
            await host.open()
        except SessionError as error:
            struck = isinstance(error, SessionLostError)
            if not self._was_open and not struck:
                self.failed = error
            self._refuse(error, everyone=struck or self.failed is not None)
            return
        finally:
            self._hosts.discard(host)
        self._was_open = True
        self._members.append(Member(host, self._clock()))
        if not self._closed:
            self._serve()

    def _refuse(self, error: SessionError, *, everyone: bool) -> None:
        """Tell the first in line, or everyone, that there is no session to be had."""
        while self._first() is not None:
            self._line.popleft().future.set_exception(error)
            if not everyone:
                return

    async def _is_sound(self, member: Member, borrower: str) -> bool:
        if self._care.check is None or not self._limits.check or len(member.borrowers) > 1:
            return True
        member.busy = True
        try:
            sound = await self._care.check(member.host.live) is not False
        except asyncio.CancelledError:
            member.busy = False
            self._free(member, borrower)
            raise
        except Exception:  # noqa: BLE001  a check that cannot be made is a session that cannot be trusted
            sound = False
        member.busy = False
        if not sound:
            member.spent = True
            self._free(member, borrower)
        elif self._line:
            self._serve()
        return sound

    async def _replace_or_leave(self, lease: Lease) -> None:
        try:
            await self.replace(lease)
        except BaseException:
            self.discard(lease)
            raise

    async def replace(self, lease: Lease) -> None:
        """Open a session in the place of a lost one, for all who borrow that; raises SessionError where none is had.

        The place in the pool is kept: whoever holds something else meanwhile cannot be waited for in a circle.
        """
        member = lease.member
        async with member.mending:
            if member.refused is not None:
                raise member.refused
            if not lease.is_lost:
                return
            member.spent = True
            await self._end(member)
            host = self._make()
            self._hosts.add(host)
            try:
                await host.open()
            except SessionError as error:
                member.refused = None if isinstance(error, SessionLostError) else error
                raise
            finally:
                self._hosts.discard(host)
            host.move(State.LENT)
            member.host, member.born, member.uses = host, self._clock(), 1
            member.spent = member.stale = False

    def _why_none(self, limit: float | None) -> str:
        now = self._clock()
        held = [f"{who} for {now - since:.1f} s" for m in self._members for who, since in m.borrowers.items()]
        holders = ", ".join(held) or "nobody; it is being opened"
        return f"none was free within {limit:g} s (at most {self._limits.max}); held by {holders}"

    # --- giving back -------------------------------------------------------------------------------------------

    async def give_back(self, lease: Lease) -> str:
        """End a lease; reset the session if nobody else borrows it. Returns what went wrong, or an empty string.

        Giving back twice changes nothing; a lease of another pool is refused.
        """
        if lease.pool is not self:
            raise SessionError(self.name, f"{lease.borrower} gives back a session of {lease.pool.name!r}")
        if lease.over:
            return ""
        lease.over = True
        why = await self._reset(lease.member)
        self._free(lease.member, lease.borrower)
        return why

    async def renew(self, lease: Lease) -> str:
        """Reset a session without giving it back; where that fails another takes its place. Returns what went wrong."""
        why = await self._reset(lease.member)
        lease.member.spent, lease.member.stale = False, bool(why)
        return why

    def discard(self, lease: Lease) -> None:
        """End a lease on a session that is not as it should be: nobody is lent it again."""
        lease.over = lease.member.spent = True
        self._free(lease.member, lease.borrower)

    def set_aside(self, lease: Lease) -> None:
        """Take a session out of the pool as it is, to be closed with it: nobody is lent it again, nor counted on."""
        lease.over = True
        self._members.remove(lease.member)
        self._aside.append(lease.member)
        self._serve()

    async def _reset(self, member: Member) -> str:
        """Make a session as new, if its kind can and nobody else borrows it; one that cannot be is spent."""
        if self._care.reset is None or len(member.borrowers) > 1 or member.host.is_lost:
            return ""
        reset, live = self._care.reset, member.host.live
        member.busy = True

        async def act() -> None:
            await reset(live)

        unclosed = await close_all([Closer(f"reset of {self.name}", act, self._limits.wait or 60)])
        member.busy, member.spent = False, bool(unclosed)
        return unclosed[0].why if unclosed else ""

    def _free(self, member: Member, borrower: str) -> None:
        member.borrowers.pop(borrower, None)
        if not member.borrowers:
            if member.host.state is State.LENT:
                member.host.move(State.READY)
            if member.spent or self._is_worn(member):
                self._discard(member)
        self._serve()

    def _discard(self, member: Member) -> None:
        self._members.remove(member)
        self._begin(self._end(member), self._ending)

    async def _end(self, member: Member) -> None:
        host, told = member.host, member.host.unclosed
        self._hosts.add(host)
        if self._closing_s is not None:
            host.hurry(self._closing_s)
        unclosed = await host.close()
        self._hosts.discard(host)
        if unclosed is not None and unclosed is not told:
            self.unclosed.append(unclosed)

    def _begin(self, work: Any, among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(lambda done: self._over(done, among))

    def _over(self, task: asyncio.Task[None], among: set[asyncio.Task[None]]) -> None:
        among.discard(task)
        if not self._closed:
            self._serve()

    # --- the end -----------------------------------------------------------------------------------------------

    async def warm(self) -> None:
        """Open the least number of sessions ahead of need."""
        missing = self._limits.min - self.size
        if missing > 0:
            await asyncio.gather(*(self._open_one() for _ in range(missing)))

    def hurry(self, closing_s: float | None) -> None:
        """Give up what is being opened; see `SessionHost.hurry`."""
        self._closing_s = closing_s
        for host in self._hosts:
            host.hurry(closing_s)

    async def close(self) -> list[Unclosed]:
        """Close every session, the newest first; whoever still waits is refused. Returns what could not be closed."""
        self._closed = True
        self._refuse(SessionError(self.name, "it was closed while waiting"), everyone=True)
        while self._opening or self._ending:
            await asyncio.wait({*self._opening, *self._ending})
        for member in reversed([*self._aside, *self._members]):
            await self._end(member)
        self._members.clear()
        return self.unclosed
