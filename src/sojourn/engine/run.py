"""From a Suite to a RunResult: the moments of a run, in order.

load what users' code is named -> plan -> beforeAll -> lanes -> comparisons -> afterAll
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sojourn.config import cases
from sojourn.engine.comparing import compare
from sojourn.engine.deriving import derive
from sojourn.engine.grading import GraderPool
from sojourn.engine.lanes import Learner
from sojourn.engine.planner import make_plan
from sojourn.engine.preflight import check_code
from sojourn.engine.providers import ProviderPool
from sojourn.engine.sessions import open_house
from sojourn.engine.setting import Setting
from sojourn.engine.transforming import transform_vars
from sojourn.engine.working import Crew
from sojourn.errors import CodeDiedError, CodeError, ConfigError, HookError, SkipTrial, StopRun
from sojourn.languages.runner import CodeRunner
from sojourn.lifecycle.hooks import Hooks, Started, read_extensions
from sojourn.lifecycle.journal import Journal, NoLedger
from sojourn.model.metrics import prompts
from sojourn.model.plan import Plan
from sojourn.model.result import Phase, RunResult, TrialResult, Trouble
from sojourn.model.row import row
from sojourn.model.suite import JsonDict, Suite
from sojourn.protocols import Tools
from sojourn.template.engine import Renderer


def _unheard(_: object) -> None:
    pass


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who is told what while a run goes on: a text that was printed, the plan once it stands, each result."""

    on_print: Callable[[str], None] = _unheard
    on_plan: Callable[[Plan], None] = _unheard
    on_result: Callable[[TrialResult], None] = _unheard


def new_run_id() -> str:
    """Return an id like promptfoo's: `eval-abc-2026-01-31T12:00:00`."""
    now = dt.datetime.now(dt.UTC)
    return f"eval-{secrets.token_hex(3)}-{now:%Y-%m-%dT%H:%M:%S}"


