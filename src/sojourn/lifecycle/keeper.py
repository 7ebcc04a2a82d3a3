"""A trial's visit: the sessions that it needs are opened, parents first, lent, taken back, and closed in the end.

They are closed when the last trial that the plan foresees for them has gone.
An opening that failed is remembered and not tried again: all that would have lived in it fails with that cause.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.closing import Closer, Unclosed, close_all
from sojourn.lifecycle.host import SessionHost
from sojourn.lifecycle.journal import Journal
from sojourn.lifecycle.kinship import Family, Key
from sojourn.lifecycle.pool import Care, Lease, Pool
from sojourn.model.session import Isolation, PoolLimits, Scope, SessionSpec
from sojourn.protocols import Opening, SessionKind

Place = Mapping[Scope, str]
FORKS = 1_000_000
GONE = "the process that it lived in has ended"


@dataclasses.dataclass(frozen=True, slots=True)
class Stay:
    """What one trial needs: its name for people, where it is in every scope, and the sessions' names."""

    name: str
    lane: str
    place: Place
    needs: tuple[str, ...]


@dataclasses.dataclass(slots=True, eq=False)
class Node:
    """One instance of a session (or of a pool of them), who will use it, and what became of it.

    `inside` holds the live parents as they are now: one that had to be opened anew has its children opened anew.
    """

    key: Key
    spec: SessionSpec
    parents: tuple[Key, ...]
    visits: int = 0
    inside: dict[str, Any] = dataclasses.field(default_factory=dict)
    lanes: set[str] = dataclasses.field(default_factory=set)
    pool: Pool | None = None
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)


@dataclasses.dataclass(slots=True, eq=False)
class LaneHold:
    """A lane's leases by instance, and how many of its trials still need each.

    `used` are the instances in which its trials may have left something; `goes_on`: it does so without that.
    """

    left: Counter[Key] = dataclasses.field(default_factory=Counter)
    leases: dict[Key, Lease] = dataclasses.field(default_factory=dict)
    used: set[Key] = dataclasses.field(default_factory=set)
    goes_on: bool = False


@dataclasses.dataclass(slots=True)
class Loan:
    """What a trial has in its hands of one session, to be taken from it in reverse order; `tag` is set for a fork."""

    spec: SessionSpec
    key: Key
    live: Any
    tag: str = ""
    fingerprint: Any = None
    begun: bool = False


