"""A suite that runs in a thread beside pytest: its lanes in parallel, while pytest asks for trial after trial."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sojourn.api import load
from sojourn.config.flags import Flags
from sojourn.engine.listeners import Listeners
from sojourn.engine.preparing import prepared
from sojourn.engine.run import Run
from sojourn.errors import SojournError
from sojourn.model.plan import Plan, Trial
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult

Identity = tuple[str, int, int, int]


def identity(trial: Trial) -> Identity:
    """Return what a trial is known by, in a plan and in its run: transformVars may change how many there are."""
    return trial.test_key, trial.turn, trial.column.index, trial.repeat


class Running:
    """One run: it begins with the first trial that is asked for; lanes of which none is `wanted` are left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wanted: set[Identity] = set()
        self.result: RunResult | None = None
        self._results: dict[Identity, TrialResult] = {}
        self._told: dict[Identity, Outcome] = {}
        self._printed: list[str] = []
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._over = False
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._going: Run | None = None

    def of(self, trial: Trial) -> TrialResult:
        """Wait for the result of a trial; raises SojournError where it was not run."""
        self._begin()
        key = identity(trial)
        with self._change:
            self._change.wait_for(lambda: key in self._results or self._over)
            if key not in self._results:
                raise self._why_not()
            self._told[key] = self._results[key].outcome
            return self._results[key]

    def _why_not(self) -> BaseException:
        if self._error is not None:
            return self._error
        why = f", stopped by {self.result.stopped}" if self.result and self.result.stopped else ""
        return SojournError(f"it was not run{why}")

    def wrong(self) -> list[str]:
        """Wait until all is over; return what is wrong with the run as a whole, and with what is no item."""
        self._begin()
        assert self._thread is not None
        self._thread.join()
        if self.result is None:
            return [str(self._error)]
        found = [f"{trouble.phase.value}: {trouble}" for trouble in self.result.troubles]
        found += [f"unclean: {each.trial.name}: {note}" for each in self.result.results for note in each.notes]
        for key, each in self._results.items():
            bad = each.outcome in (Outcome.FAILED, Outcome.ERROR)
            if bad and self._told.get(key) is not each.outcome and (key in self._told or key not in self.wanted):
                found.append(f"{each.trial.name}, which {self._of_whom(key)}: {each.outcome.value}")
        return found

    def _of_whom(self, key: Identity) -> str:
        return "was told otherwise before" if key in self._told else "no item stands for"

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"sojourn {self.path.name}", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._go())
        except BaseException as error:  # noqa: BLE001  whatever it is, it is raised where somebody waits
            self._error = error
        with self._change:
            self._over = True
            self._change.notify_all()

    async def _go(self) -> None:
        suite = await load([str(self.path)], Flags(), cwd=Path.cwd(), environ=os.environ)
        listeners = Listeners(on_print=self._printed.append, on_result=self._take)
        async with prepared(suite, listeners) as setting:
            going = Run(setting, listeners, self._unwanted)
            self._loop, self._going = asyncio.get_running_loop(), going
            await going.prepare()
            self.result = await going.go()
        for each in self.result.results:  # a comparison of columns may have changed the verdict
            self._take(each)

    def _take(self, result: TrialResult) -> None:
        with self._change:
            self._results[identity(result.trial)] = result
            self._change.notify_all()

    def _unwanted(self, plan: Plan, _began: float) -> Mapping[int, TrialResult]:
        """Let whole lanes stand as skipped of which nothing is wanted."""
        planned = {identity(trial) for trial in plan.trials}
        if not self.wanted & planned:
            return {}
        lanes = [lane for lane in (*plan.first, *plan.lanes) if not self.wanted & set(map(identity, lane.trials))]
        return {trial.index: _left_out(trial) for lane in lanes for trial in lane.trials}

    def stop(self) -> None:
        """Stop the run if it goes on, for nobody waits for its results, and wait until its sessions are closed."""
        if self._thread is None or not self._thread.is_alive():
            return
        if self._loop is not None and self._going is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(partial(self._going.stop, "the end of pytest", again=True))
        self._thread.join()


def _left_out(trial: Trial) -> TrialResult:
    what = "not selected"
    return TrialResult(trial=trial, case=trial.case, prompt="", outcome=Outcome.SKIPPED, score=0, reason=what)
