"""The crew that works off the lanes: each in order, up to `jobs` at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from msgspec import structs

from sojourn.engine.lanes import Schedule, Visit
from sojourn.engine.setting import Account, Setting
from sojourn.engine.settling import settle
from sojourn.engine.stopping import TIME_LIMIT, Brake, OverdueError
from sojourn.engine.together import together
from sojourn.engine.trial import Ended, Fate, run_trial
from sojourn.languages.runner import LANE
from sojourn.model.plan import Lane, Plan, Trial
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble


class Crew:
    """Runs a plan's lanes and hands every result to `take` as it comes; `withdraw` hears of trials that run again.

    `unclean` is what trials left that have no row of their own to say so.
    """

    def __init__(
        self,
        plan: Plan,
        setting: Setting,
        brake: Brake,
        take: Callable[[TrialResult], None],
        withdraw: Callable[[Trial], None],
    ) -> None:
        self._plan = plan
        self._setting = setting
        self._brake = brake
        self._take = take
        self._withdraw = withdraw
        self._schedule = Schedule((*plan.first, *plan.lanes))
        self._left = len(plan.trials)
        self._redone: set[int] = set()
        self.unclean: list[Trouble] = []

    @property
    def unrun(self) -> int:
        """How many trials have no result."""
        return self._left

    async def work(self) -> None:
        """Run all lanes; when the time limit is reached, what is left of them are errors that say so."""
        await self._in_parallel(1, len(self._plan.first))
        await self._in_parallel(self._plan.jobs, len(self._plan.lanes))
        if self._brake.cut == TIME_LIMIT:
            rest = [trial for lane in self._schedule.rest() for trial in lane]
            await self._all_of_it(rest, f"not run: {TIME_LIMIT} was reached")

    async def _in_parallel(self, jobs: int, lanes: int) -> None:
        self._lanes_left = lanes
        await together(*(self._work() for _ in range(min(jobs, lanes))))

    async def _work(self) -> None:
        while self._lanes_left > 0 and not self._brake.stopped and (lane := self._schedule.next()) is not None:
            self._lanes_left -= 1
            await self._lane(lane)
            await asyncio.sleep(0)  # where nothing had to be waited for, others and signals have their turn

    async def _lane(self, lane: Lane) -> None:
        LANE.set({})
        try:
            with self._setting.spans.lane(lane):
                struck = await self._in_order(lane)
                if struck:
                    await self._close_belongings(lane)
                    await self._lane_again(lane, struck)
        finally:
            await self._close_belongings(lane)
            for trial in lane.trials:
                self._setting.turns.pop(trial.conversation, None)

    async def _close_belongings(self, lane: Lane) -> None:
        for left in await self._setting.belongings.close(lane):
            self.unclean.append(Trouble(phase=Phase.CLOSE, what=f"{left.name} could not be closed: {left.why}"))

    async def _in_order(self, lane: Lane, *, alone: bool = False) -> int:
        """Run a lane's trials; returns how many have to be run again, for others brought down what they lived in.

        A lane that brought it down itself, or that runs for the second time, goes on: only the trial is run again.
        """
        broken: dict[str, str] = {}
        fatal = alone
        for done, trial in enumerate(lane.trials):
            if trial.turn and trial.conversation in broken and not self._brake.stopped:
                await self._skip(trial, broken[trial.conversation])
                continue
            visit = await self._setting.learner.admit(trial, declared=bool(trial.lane))
            if self._brake.stopped:
                self._setting.learner.done(visit, "")
                self._schedule.give_back(lane.trials[done:])
                return 0
            ended = await self._trial(trial, visit, again=fatal or len(lane.trials) == 1)
            if ended.fate is Fate.AGAIN and not fatal and len(lane.trials) > 1 and not self._brake.stopped:
                self.unclean += ended.result.notes
                return done + 1
            self._record(ended)
            if ended.fate is Fate.FATAL:
                fatal = True
                self._setting.house.go_on(trial)
            if ended.result.outcome is Outcome.ERROR:
                broken[trial.conversation] = f"turn {trial.turn} was an error"
        return 0

    async def _lane_again(self, lane: Lane, count: int) -> None:
        """Run a lane from its start, for half a conversation is not continued in a fresh session; nobody else calls.

        What its trials came to the first time stands until they have come to something again.
        """
        again = lane.trials[:count]
        try:
            async with self._brake.section():
                await self._setting.house.expect_again(again, renewed=True)
        except OverdueError:
            self._schedule.give_back(lane.trials[count - 1 :])
            return
        self._redone.update(trial.index for trial in again[:-1])
        for trial in again:
            for each in self._setting.said(trial):
                each.clear()
        async with self._setting.code.alone():
            await self._in_order(lane, alone=True)

    async def _skip(self, trial: Trial, why: str) -> None:
        await self._setting.house.forgo(trial)
        await self._end(Account(trial, trial.case, skipped=why))

    async def _trial(self, trial: Trial, visit: Visit, *, again: bool) -> Ended:
        session = ""
        said = self._setting.said(trial) if trial.lane else []
        before = [len(each) for each in said]
        try:
            with self._setting.spans.trial(trial) as come:
                ended = await run_trial(trial, visit, self._setting, self._brake)
                if ended.fate is Fate.AGAIN and again:
                    for each, count in zip(said, before, strict=True):
                        del each[count:]
                    ended = await self._again(trial, visit, ended)
                come(ended.result)
            session = ended.result.session_id
        finally:
            self._setting.learner.done(visit, session)
        return ended

    def _record(self, ended: Ended) -> None:
        if ended.fate is Fate.VOID:
            self.unclean += ended.result.notes
        else:
            self._put(ended.result)

    def _put(self, result: TrialResult) -> None:
        """Hand on a result; one of a lane that is run again takes the place of the one before."""
        if result.trial.index in self._redone:
            self._redone.discard(result.trial.index)
            self._withdraw(result.trial)
        else:
            self._left -= 1
        self._take(result)

    async def _again(self, trial: Trial, visit: Visit, first: Ended) -> Ended:
        """Run a bystander again: its process was brought down, perhaps by another. Alone, it shows who is guilty."""
        try:
            async with self._brake.section():
                await self._setting.house.expect_again([trial], renewed=False)
        except OverdueError:
            return first
        async with self._setting.code.alone():
            second = await run_trial(trial, visit, self._setting, self._brake)
        notes = first.result.notes + second.result.notes
        return Ended(structs.replace(second.result, notes=notes), second.fate)

    async def give_up(self, cause: str) -> None:
        """Let every trial be an error with this cause."""
        await self._all_of_it(self._plan.trials, cause)

    async def _all_of_it(self, trials: Iterable[Trial], cause: str) -> None:
        """Let each of these trials be an error with this cause: nothing of them was begun."""
        for trial in trials:
            account = Account(trial, trial.case, phase=Phase.BEFORE)
            account.broke(cause)
            await self._end(account)

    async def skip_all(self, why: str) -> None:
        """Let every trial be skipped."""
        for trial in self._plan.trials:
            await self._end(Account(trial, trial.case, skipped=why))

    async def _end(self, account: Account) -> None:
        self._put(await settle(account, self._setting))
