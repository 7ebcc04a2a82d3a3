"""The sessions of a run: kinds are asked what they can do before anything opens; trials are lent what they need."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from sojourn.config.places import placed
from sojourn.engine.gathering import stay_of
from sojourn.engine.kind import Kind
from sojourn.errors import CodeError, ConfigError, Problem, SessionError, SojournError
from sojourn.lifecycle import ledger, standing
from sojourn.lifecycle.journal import Journal
from sojourn.lifecycle.keeper import Keeper, Stay
from sojourn.lifecycle.kinship import Family, inability
from sojourn.model.plan import Plan, Trial
from sojourn.model.session import Isolation, Scope, SessionSpec
from sojourn.model.suite import Suite
from sojourn.protocols import Lent, SessionKind, Tools

Markers = dict[str, Any]
EVIDENCE_GRACE = 10.0
_OURS = "file://" + os.path.join(os.path.dirname(os.path.dirname(__file__)), "kinds")


class House:
    """A keeper with the kinds that it opens sessions of, and what stands for a session where it cannot be itself."""

    def __init__(self, suite: Suite, kinds: Mapping[str, SessionKind], journal: Journal) -> None:
        self.keeper = Keeper(Family(suite.sessions), kinds, journal)
        self._suite = suite
        self._kinds = kinds
        self._patience = {spec.name: spec.open_timeout for spec in suite.sessions}
        self._lent: dict[int, Markers] = {}
        self._known_as = {spec.name: "session" if spec.own else spec.name for spec in suite.sessions}

    @property
    def borrowed(self) -> list[str]:
        """The names of the sessions that stand, and that this run uses."""
        return [name for name, kind in self._kinds.items() if kind.is_borrowed]

    def expect(self, trials: list[Trial]) -> None:
        """Count who will need what; see `Keeper.expect`."""
        self.keeper.expect(stay_of(trial, self._suite) for trial in trials if trial.needs)

    def go_on(self, trial: Trial) -> None:
        """Let a trial's lane go on without what it had in its sessions; see `Keeper.go_on`."""
        if trial.needs:
            self.keeper.go_on(stay_of(trial, self._suite))

    async def expect_again(self, trials: Sequence[Trial], *, renewed: bool) -> None:
        """Expect trials of a lane once more, if asked in sessions as new, and lease what it shares with other lanes."""
        stays = [stay_of(trial, self._suite) for trial in trials if trial.needs]
        if stays:
            self.keeper.expect(stays)
            if renewed:
                self.keeper.renew(stays[0].lane)
            await self.keeper.claim(stays[0], anew=True)

    async def forgo(self, trial: Trial) -> None:
        """Count a trial that will not come."""
        if trial.needs:
            await self.keeper.forgo(stay_of(trial, self._suite))

    @contextlib.asynccontextmanager
    async def visit(self, trial: Trial, notes: list[str]) -> AsyncIterator[tuple[Markers, Markers]]:
        """Lend a trial its sessions: as markers for calls to users' code, and as values for templates."""
        if not trial.needs:
            yield {}, {}
            return
        async with self.keeper.visit(stay_of(trial, self._suite), notes) as kept:
            live = {name: await self._renewed(name, each) for name, each in kept.items()}
            markers = {self._known_as[name]: self._kinds[name].marker(each) for name, each in live.items()}
            shown = {self._known_as[name]: _shown(self._kinds[name].handle(each)) for name, each in live.items()}
            self._lent[trial.index] = live
            try:
                yield markers, shown
            finally:
                del self._lent[trial.index]

    @contextlib.asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[list[tuple[SessionSpec, Any]]]:
        """Open one session and all that it lives in, without any trial; give each entry with its handle."""
        stay = Stay("sojourn sessions up", "up", dict.fromkeys(Scope, "up"), (name,))
        self.keeper.expect([stay])
        async with self.keeper.visit(stay, []) as live:
            yield [(spec, self._kinds[spec.name].handle(live[spec.name])) for spec in self.keeper.lineage(name)]

    def can_be_reached(self, name: str) -> bool:
        """Whether other processes can use a session: what is plain data anyway, or has a way to attach to it."""
        return "attach" in self._kinds[name].abilities

    def keep(self, trial: Trial) -> None:
        """Let the sessions that a trial has stay open until the run ends."""
        if trial.needs:
            self.keeper.keep(stay_of(trial, self._suite))

    def kept(self) -> list[tuple[str, str, Any]]:
        """Return what is kept: session, trial, and the handle by which it can be looked at."""
        return [(each.name, each.trial, self._kinds[each.session].handle(each.live)) for each in self.keeper.kept]

    def to_look_at(self, trial: Trial) -> dict[str, Lent]:
        """Return the sessions that a trial has, for assertions to look at."""
        lent = self._lent.get(trial.index, {})
        return {(own := self._known_as[name]): _Looked(own, self._kinds[name], live) for name, live in lent.items()}

    async def evidence(self, trial: Trial) -> Markers:
        """Ask the sessions that a trial still has what they saw of it: logs, a picture, what was changed."""
        told = {}
        for name, live in self._lent.get(trial.index, {}).items():
            if "evidence" in self._kinds[name].abilities:
                told[self._known_as[name]] = await self._evidence(name, live, f"trial-{trial.index + 1}")
        return told

    async def _evidence(self, name: str, live: Any, trial: str) -> Any:
        try:
            async with asyncio.timeout(EVIDENCE_GRACE):
                return await self._kinds[name].act("evidence", live, trial=trial)
        except (SojournError, TimeoutError) as error:
            return f"none: {str(error) or 'it took too long'}"

    async def _renewed(self, name: str, live: Any) -> Any:
        """Let a kind renew what it hands out, such as a token that would soon be too old."""
        limit = self._patience[name]
        try:
            async with asyncio.timeout(limit):
                return await self._kinds[name].lend(live)
        except TimeoutError:
            raise SessionError(name, f"it was not ready after {limit:g} s") from None


