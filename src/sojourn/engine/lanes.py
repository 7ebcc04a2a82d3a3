"""What runs next: declared lanes, learnt lanes, and the watch for races.

In a suite whose sharing must be learnt, undeclared trials are admitted in file order. One whose session is known once
its before-hooks have run (they put a `sessionId` into its vars) waits only for that session; any other runs alone,
until the ids that providers report prove that trials do not share: then the rest goes parallel. What runs in parallel
unproved is watched: two trials at once on one session are a race, and from then on order is kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable

import msgspec

from sojourn.model.counting import counted
from sojourn.model.plan import Lane, Plan, Trial
from sojourn.model.run_result import Race


class Visit(msgspec.Struct, eq=False):
    """A trial under way. `session` is empty until known; `began` and `told` are moments on the learner's clock."""

    trial: Trial
    declared: bool
    began: int
    session: str = ""
    told: int = 0


ADVICE = "metadata.conversationId, or vars.sessionId, tells which belong together"


class Learner:
    """Decides when a trial may begin and when it may ask; learns from the session ids that it is told."""

    def __init__(self, reason: str, on_race: Callable[[int, int], None] = lambda _first, _second: None) -> None:
        self._on_race = on_race
        self.in_order = self._is_wary = bool(reason)
        self.learnt = ""
        self.races: list[Race] = []
        self._queue: deque[Trial] = deque()
        self._under_way: list[Visit] = []
        self._clock = 0
        self._undeclared = 0
        self._last_use: dict[str, tuple[Trial, int]] = {}
        self._change: asyncio.Event | None = None

    @property
    def sessions(self) -> list[str]:
        """Every session id that was reported, in the order of first sight."""
        return list(self._last_use)

    def told(self) -> str:
        """Say what was learnt, for people."""
        if self.in_order and self._undeclared > 1 and not self.learnt and not self._last_use:
            return "no session id was reported, so undeclared tests ran in order"
        return self.learnt

    async def admit(self, trial: Trial, *, declared: bool) -> Visit:
        """Wait until a trial may begin: in order, while an undeclared one with an unknown session is under way."""
        if not declared:
            self._undeclared += 1
            self._queue.append(trial)
            while self._queue[0] is not trial or not self._has_room():
                await self._wait()
            self._queue.popleft()
        visit = Visit(trial, declared, self._tick())
        self._under_way.append(visit)
        self._notify()
        return visit

    def _has_room(self) -> bool:
        """Whether one more trial with an unknown session may be under way: no more than sessions have been seen.

        Whoever takes turns on so many sessions, one after another in the file, does not meet itself.
        """
        if not self.in_order and not self._is_wary:
            return True
        unknown = sum(1 for visit in self._under_way if not visit.session and not visit.declared)
        return unknown < (1 if self.in_order else len(self._last_use))

    async def turn(self, visit: Visit) -> None:
        """Wait until a trial may ask."""
        while self._must_wait(visit):
            await self._wait()
        visit.began = self._tick()

    def knows(self, visit: Visit, session: str) -> bool:
        """Take note of what a trial's before-hooks told; tells whether it may ask at once."""
        if visit.declared:
            return True
        if session:
            visit.session, visit.told = session, self._tick()
            self._notify()
        if self._must_wait(visit):
            return False
        visit.began = self._tick()
        return True

    def _must_wait(self, visit: Visit) -> bool:
        if visit.session:
            holders = (other for other in self._under_way if other.session == visit.session)
            return any(other.told < visit.told for other in holders)
        if not self.in_order:
            return False
        before = self._under_way[: self._under_way.index(visit)]
        return any(not other.declared for other in before)

    def done(self, visit: Visit, session: str) -> None:
        """Take note of the session that a finished trial reported (or of none)."""
        self._under_way.remove(visit)
        if session:
            self._learn(visit, session)
        self._notify()

    def _learn(self, visit: Visit, session: str) -> None:
        last = self._last_use.get(session)
        self._last_use[session] = (visit.trial, self._tick())
        told = visit.declared or visit.session == session
        if last is not None and last[1] > visit.began:
            self.races.append(Race(session_id=session, first=last[0], second=visit.trial))
            self._on_race(last[0].index, visit.trial.index)
        if told:
            return
        if last is not None:
            self.in_order = True
            self.learnt = f"tests share the session {session!r}, so they run in order"
            if len(self._last_use) > 1:
                self.learnt = f"tests share {len(self._last_use)} sessions, so they run one after another; {ADVICE}"
        elif self.in_order and not self.learnt and len(self._last_use) > 1:
            self.in_order = False
            self.learnt = "each test reported a session of its own, so they run in parallel"

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def _notify(self) -> None:
        if self._change is not None:
            self._change.set()
            self._change = None

    async def _wait(self) -> None:
        if self._change is None:
            self._change = asyncio.Event()
        await self._change.wait()


class Schedule:
    """Hands out lanes in the order of the file: those of `first` one by one before all others."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._waiting = deque(lanes)
        self._given_back: list[tuple[Trial, ...]] = []

    def next(self) -> Lane | None:
        """Return the next lane to run, or None when there is none."""
        return self._waiting.popleft() if self._waiting else None

    def give_back(self, trials: tuple[Trial, ...]) -> None:
        """Take back what of a lane was not begun when the run was stopped."""
        self._given_back.append(trials)

    def rest(self) -> list[tuple[Trial, ...]]:
        """Return the trials that were never begun, lane by lane."""
        return [*self._given_back, *(lane.trials for lane in self._waiting)]


def describe(plan: Plan) -> list[str]:
    """Say for people which lanes there are and why, one line each; lanes of one trial are counted."""
    shared = [lane for lane in (*plan.first, *plan.lanes) if lane.why]
    single = [trial for lane in (*plan.first, *plan.lanes) if not lane.why for trial in lane.trials]
    unknown = sum(1 for trial in single if plan.learning and not trial.lane)
    alike = Counter((len(lane.trials), lane.why) for lane in shared)
    lines = [f"{many} lanes of " * (many > 1) + f"{size} trials in order: {why}" for (size, why), many in alike.items()]
    if unknown:
        lines.append(f"{counted(unknown, 'trial')} whose sharing is learnt as they run: {plan.learning}")
    if len(single) > unknown:
        lines.append(f"{counted(len(single) - unknown, 'trial')} with a lane each, up to {plan.jobs} at once")
    return lines
