"""A trial's visit: the sessions that it needs are opened, parents first, lent, taken back, and closed in the end.

They are closed when the last trial that the plan foresees for them has gone.
An opening that failed is remembered and not tried again: all that would have lived in it fails with that cause.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from typing import Any

import msgspec

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.journal import Journal
from sojourn.lifecycle.kinship import Family, Key
from sojourn.lifecycle.lending import Lender, Loan
from sojourn.lifecycle.making import make_pool
from sojourn.lifecycle.pool import Lease, Pool
from sojourn.model.session import Isolation, Scope, SessionSpec
from sojourn.protocols import SessionKind

Place = Mapping[Scope, str]
GONE = "the process that it lived in has ended"


class Stay(msgspec.Struct, frozen=True):
    """What one trial needs: its name for people, where it is in every scope, and the sessions' names."""

    name: str
    lane: str
    place: Place
    needs: tuple[str, ...]

    @property
    def trial(self) -> int | None:
        """The index of the trial, where it is one of the plan's."""
        index = self.place.get(Scope.TRIAL, "")
        return int(index) if index.isdecimal() else None


class Node(msgspec.Struct, eq=False):
    """One instance of a session (or of a pool of them), who will use it, and what became of it.

    `inside` holds the live parents as they are now: one that had to be opened anew has its children opened anew.
    """

    key: Key
    spec: SessionSpec
    parents: tuple[Key, ...]
    visits: int = 0
    is_kept: bool = False
    inside: dict[str, Any] = msgspec.field(default_factory=dict)
    lanes: set[str] = msgspec.field(default_factory=set)
    pool: Pool | None = None
    lock: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)


class LaneHold(msgspec.Struct, eq=False):
    """A lane's leases by instance, and how many of its trials still need each.

    `used` are the instances in which its trials may have left something; `goes_on`: it does so without that.
    """

    left: Counter[Key] = msgspec.field(default_factory=Counter)
    leases: dict[Key, Lease] = msgspec.field(default_factory=dict)
    used: set[Key] = msgspec.field(default_factory=set)
    goes_on: bool = False
    is_claimed: bool = False


class Kept(msgspec.Struct, frozen=True):
    """A session that is kept open to be looked at: which, of which entry, the trial that it is kept for, and itself."""

    name: str
    session: str
    trial: str
    live: Any