class _Looked(msgspec.Struct, frozen=True):
    """See `protocols.Lent`."""

    name: str
    kind: SessionKind
    live: Any

    async def look(self, expression: str) -> Any:
        return await self.kind.act("look", self.live, name=self.name, expression=expression)


def _shown(handle: Any) -> Any:
    """In templates a session is its handle; one that is a mere value is its `id`."""
    return handle if isinstance(handle, dict) else {"id": handle}


async def open_house(suite: Suite, tools: Tools, journal: Journal) -> House:
    """Make a house for the sessions of a suite; raises ConfigError with every mistake found."""
    return House(suite, await known_kinds(suite, tools), journal)


async def known_kinds(suite: Suite, tools: Tools) -> dict[str, SessionKind]:
    """Make the kinds, and check what they are asked for; raises ConfigError with every mistake found."""
    kinds: dict[str, SessionKind] = {}
    problems: list[Problem] = []
    for spec in suite.sessions:
        kind, problem = await _made(spec, tools)
        if problem is not None:
            problems.append(placed(problem, suite.files))
        elif kind is not None:
            kinds[spec.name] = kind
    if problems:
        raise ConfigError(problems)
    return kinds


def may_stand(spec: SessionSpec) -> bool:
    """Whether a session can outlive its run: there is one, for the whole run, that is not made anew for each trial."""
    return spec.scope is Scope.RUN and not spec.pooled and spec.isolation is not Isolation.FRESH


async def _made(spec: SessionSpec, tools: Tools) -> tuple[SessionKind | None, Problem | None]:
    try:
        kind = Kind(spec, tools, standing.find(ledger.home(tools.env), spec) if may_stand(spec) else None)
        await kind.prepare()
    except (CodeError, SessionError) as error:
        return None, Problem(
            what=f"session {spec.name!r} cannot be loaded: {error}", about=("sessions", spec.name, "kind")
        )
    return kind, inability(spec, kind.abilities)


def described(plan: Plan) -> list[str]:
    """Draw the lifetimes: each session under its parents, with its scope, and how often it will open."""
    family = Family(plan.suite.sessions)
    opens: dict[str, set[str]] = {}
    for trial in plan.trials:
        stay = stay_of(trial, plan.suite)
        for spec in family.lineage(stay.needs) if stay.needs else ():
            opens.setdefault(spec.name, set()).add(str(family.key(spec, stay.place)))
    return [line for spec in plan.suite.sessions if not spec.parents for line in _tree(spec, plan.suite, opens, 0)]


def _kind(spec: SessionSpec) -> str:
    """Return a kind as the suite names it; a file of ours, which it does not name, by that file's name alone."""
    is_ours = spec.kind.startswith(_OURS)
    return os.path.basename(spec.kind).partition(".")[0] if is_ours else spec.kind


def _has_children(spec: SessionSpec, suite: Suite) -> bool:
    return any(spec.name in each.parents for each in suite.sessions)


def _tree(spec: SessionSpec, suite: Suite, opens: Mapping[str, set[str]], depth: int) -> list[str]:
    count = len(opens.get(spec.name, ()))
    times = {0: "never opens: nobody needs it", 1: "opens once"}.get(count, f"opens {count} times")
    if spec.pooled and count:
        times = f"a pool of up to {spec.limits.max}" + (f", {count} times" if count > 1 else "")
    if spec.exclusive and spec.scope is not Scope.TRIAL and count:
        times += f"; one trial at a time{' for all that live in it' if _has_children(spec, suite) else ''} (capacity 1)"
    isolation = f", {spec.isolation.value}" if spec.isolation else ""
    lines = [f"{'  ' * depth}{spec.name} ({_kind(spec)}, scope {spec.scope.value}{isolation}): {times}"]
    for child in suite.sessions:
        if spec.name in child.parents:
            lines += _tree(child, suite, opens, depth + 1)
    return lines