class Keeper:
    """Keeps the sessions of a run."""

    def __init__(self, family: Family, kinds: Mapping[str, SessionKind], journal: Journal) -> None:
        self._family = family
        self._kinds = kinds
        self._journal = journal
        self._nodes: dict[Key, Node] = {}
        self._lanes: dict[str, LaneHold] = {}
        self._opened: list[Node] = []
        self.unclosed: list[Unclosed] = []
        self.leaks: list[str] = []

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

    def renew(self, lane: str) -> None:
        """Let a lane that begins again find nothing of the first time; what all may use at once stays as it is."""
        hold = self._lanes.setdefault(lane, LaneHold())
        hold.used.clear()
        for lease in hold.leases.values():
            lease.member.stale = lease.pool.is_private

    async def claim(self, stay: Stay) -> None:
        """Lease at a lane's start all that it shares with other lanes, in one order for all: none waits in a circle."""
        hold = self._lanes.setdefault(stay.lane, LaneHold())
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
            pool = await self._pool_of(node)
            hold.leases[node.key] = await pool.lease(stay.name)
        return hold.leases[node.key]

    async def _pool_of(self, node: Node) -> Pool:
        """Return the instance's pool, made and warmed by the first who asks."""
        async with node.lock:
            if node.pool is None:
                node.pool = self._make_pool(node)
                self._opened.append(node)
                await node.pool.warm()
            return node.pool

    async def _lend(self, node: Node, stay: Stay, loans: list[Loan], notes: list[str]) -> None:
        spec, kind = node.spec, self._kinds[node.spec.name]
        lease = await self._lease(node, stay, {loan.spec.name: loan.live for loan in loans})
        hold = self._lanes[stay.lane]
        if lease.is_lost:
            await self._replace(node, lease, hold, notes)
        hold.used.add(node.key)
        loan = Loan(spec, node.key, lease.live)
        if spec.isolation is Isolation.FORK:
            async with node.lock:
                loan.live, loan.tag = await _in_time(spec, self._forked(lease.live, node, kind))
        elif spec.isolation is Isolation.ROLLBACK:
            await _in_time(spec, kind.act("begin", lease.live))
            loan.begun = True
        elif self._is_watched(spec):
            loan.fingerprint = await _in_time(spec, kind.act("fingerprint", lease.live))
        loans.append(loan)

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
        for spec in reversed(self._family.lineage(stay.needs)):
            node = self._node(spec, stay.place)
            if spec.name in mine:
                await self._look_for_leak(mine[spec.name], stay)
                if not await self._undo(mine[spec.name], notes) and node.key in hold.leases:
                    lease = hold.leases.pop(node.key)
                    lease.pool.discard(lease)
            node.visits -= 1
            hold.left[node.key] -= 1
            if not hold.left[node.key]:
                del hold.left[node.key]
                await self._give_back(hold.leases.pop(node.key, None), notes)
            elif spec.isolation is Isolation.RESET and node.key in hold.leases:
                await self._renew(hold, node.key, notes)
            if not node.visits:
                await self._close(node, notes)
        if not hold.left:
            self._lanes.pop(stay.lane, None)

    async def _renew(self, hold: LaneHold, key: Key, notes: list[str]) -> None:
        """Make a lane's session as new for the lane's next trial, or let another take its place."""
        why = await hold.leases[key].pool.renew(hold.leases[key])
        if why:
            notes.append(f"reset of {key}: {why}")
            del hold.leases[key]

    def _is_watched(self, spec: SessionSpec) -> bool:
        """Whether a trial can be told from others as the one that changed a shared session."""
        shared = spec.isolation in (None, Isolation.SHARED) and spec.limits.capacity == 1
        return shared and "fingerprint" in self._kinds[spec.name].abilities

    async def _look_for_leak(self, loan: Loan, stay: Stay) -> None:
        """Name the trial that leaves a shared session otherwise than it found it."""
        if loan.fingerprint is not None:
            with contextlib.suppress(SessionError):
                now = await _in_time(loan.spec, self._kinds[loan.spec.name].act("fingerprint", loan.live))
                if now != loan.fingerprint:
                    self.leaks.append(f"{stay.name} changed the shared session {loan.key}")

    async def _forked(self, live: Any, node: Node, kind: SessionKind) -> tuple[Any, str]:
        opening = Opening(name=f"fork of {node.key}", tag=self._journal.new_tag(), parents={})
        async with self._journal.opening(opening, node.spec, kind) as told:
            child = await kind.fork(live, opening)
            told(child)
        return child, opening.tag

    async def _undo(self, loan: Loan, notes: list[str]) -> bool:
        """Close a fork, or roll back; return whether the session is as the trial found it."""
        kind = self._kinds[loan.spec.name]

        async def close_fork() -> None:
            async with self._journal.closing(loan.tag):
                await kind.close(loan.live)

        async def roll_back() -> None:
            await kind.act("rollback", loan.live)

        if not loan.tag and (not loan.begun or kind.is_lost(loan.live)):
            return True
        name = f"fork of {loan.key}" if loan.tag else f"rollback of {loan.key}"
        closer = Closer(name, close_fork if loan.tag else roll_back, loan.spec.close_timeout)
        left = await close_all([closer])
        notes += [f"{unclosed.name}: {unclosed.why}" for unclosed in left]
        if loan.tag:
            self.unclosed += left
        return not left or bool(loan.tag)

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
        for unclosed in await pool.close():
            self.unclosed.append(unclosed)
            notes.append(f"close of {unclosed.name}: {unclosed.why}")

    def hurry(self) -> None:
        """Give up what is being opened: the run has to end."""
        for pool in [node.pool for node in self._opened if node.pool is not None]:
            pool.hurry()

    async def close(self) -> None:
        """Close whatever is still open, the newest first: after a run that was stopped before its end."""

        async def all_of_it() -> None:
            for hold in self._lanes.values():
                for lease in reversed(hold.leases.values()):
                    await self._give_back(lease, [])
                hold.leases.clear()
            for node in reversed(self._opened.copy()):
                await self._close(node, [])

        await _shielded(all_of_it())

    def _make_pool(self, node: Node) -> Pool:
        spec, kind, journal = node.spec, self._kinds[node.spec.name], self._journal

        def make() -> SessionHost:
            parents = node.inside
            opening = Opening(name=str(node.key), tag=journal.new_tag(), parents=parents)

            async def open_() -> Any:
                async with journal.opening(opening, spec, kind) as told:
                    live = await kind.open(opening)
                    told(live)
                return live

            async def close(live: Any) -> None:
                async with journal.closing(opening.tag):
                    await kind.close(live)

            def is_lost(live: Any) -> bool:
                moved = any(node.inside[name] is not parent for name, parent in parents.items())
                return moved or kind.is_lost(live)

            return SessionHost(
                str(node.key),
                open_,
                close,
                open_timeout=spec.open_timeout,
                close_timeout=spec.close_timeout,
                lost=is_lost,
            )

        return Pool(str(node.key), make, _limits(spec, kind), _care(spec, kind), journal.clock)


def _limits(spec: SessionSpec, kind: SessionKind) -> PoolLimits:
    """A warmed parent is lent to all who fork it; what cannot be made as new is used once."""
    if spec.isolation is Isolation.FORK:
        return dataclasses.replace(spec.limits, capacity=FORKS)
    if spec.pooled and spec.isolation is None and "reset" not in kind.abilities:
        return dataclasses.replace(spec.limits, max_uses=1)
    return spec.limits


def _care(spec: SessionSpec, kind: SessionKind) -> Care:
    def action(name: str) -> Callable[[Any], Awaitable[Any]]:
        async def act(live: Any) -> Any:
            return await kind.act(name, live)

        return act

    renewed = spec.isolation is Isolation.RESET or (spec.pooled and spec.isolation is None)
    return Care(
        check=action("check") if "check" in kind.abilities else None,
        reset=action("reset") if renewed and "reset" in kind.abilities else None,
    )


async def _in_time(spec: SessionSpec, work: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(spec.open_timeout):
            return await work
    except TimeoutError:
        raise SessionError(spec.name, f"it was not ready after {spec.open_timeout:g} s") from None
    except SessionError:
        raise
    except Exception as error:
        raise SessionError(spec.name, str(error) or type(error).__name__) from error


async def _shielded(work: Coroutine[Any, Any, None]) -> None:
    """Finish the work although the task is cancelled meanwhile; then let the cancellation go on."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(task)
        raise
