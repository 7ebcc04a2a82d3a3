"""The crew that works off the lanes: each in order, up to `jobs` at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sojourn.engine.lanes import Schedule
from sojourn.engine.setting import Account, Setting
from sojourn.engine.settling import settle
from sojourn.engine.trial import run_trial
from sojourn.errors import CodeDiedError, StopRun
from sojourn.model.plan import Lane, Plan, Trial
from sojourn.model.result import Outcome, Phase, TrialResult

TIME_LIMIT = "the time limit of the run"


class Crew:
    """Runs a plan's lanes and hands every result to `take` as it comes."""

    def __init__(self, plan: Plan, setting: Setting, take: Callable[[TrialResult], None]) -> None:
        self._plan = plan
        self._setting = setting
        self._take = take
        self._schedule = Schedule((*plan.first, *plan.lanes))
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = len(plan.trials)

    @property
    def unrun(self) -> int:
        """How many trials have no result."""
        return self._left

    def stop(self, reason: str, *, now: bool) -> None:
        """Start nothing more; with `now`, cut short what is under way."""
        self._schedule.stop(reason)
        if now:
            self._setting.cut = self._setting.cut or reason
            for task in self._tasks:
                task.cancel()

    async def work(self, broken: str) -> None:
        """Run all lanes; where the set-up `broken` names a cause, every trial is an error with that cause."""
        if broken:
            await self._give_up(broken)
            return
        limit = self._setting.suite.options.max_eval_time_ms
        timer = asyncio.get_running_loop().call_later(limit / 1000, self._time_is_up) if limit else None
        try:
            await self._in_parallel(1, len(self._plan.first))
            await self._in_parallel(self._plan.jobs, len(self._plan.lanes))
        finally:
            if timer is not None:
                timer.cancel()
        if self._schedule.stopped == TIME_LIMIT:
            await self._give_up(
                f"not run: {TIME_LIMIT} was reached", [t for lane in self._schedule.rest() for t in lane]
            )

    def _time_is_up(self) -> None:
        self.stop(TIME_LIMIT, now=True)

    async def _in_parallel(self, jobs: int, lanes: int) -> None:
        self._lanes_left = lanes
        tasks = [asyncio.create_task(self._work()) for _ in range(min(jobs, lanes))]
        self._tasks = set(tasks)
        await asyncio.gather(*tasks)
        self._tasks = set()

    async def _work(self) -> None:
        while self._lanes_left > 0 and (lane := self._schedule.next()) is not None:
            self._lanes_left -= 1
            await self._lane(lane)

    async def _lane(self, lane: Lane) -> None:
        broken: dict[str, str] = {}
        for done, trial in enumerate(lane.trials):
            if self._schedule.stopped:
                self._schedule.give_back(lane.trials[done:])
                return
            if trial.turn and trial.conversation in broken:
                await self._skip(trial, broken[trial.conversation])
                continue
            result = await self._trial(trial, alone_in_lane=len(lane.trials) == 1)
            if result is not None and result.outcome is Outcome.ERROR:
                broken[trial.conversation] = f"turn {trial.turn} was an error"

    async def _skip(self, trial: Trial, why: str) -> None:
        account = Account(trial, trial.case, skipped=why)
        await self._setting.house.forgo(trial)
        self._left -= 1
        self._take(await settle(account, self._setting))

    async def _trial(self, trial: Trial, *, alone_in_lane: bool) -> TrialResult | None:
        learner = self._setting.learner
        visit = await learner.admit(trial, declared=bool(trial.lane))
        result: TrialResult | None = None
        try:
            try:
                result = await run_trial(trial, visit, self._setting, again=not alone_in_lane)
            except CodeDiedError:
                # A bystander: its process was brought down, perhaps by another trial. Alone, it shows who is guilty.
                self._setting.house.expect([trial])
                async with self._setting.code.alone():
                    result = await run_trial(trial, visit, self._setting, again=True)
        except StopRun as asked:
            self.stop(asked.what, now=False)
        finally:
            learner.done(visit, result.session_id if result is not None else "")
        if result is not None and not self._was_cut(result):
            self._left -= 1
            self._take(result)
        return result

    def _was_cut(self, result: TrialResult) -> bool:
        """An interrupt leaves no rows of its own; the time limit does."""
        cut = self._setting.cut
        trouble = result.trouble
        return bool(cut) and cut != TIME_LIMIT and trouble is not None and trouble.what == f"cut short: {cut}"

    async def _give_up(self, cause: str, trials: list[Trial] | None = None) -> None:
        for trial in self._plan.trials if trials is None else trials:
            account = Account(trial, trial.case, phase=Phase.BEFORE)
            account.broke(cause)
            self._left -= 1
            self._take(await settle(account, self._setting))
