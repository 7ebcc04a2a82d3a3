"""A kind of session that writes down what is done with it, and runs played with it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from typing import Any

import msgspec

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.journal import Journal, NoLedger
from sojourn.lifecycle.keeper import Keeper, Stay
from sojourn.lifecycle.kinship import Family
from sojourn.model.session import PoolLimits, Scope, SessionSpec
from sojourn.protocols import Opening

ABILITIES = frozenset({"check", "reset", "begin", "rollback", "fork"})


class Live(msgspec.Struct, eq=False):
    """A session of the tests: knows what it was opened in."""

    name: str
    number: int
    parents: tuple[Live, ...]
    is_fork: bool = False
    is_open: bool = True
    content: int = 0

    def __str__(self) -> str:
        return f"{self.name}#{self.number}"


class Recorder:
    """Opens sessions of the tests and writes down what happens to them; `pace` turns of the loop a step."""

    is_borrowed = False

    def __init__(
        self, *, pace: int = 0, refuse: frozenset[str] = frozenset(), abilities: frozenset[str] = ABILITIES
    ) -> None:
        self.abilities = abilities
        self.log: list[tuple[str, Live]] = []
        self.pace = pace
        self.refuse = refuse
        self.opened: Counter[str] = Counter()
        self.lost: set[str] = set()
        self.hang: set[str] = set()
        self.refusal: Exception = ValueError("unable")
        self.hanging = asyncio.Event()

    async def _step(self) -> None:
        for _ in range(self.pace):
            await asyncio.sleep(0)

    async def prepare(self) -> None:
        """Nothing to find out."""

    async def open(self, opening: Opening) -> Live:
        """Open one."""
        await self._step()
        name = opening.name.partition(" ")[0]
        self.opened[name] += 1
        if f"open {name}" in self.refuse:
            raise self.refusal if isinstance(self.refusal, SessionLostError) else ValueError("refused")
        if f"open {name}" in self.hang:
            self.hanging.set()
            await asyncio.Event().wait()
        live = Live(name, self.opened[name], tuple(opening.parents.values()))
        assert all(parent.is_open for parent in live.parents)
        self.log.append(("open", live))
        return live

    async def close(self, live: Live) -> None:
        """Close one."""
        await self._step()
        assert live.is_open, f"{live} is closed twice"
        live.is_open = False
        self.log.append(("close", live))
        if f"close {live.name}" in self.refuse:
            raise ValueError("stuck")
        if f"close {live.name}" in self.hang:
            self.hanging.set()
            await asyncio.Event().wait()

    async def lend(self, live: Live) -> Live:
        """Return it as it is."""
        return live

    async def act(self, ability: str, live: Live, **_: Any) -> Any:
        """Note what is done."""
        await self._step()
        assert live.is_open
        self.log.append((ability, live))
        if f"{ability} {live.name}" in self.refuse:
            raise self.refusal
        if f"{ability} {live.name}" in self.hang:
            await asyncio.Event().wait()
        return live.content if ability == "fingerprint" else True

    async def fork(self, live: Live, opening: Opening) -> Live:
        """Make a child."""
        assert opening.name.startswith("fork of ")
        await self._step()
        assert live.is_open
        self.opened[f"fork of {live.name}"] += 1
        child = Live(live.name, self.opened[f"fork of {live.name}"], (live,), is_fork=True)
        self.log.append(("fork", child))
        return child

    def is_lost(self, live: Live) -> bool:
        """Tell whether the test says that it is gone."""
        return str(live) in self.lost

    def handle(self, live: Live) -> Any:
        """Tell its number."""
        return live.number

    def marker(self, live: Any) -> Any:
        """Stand for itself."""
        return live

    def told(self) -> list[str]:
        """Return the log as short words."""
        return [f"{what} {live}" for what, live in self.log]


def spec(name: str, scope: str = "run", **more: Any) -> SessionSpec:
    limits = PoolLimits(**{key: more.pop(key) for key in ("max", "min", "capacity", "wait", "check") if key in more})
    return SessionSpec(name=name, kind="test", scope=Scope(scope), limits=limits, **more)


def stay(index: int, *needs: str, lane: str = "", test: int | None = None, provider: int = 0) -> Stay:
    lane = lane or f"lane {index}"
    place = {
        Scope.PROVIDER: str(provider),
        Scope.CONVERSATION: lane,
        Scope.TEST: str(index if test is None else test),
        Scope.TRIAL: str(index),
    }
    return Stay(f"trial {index}", lane, place, needs)


def journal() -> Journal:
    return Journal("run", asyncio.get_running_loop().time, NoLedger())


@dataclasses.dataclass
class Played:
    """What came of playing stays: each trial's sessions, errors and notes."""

    used: dict[str, dict[str, Live]]
    errors: dict[str, str]
    notes: list[str]
    keeper: Keeper
    most: Counter[str]


def play(recorder: Recorder, specs: list[SessionSpec], stays: list[Stay], *, jobs: int = 4, uses: int = 1) -> Played:
    """Let the stays' lanes be visited, each in order, so many at once."""

    async def main() -> Played:
        keeper = Keeper(Family(specs), {each.name: recorder for each in specs}, journal())
        keeper.expect(stays)
        lanes: dict[str, list[Stay]] = {}
        for each in stays:
            lanes.setdefault(each.lane, []).append(each)
        waiting = list(lanes.values())
        played = Played({}, {}, [], keeper, Counter())
        now: Counter[str] = Counter()

        async def one(each: Stay) -> None:
            try:
                async with keeper.visit(each, played.notes) as live:
                    played.used[each.name] = live
                    for session in live.values():
                        assert session.is_open
                        now[str(session)] += not session.is_fork
                        played.most[str(session)] = max(played.most[str(session)], now[str(session)])
                    for _ in range(uses):
                        await asyncio.sleep(0)
                    for session in live.values():
                        assert session.is_open
                        now[str(session)] -= not session.is_fork
            except SessionError as error:
                played.errors[each.name] = str(error)

        async def work() -> None:
            while waiting:
                for each in waiting.pop(0):
                    await one(each)

        async with asyncio.timeout(20):
            await asyncio.gather(*(work() for _ in range(jobs)))
        await keeper.close()
        return played

    return asyncio.run(main())


def keeper_of(recorder: Recorder, *specs: SessionSpec) -> Keeper:
    return Keeper(Family(specs), {each.name: recorder for each in specs}, journal())
