"""From a Suite to a RunResult: the moments of a run, in order.

load what users' code is named -> plan -> beforeAll -> lanes -> comparisons -> afterAll
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping

from msgspec import structs

from sojourn.config import cases
from sojourn.engine.comparing import compare, is_compared, withdraw_uncompared
from sojourn.engine.deriving import derive
from sojourn.engine.hiding import cleaned, hidden, hide, shown
from sojourn.engine.lanes import Learner
from sojourn.engine.listeners import Listeners
from sojourn.engine.order import unsteady
from sojourn.engine.planner import make_plan
from sojourn.engine.preflight import broken_code, lacks_compiler
from sojourn.engine.resuming import without
from sojourn.engine.setting import Setting
from sojourn.engine.stopping import TIME_LIMIT, Brake, OverdueError
from sojourn.engine.stripping import stripped
from sojourn.engine.transforming import transform_vars
from sojourn.engine.working import Crew
from sojourn.errors import CodeError, ConfigError, Problem, SkipTrial, SojournError, StopRun
from sojourn.languages.sharing import MARKER as STATE
from sojourn.lifecycle.hooks import Scope
from sojourn.model.metrics import prompts
from sojourn.model.plan import Plan, Trial
from sojourn.model.result import Phase, TrialResult, Trouble
from sojourn.model.results import Read
from sojourn.model.row import row
from sojourn.model.run_result import RunResult
from sojourn.model.suite import JsonDict, Suite

SECOND_STOP = 4.0
"""Seconds that a run has to end when it is told so again."""


Standing = Callable[[Plan, float], Mapping[int, TrialResult]]


def _nothing(_: Plan, _began: float) -> Mapping[int, TrialResult]:
    return {}


class Run:
    """One run of a suite: `prepare`, then `go`; `stop` may be called at any time from the same loop.

    `standing` tells which results of an earlier part stand, so that these trials are not run, given the moment at which
    the run began on this part's clock; `passed` seconds of it have passed.
    """

    def __init__(
        self, setting: Setting, listeners: Listeners, standing: Standing = _nothing, *, passed: float = 0
    ) -> None:
        self._setting = setting
        self._listeners = listeners
        self._standing = standing
        self._brake = Brake()
        self._released = asyncio.Event()
        created = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        empty = Plan(suite=setting.suite, columns=(), lanes=())
        self.result = RunResult(
            run_id=setting.run_id,
            created=created.replace("+00:00", "Z"),
            plan=empty,
            began=setting.clock() - passed,
            events=setting.journal.events,
        )

    async def prepare(self) -> None:
        """Plan, and load every function that is named. Raises ConfigError where the suite cannot be run."""
        problems: list[Problem] = []
        try:
            self.result.plan = await self._plan(self._setting.suite)
            self._stand(self.result.plan)
        except ConfigError as error:
            problems += error.problems
        broken = await broken_code(self._setting.suite, self._setting.code)
        problems += [problem for problem in broken if not lacks_compiler(problem)]
        if problems:
            raise ConfigError(problems)

    def _stand(self, plan: Plan) -> None:
        """Look which results of an earlier part stand; `kept` are the indices of their trials."""
        self._kept = self._standing(plan, self.result.began)
        self.kept = frozenset(self._kept)

    @property
    def seen(self) -> RunResult:
        """The result so far, as others may see it."""
        copy = structs.replace(self.result)
        hide(copy, self._setting.secrets)
        return copy

    def shelve(self, read: Read) -> Callable[[TrialResult], bool]:
        """Let go of results that are written down, for `read` gives them back. What is returned is to be told of each.

        It answers whether the result went: what comparisons and afterAll hooks look at stays, as it is not blanked.
        """
        self.result.results.shelve_with(read)
        looked_at = self._setting.hooks.has("afterAll")

        def written(result: TrialResult) -> bool:
            return not looked_at and not is_compared(result.case) and self.result.results.shelve(result)

        return written

    def stop(self, reason: str, *, again: bool = False) -> None:
        """Start no further trial, cut short what is under way after a grace (asked `again`: at once), then clean up."""
        self._brake.stop(reason)
        self._released.set()
        within = SECOND_STOP if again else self._setting.suite.options.stop_timeout_ms / 1000
        if within:
            loop = asyncio.get_running_loop()
            loop.call_later(0 if again else within / 2, self._cut_short, reason, within / 2 if again else None)
            self._setting.hooks.hurry(loop.time() + within)

    def _cut_short(self, reason: str, closing_s: float | None = None) -> None:
        self._brake.cut_short(reason)
        self._setting.house.keeper.hurry(closing_s)

    def _time_is_up(self) -> None:
        self._cut_short(TIME_LIMIT)
        self.stop(TIME_LIMIT)

    async def go(self) -> RunResult:
        """Run everything. A cancellation stops the run as a signal does, and goes on when all is cleaned up."""
        work = asyncio.ensure_future(self._in_time())
        cancelled = False
        while not work.done():
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                self.stop("cancellation", again=cancelled)
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError
        return work.result()

    async def _in_time(self) -> RunResult:
        limit = self._setting.suite.options.max_eval_time_ms
        timer = asyncio.get_running_loop().call_later(limit / 1000, self._time_is_up) if limit else None
        scope = Scope(self.result.printed)
        try:
            await self._whole(scope)
            await self._look_at_sessions()
        finally:
            await self._close_sessions()
            await self._after_all(scope)
            if timer is not None:
                timer.cancel()
            self.result.stopped = self._brake.stopped
            # In whole milliseconds from here on, as it is stored: a report made later must say the same.
            self.result.duration_ms = round((self._setting.clock() - self.result.began) * 1000)
            hide(self.result, self._setting.secrets)
            self._setting.spans.over(self.result)
        return self.result

    async def _look_at_sessions(self) -> None:
        """Let somebody look at the sessions that are kept for that, for as long as it takes or until the run stops."""
        kept = self._setting.secrets.clean(self._setting.house.kept())
        if kept and not self._brake.stopped:
            looking = asyncio.ensure_future(self._listeners.on_kept(kept))
            released = asyncio.ensure_future(self._released.wait())
            await asyncio.wait({looking, released}, return_when=asyncio.FIRST_COMPLETED)
            looking.cancel()
            released.cancel()

    async def _whole(self, scope: Scope) -> None:
        broken, skipped = "", ""
        try:
            await self._before_all(scope)
        except SkipTrial as skip:
            skipped = skip.what
        except StopRun as asked:
            self._brake.stop(f"a hook: {asked.what}")
        except SojournError as error:
            broken = self._trouble(Phase.BEFORE, str(error), getattr(error.__cause__, "trace", ""))
        crew = self._crew(await self._replanned(self.result.plan))
        if skipped:
            await crew.skip_all(skipped)
        elif broken and not self._brake.stopped:
            await crew.give_up(broken)
        else:
            await self._trials(crew)
        self.result.unrun += crew.unrun
        self.result.derived = await derive(self.result, self._setting.code)
        if self._setting.suite.options.shuffle is not None:
            self.result.unsteady = unsteady(self.result)

    async def _plan(self, suite: Suite) -> Plan:
        async def transform(test: JsonDict, variables: JsonDict) -> JsonDict:
            return await transform_vars(self._setting.code, suite.base, test, variables)

        try:
            plan = await make_plan(suite, self._setting.renderer.names, transform)
        except CodeError as error:
            raise ConfigError.of(f"transformVars broke: {error}") from error
        if not suite.options.shard and not any(lane.trials for lane in (*plan.first, *plan.lanes)):
            raise ConfigError.of("nothing is left to run", todo="loosen the filters, or add tests")
        return plan

    async def _before_all(self, scope: Scope) -> None:
        """Run the beforeAll hooks, and take over the suite as they changed it."""
        setting = self._setting
        if not any(map(setting.hooks.has, ("beforeAll", "afterAll"))):
            return
        lent = cases.suite_for_hooks(setting.suite)
        context = {"suite": lent, "evalId": setting.run_id, "run": self._identity(), "state": STATE}
        setting.safe.leave_will(setting.hooks.extensions, {**context, "results": [], "prompts": []}, setting.code)
        if not setting.hooks.has("beforeAll"):
            return
        with self._told("beforeAll"):
            changed = await setting.hooks.before("beforeAll", context, "suite", scope)
        if changed["suite"] is not lent:
            setting.suite = cases.suite_from_hooks(setting.suite, changed["suite"])

    @contextlib.contextmanager
    def _told(self, moment: str) -> Iterator[None]:
        """Note when the hooks of a moment of the run began and ended."""
        self._setting.journal.tell("begun", moment)
        try:
            yield
        finally:
            self._setting.journal.tell("ended", moment)

    def _identity(self) -> JsonDict:
        return {"id": self._setting.run_id, "tmp": str(self._setting.folder)}

    def _trouble(self, phase: Phase, what: str, trace: str = "") -> str:
        self.result.troubles.append(Trouble(phase=phase, what=what, trace=trace))
        return what

    async def _replanned(self, plan: Plan) -> Plan:
        if self._setting.suite is plan.suite:
            return plan
        try:
            async with self._brake.section():
                changed = await self._plan(self._setting.suite)
                self._stand(changed)
                return changed
        except ConfigError as error:
            self._trouble(Phase.BEFORE, f"the suite that beforeAll returned cannot be run: {error}")
        except OverdueError:
            self._trouble(Phase.BEFORE, f"planning the suite that beforeAll returned was cut short: {self._brake.cut}")
        return structs.replace(plan, lanes=(), first=())

    def _crew(self, plan: Plan) -> Crew:
        self.result.plan, self.result.columns = plan, plan.columns
        secrets = self._setting.secrets
        seen = {index: shown(each, secrets, self._setting.suite.options) for index, each in self._kept.items()}
        self._kept = {}
        for each in seen.values():
            self.result.results.append(each)
        left = without(plan, self.kept)
        self._listeners.on_plan(hidden(left, secrets), seen)
        self._setting.learner = Learner(plan.learning, self._setting.journal.raced)
        self._setting.house.expect(left.trials)
        return Crew(left, self._setting, self._brake, self._take, self._withdraw)

    async def _trials(self, crew: Crew) -> None:
        await crew.work()
        self.result.troubles += crew.unclean
        learner = self._setting.learner
        self.result.races, self.result.learnt = learner.races, learner.told()
        with contextlib.suppress(OverdueError):
            async with self._brake.section():
                await compare(self.result, self._setting)
        if self._brake.stopped:
            withdraw_uncompared(self.result)

    def _take(self, result: TrialResult) -> None:
        clean = cleaned(result, self._setting.secrets)
        self.result.results.append(result, clean)
        self._listeners.on_result(stripped(clean, self._setting.suite.options.stripped))

    def _withdraw(self, trial: Trial) -> None:
        """Take back the result of a trial that was run again."""
        before = self.result.results.withdraw(trial.index)
        self._listeners.on_withdrawn(shown(before, self._setting.secrets, self._setting.suite.options))

    async def _close_sessions(self) -> None:
        """Close what a run that was stopped left open, and tell of all that could not be closed."""
        keeper = self._setting.house.keeper
        await keeper.close()
        self.result.leaks = keeper.leaks
        for unclosed in keeper.unclosed:
            self._trouble(Phase.CLOSE, f"session {unclosed.name} could not be closed: {unclosed.why}")

    async def _after_all(self, scope: Scope) -> None:
        setting, result = self._setting, self.result
        if not setting.hooks.has("afterAll"):
            return
        context = {
            "suite": cases.suite_for_hooks(setting.suite),
            "results": [row(each, setting.run_id, redact=False) for each in result.results],
            "prompts": prompts(result),
            "evalId": setting.run_id,
            "config": setting.suite.config,
            "run": self._identity(),
            "state": STATE,
        }
        with self._told("afterAll"):
            broken, _ = await setting.hooks.after("afterAll", context, scope, lambda context, _: context)
        for each in broken:
            self._trouble(Phase.AFTER, str(each), getattr(each.__cause__, "trace", ""))