class Keeper:
    """Keeps the sessions of a run."""

    def __init__(self, family: Family, kinds: Mapping[str, SessionKind], journal: Journal) -> None:
        self._family = family
        self._kinds = kinds
        self._journal = journal
        self._nodes: dict[Key, Node] = {}
        self._lanes: dict[str, LaneHold] = {}
        self._opened: list[Node] = []
        self._closing: set[Pool] = set()
        self._lender = Lender(kinds, journal)
        self._keeping: set[str] = set()
        self._kept_loans: list[Loan] = []
        self.unclosed = self._lender.unclosed
        self.leaks = self._lender.leaks
        self.kept: list[Kept] = []

    def lineage(self, name: str) -> tuple[SessionSpec, ...]:
        """Return a session's entry and those of all that it lives in, parents first."""
        return self._family.lineage([name])

    def expect(self, stays: Iterable[Stay]) -> None:
        """Count who will need what; must be told of every trial before the first begins."""
        for stay in stays:
            hold = self._lanes.setdefault(stay.lane, LaneHold())
            for spec in self._family.lineage(stay.needs):
                node = self._node(spec, stay.place)
                node.visits += 1
                node.lanes.add(stay.lane)
                hold.left[node.key] += 1

    def _node(self, spec: SessionSpec, place: Place) -> Node:
        key = self._family.key(spec, place)
        if key not in self._nodes:
            parents = tuple(self._family.key(self._family.specs[name], place) for name in spec.parents)
            self._nodes[key] = Node(key, spec, parents)
        return self._nodes[key]

    @contextlib.asynccontextmanager
    async def visit(self, stay: Stay, notes: list[str]) -> AsyncIterator[dict[str, Any]]:
        """Give a trial its sessions, live by name. Raises SessionError where one cannot be had.

        What goes wrong when they are taken back is added to `notes`, and does not change the trial.
        """
        loans: list[Loan] = []
        try:
            await self.claim(stay)
            for spec in self._family.lineage(stay.needs):
                await self._lend(self._node(spec, stay.place), stay, loans, notes)
            yield {loan.spec.name: loan.live for loan in loans}
        finally:
            await _shielded(self._leave(stay, loans, notes))

    def go_on(self, stay: Stay) -> None:
        """Let a lane go on although it lost what it had in its sessions: one of its own trials is the cause."""
        self._lanes.setdefault(stay.lane, LaneHold()).goes_on = True

    def keep(self, stay: Stay) -> None:
        """Let all that a trial has in its hands stay open until the run ends, as it is now; see `kept`."""
        self._keeping.add(stay.name)
        for spec in self._family.lineage(stay.needs):
            self._node(spec, stay.place).is_kept = True

    def renew(self, lane: str) -> None:
        """Let a lane that begins again find nothing of the first time; what all may use at once stays as it is."""
        hold = self._lanes.setdefault(lane, LaneHold())
        hold.used.clear()
        for lease in hold.leases.values():
            lease.member.stale = lease.pool.is_private

    async def claim(self, stay: Stay, *, anew: bool = False) -> None:
        """Lease at a lane's start all that it shares with other lanes, in one order for all: none waits in a circle.

        `anew`: what it has given back since is needed once more.
        """
        hold = self._lanes.setdefault(stay.lane, LaneHold())
        if hold.is_claimed and not anew:
            return
        hold.is_claimed = True
        for spec in self._family.lineage(self._family.specs):
            for key in [key for key in hold.left if key.name == spec.name]:
                node = self._nodes[key]
                if len(node.lanes) > 1 and not self._lacks_parent(node, hold):
                    # Who needs it hears of the failure when it is lent; the others do not care.
                    with contextlib.suppress(SessionError):
                        await self._lease(node, stay, {})

    async def forgo(self, stay: Stay) -> None:
        """Count a visit that will not come, and close what nobody else will visit."""
        await _shielded(self._leave(stay, [], []))

    @staticmethod
    def _lacks_parent(node: Node, hold: LaneHold) -> bool:
        return any(key not in hold.leases for key in node.parents)

    async def _lease(self, node: Node, stay: Stay, lent: Mapping[str, Any]) -> Lease:
        hold = self._lanes[stay.lane]
        node.inside = {key.name: lent.get(key.name) or hold.leases[key].live for key in node.parents}
        if node.key not in hold.leases:
            self._journal.tell("waiting", str(node.key), trial=stay.trial)
            pool = await self._pool_of(node)
            hold.leases[node.key] = await pool.lease(stay.name)
        return hold.leases[node.key]

    async def _pool_of(self, node: Node) -> Pool:
        """Return the instance's pool, made and warmed by the first who asks."""
        async with node.lock:
            if node.pool is None:
                kind = self._kinds[node.spec.name]
                node.pool = make_pool(str(node.key), node.spec, kind, lambda: node.inside, self._journal)
                self._opened.append(node)
                await node.pool.warm()
            return node.pool

    async def _lend(self, node: Node, stay: Stay, loans: list[Loan], notes: list[str]) -> None:
        lease = await self._lease(node, stay, {loan.spec.name: loan.live for loan in loans})
        hold = self._lanes[stay.lane]
        if lease.is_lost:
            await self._replace(node, lease, hold, notes)
        hold.used.add(node.key)
        try:
            loan = await self._lender.lend(node.spec, node.key, lease.live, node.lock)
            loan.used, loan.trial = loan.tag or lease.member.host.tag, stay.trial
            loans.append(loan)
            self._journal.note("lent", loan.used, stay.trial)
        except BaseException:
            lease.member.stale = node.spec.isolation is Isolation.ROLLBACK  # half begun, it is nobody's
            raise

    @staticmethod
    async def _replace(node: Node, lease: Lease, hold: LaneHold, notes: list[str]) -> None:
        """Open a session anew that was lost; raises SessionLostError where the lane had something in it."""
        shared = node.spec.isolation in (None, Isolation.SHARED) and lease.pool.is_private
        if shared and node.key in hold.used and not lease.member.stale:
            name = str(node.key)
            if not hold.goes_on:
                raise SessionLostError(name, GONE)
            if any(scope == Scope.CONVERSATION.value for scope, _ in node.key.place):
                raise SessionError(name, f"{GONE}, and a conversation is not continued in another")
            notes.append(f"{name} was opened anew, without what earlier tests had left in it: {GONE}")
        await lease.pool.replace(lease)

    async def _leave(self, stay: Stay, loans: list[Loan], notes: list[str]) -> None:
        """Take back what the trial had, newest first; close what nobody will visit any more."""
        hold = self._lanes.setdefault(stay.lane, LaneHold())
        mine = {loan.spec.name: loan for loan in loans}
        for loan in reversed(loans):
            self._journal.note("returned", loan.used, stay.trial)
        if stay.name in self._keeping:
            self._set_aside(stay, hold, loans)
            mine.clear()
        for spec in reversed(self._family.lineage(stay.needs)):
            node = self._node(spec, stay.place)
            if spec.name in mine and not await self._lender.end(mine[spec.name], stay.name, notes):
                hold.leases[node.key].member.stale = True
            node.visits -= 1
            hold.left[node.key] -= 1
            if not hold.left[node.key]:
                del hold.left[node.key]
                await self._give_back(hold.leases.pop(node.key, None), notes)
            elif spec.isolation is Isolation.RESET and node.key in hold.leases:
                await self._renew(hold, node.key, notes)
            if not node.visits and not node.is_kept:
                await self._close(node, notes)
        if not hold.left:
            self._lanes.pop(stay.lane, None)

    def _set_aside(self, stay: Stay, hold: LaneHold, loans: list[Loan]) -> None:
        """Keep a trial's sessions as they are; later trials that are to find them as new have others in their place."""
        for loan in loans:
            self.kept.append(Kept(str(loan.key), loan.spec.name, stay.name, loan.live))
            if loan.tag:
                self._kept_loans.append(loan)
            elif loan.spec.pooled or loan.spec.isolation in (Isolation.RESET, Isolation.ROLLBACK):
                lease = hold.leases[loan.key]
                if lease.pool.is_private:
                    lease.pool.set_aside(hold.leases.pop(loan.key))

    async def _renew(self, hold: LaneHold, key: Key, notes: list[str]) -> None:
        """Make a lane's session as new for the lane's next trial, or let another take its place.

        The place is kept: who runs alone, or holds something else, must not wait in line for it.
        """
        why = await hold.leases[key].pool.renew(hold.leases[key])
        if why:
            notes.append(f"reset of {key}: {why}")

    @staticmethod
    async def _give_back(lease: Lease | None, notes: list[str]) -> None:
        why = await lease.pool.give_back(lease) if lease is not None else ""
        if lease is not None and why:
            notes.append(f"reset of {lease.pool.name}: {why}")

    async def _close(self, node: Node, notes: list[str]) -> None:
        self._nodes.pop(node.key, None)
        if node.pool is None:
            return
        pool, node.pool = node.pool, None
        self._opened.remove(node)
        self._closing.add(pool)
        left = await pool.close()
        self._closing.discard(pool)
        for unclosed in left:
            self.unclosed.append(unclosed)
            notes.append(f"close of {unclosed.name}: {unclosed.why}")

    def hurry(self, closing_s: float | None = None) -> None:
        """Give up what is being opened: the run has to end. See `SessionHost.hurry`."""
        for pool in [node.pool for node in self._opened if node.pool is not None] + [*self._closing]:
            pool.hurry(closing_s)

    async def close(self) -> None:
        """Close whatever is still open, the newest first: after a run that was stopped before its end."""

        async def all_of_it() -> None:
            for loan in reversed(self._kept_loans):
                await self._lender.end(loan, "", [])
            for hold in self._lanes.values():
                for lease in reversed(hold.leases.values()):
                    await self._give_back(lease, [])
                hold.leases.clear()
            for node in reversed(self._opened.copy()):
                await self._close(node, [])

        await _shielded(all_of_it())


async def _shielded(work: Coroutine[Any, Any, None]) -> None:
    """Finish the work although the task is cancelled meanwhile; then let the cancellation go on."""
    over = asyncio.Event()

    async def whole() -> None:
        try:
            await work
        finally:
            over.set()

    task, cancelled = asyncio.create_task(whole()), False
    task.add_done_callback(lambda done: done.exception())  # one who was cancelled need not hear of it
    while not over.is_set():
        try:
            await over.wait()
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    await task