@contextlib.asynccontextmanager
async def prepared(suite: Suite, listeners: Listeners) -> AsyncIterator[Setting]:
    """Give a run its tools; its processes and its private folder are gone afterwards."""
    run_id = new_run_id()
    folder = Path(tempfile.mkdtemp(prefix="sojourn-"))
    env = {**os.environ, **suite.env, "TMPDIR": str(folder)}
    code = CodeRunner(env, listeners.on_print)
    try:
        renderer = Renderer(env)
        tools = Tools(code=code, render=renderer.render, env=env, base=Path(suite.base), run_id=run_id)
        providers = ProviderPool(suite.providers, tools)
        yield Setting(
            suite=suite,
            run_id=run_id,
            folder=folder,
            code=code,
            renderer=renderer,
            hooks=Hooks(read_extensions(suite.extensions, suite.base), code, listeners.on_print),
            providers=providers,
            graders=GraderPool(providers, suite.default_test, suite.grader),
            learner=Learner(""),
            house=await open_house(suite, tools, Journal(run_id, time.perf_counter, NoLedger())),
            clock=time.perf_counter,
        )
    finally:
        await code.close()
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """One run of a suite; `stop` may be called at any time from the same loop."""

    def __init__(self, setting: Setting, listeners: Listeners) -> None:
        self._setting = setting
        self._listeners = listeners
        self._crew: Crew | None = None
        self.stopped = ""
        created = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        empty = Plan(suite=setting.suite, columns=(), lanes=())
        self.result = RunResult(run_id=setting.run_id, created=created.replace("+00:00", "Z"), plan=empty)

    def stop(self, reason: str, *, now: bool = False) -> None:
        """Start no further trial; with `now`, cut short the ones under way."""
        self.stopped = self.stopped or reason
        if self._crew is not None:
            self._crew.stop(self.stopped, now=now)

    async def go(self) -> RunResult:
        """Run everything. Raises ConfigError, before anything is opened, where the suite cannot be run."""
        began = time.perf_counter()
        plan = await self._plan(self._setting.suite)
        await check_code(plan, self._setting.code)
        started: Started = set()
        try:
            broken = await self._before_all(started)
            await self._trials(await self._replanned(plan), broken)
            await compare(self.result, self._setting)
            self.result.derived = derive(self.result)
        finally:
            await self._close_sessions()
            await self._after_all(started)
            self.result.duration_ms = (time.perf_counter() - began) * 1000
        return self.result

    async def _plan(self, suite: Suite) -> Plan:
        async def transform(test: JsonDict, variables: JsonDict) -> JsonDict:
            return await transform_vars(self._setting.code, suite.base, test, variables)

        try:
            plan = await make_plan(suite, self._setting.renderer.names, transform)
        except CodeError as error:
            raise ConfigError.of(f"transformVars broke: {error}") from error
        if not any(lane.trials for lane in (*plan.first, *plan.lanes)):
            raise ConfigError.of("nothing is left to run", todo="loosen the filters, or add tests")
        return plan

    async def _before_all(self, started: Started) -> str:
        """Run the beforeAll hooks; return what broke, or an empty string."""
        setting = self._setting
        if not setting.hooks.has("beforeAll"):
            return ""
        try:
            lent = cases.suite_for_hooks(setting.suite)
            context = {
                "suite": lent,
                "evalId": setting.run_id,
                "run": {"id": setting.run_id, "tmp": str(setting.folder)},
            }
            changed = await setting.hooks.before("beforeAll", context, "suite", started)
            if changed["suite"] is not lent:
                setting.suite = cases.suite_from_hooks(setting.suite, changed["suite"])
        except (HookError, ConfigError) as error:
            return self._trouble(Phase.BEFORE, str(error), getattr(error.__cause__, "trace", ""))
        except CodeDiedError as error:
            return self._trouble(Phase.BEFORE, f"beforeAll broke: {error}")
        except (SkipTrial, StopRun) as asked:
            self.stop(asked.what)
        return ""

    def _trouble(self, phase: Phase, what: str, trace: str = "") -> str:
        self.result.troubles.append(Trouble(phase=phase, what=what, trace=trace))
        return what

    async def _replanned(self, plan: Plan) -> Plan:
        if self._setting.suite is plan.suite:
            return plan
        try:
            return await self._plan(self._setting.suite)
        except ConfigError as error:
            self._trouble(Phase.BEFORE, f"the suite that beforeAll returned cannot be run: {error}")
            return dataclasses.replace(plan, lanes=(), first=())

    async def _trials(self, plan: Plan, broken: str) -> None:
        self.result.plan, self.result.columns = plan, plan.columns
        self._listeners.on_plan(plan)
        self._setting.learner = Learner(plan.learning)
        self._setting.house.expect(plan.trials)
        self._crew = Crew(plan, self._setting, self._take)
        if self.stopped:
            self._crew.stop(self.stopped, now=False)
        await self._crew.work(broken)
        learner = self._setting.learner
        self.result.races, self.result.learnt = learner.races, learner.told()
        self.result.unrun = self._crew.unrun

    def _take(self, result: TrialResult) -> None:
        self.result.results.append(result)
        self._listeners.on_result(result)

    async def _close_sessions(self) -> None:
        """Close what a run that was stopped left open, and tell of all that could not be closed."""
        keeper = self._setting.house.keeper
        await keeper.close()
        for unclosed in keeper.unclosed:
            self._trouble(Phase.CLOSE, f"session {unclosed.name} could not be closed: {unclosed.why}")

    async def _after_all(self, started: Started) -> None:
        setting, result = self._setting, self.result
        if not setting.hooks.has("afterAll"):
            return
        context = {
            "suite": cases.suite_for_hooks(setting.suite),
            "results": [row(each, setting.run_id, redact=False) for each in result.results],
            "prompts": prompts(result),
            "evalId": setting.run_id,
            "config": setting.suite.config,
            "run": {"id": setting.run_id, "tmp": str(setting.folder)},
        }
        try:
            broken = await setting.hooks.after("afterAll", context, started, lambda context, _: context)
        except CodeDiedError as error:
            broken = [HookError("afterAll", error.where, error.what)]
        for each in broken:
            self._trouble(Phase.AFTER, str(each), getattr(each.__cause__, "trace", ""))
