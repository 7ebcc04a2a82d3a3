"""Suites as files of pytest's, trials as its items."""

from __future__ import annotations

import asyncio
import io
import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sojourn.api import plan_of
from sojourn.config.flags import Flags
from sojourn.drawing.plain import one_line, plain
from sojourn.errors import ConfigError, SojournError
from sojourn.model.plan import Plan, Trial
from sojourn.model.repeats import Repeats, counted_repeats, key_of, wanted_passes
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.secrecy import Secrets
from sojourn.plugin.running import Running, identity
from sojourn.reporters import console
from sojourn.reporters.cells import output, why

WHOLE = "(the whole run)"


class Suites:
    """What pytest asks while it works, for the suites that `--sojourn` names."""

    def __init__(self, config: pytest.Config, named: Sequence[str]) -> None:
        self._paths = [Path(config.invocation_params.dir, name).resolve() for name in named]
        self._runs: list[Running] = []
        asked = {Path(config.invocation_params.dir, arg.partition("::")[0]).resolve() for arg in config.args}
        config.args += [str(path) for path in self._paths if path not in asked]

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
        """Take the files that were named, and no other."""
        if file_path.resolve() not in self._paths:
            return None
        running = next((each for each in self._runs if each.path == file_path), None)
        if running is None:
            running = Running(file_path)
            self._runs.append(running)
        made: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
        made.running = running
        return made

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Tell each run which of its trials are wanted."""
        items = [item for item in session.items if isinstance(item, TrialItem)]
        for item in items:
            item.running.wanted |= {identity(trial) for trial in item.trials}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say how long a trial took to be answered, and not how long pytest waited for it."""
        report = yield
        if isinstance(item, TrialItem):
            report.duration = item.seconds if call.when == "call" or report.failed else 0.0
        return report

    def pytest_sessionfinish(self) -> None:
        """Stop what goes on, and close its sessions."""
        for running in self._runs:
            running.stop()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say of each run what its items cannot say."""
        for running in self._runs:
            if running.result is not None:
                told = io.StringIO()
                console.summary(running.result, told)
                terminalreporter.section(f"sojourn {running.path.name}")
                terminalreporter.write(told.getvalue().lstrip("\n"))


class SuiteFile(pytest.File):
    """One suite."""

    running: Running

    def collect(self) -> Iterator[pytest.Item]:
        """Plan the suite: an item for each trial, or for the repeats that count as one, and one for the whole run."""
        try:
            plan = asyncio.run(plan_of([str(self.path)], Flags(), cwd=Path.cwd(), environ=os.environ))
        except ConfigError as error:
            raise self.CollectError(_shown("\n".join(map(str, error.problems)))) from None
        except SojournError as error:
            raise self.CollectError(_shown(str(error))) from None
        groups: dict[Any, list[Trial]] = {}
        for trial in plan.trials:
            key = key_of(trial) if wanted_passes(trial) else identity(trial)
            groups.setdefault(key, []).append(trial)
        seen: Counter[str] = Counter()
        for trials in groups.values():
            name = _name(trials, plan)
            seen[name] += 1
            unique = f"{name} #{seen[name]}" if seen[name] > 1 else name
            yield TrialItem.from_parent(self, name=unique, trials=trials, running=self.running)
        yield WholeItem.from_parent(self, name=WHOLE, running=self.running)


def _name(trials: Sequence[Trial], plan: Plan) -> str:
    """Return what an item is called: the test, its repeat where it has one, and its column where there are several."""
    first = trials[0]
    name = first.test_name if wanted_passes(first) else first.name
    repeat = f" (repeat {first.repeat + 1})" if first.repeat else ""
    prompts = len({column.prompt.id for column in plan.columns})
    parts = [first.column.provider.name, *([first.column.prompt.label] if prompts > 1 else [])]
    column = f"[{'-'.join(parts)}]" if len(plan.columns) > 1 else ""
    return one_line(name + repeat + column, 150).replace("::", ":")


class TrialItem(pytest.Item):
    """A trial, or several of which so many must pass."""

    def __init__(self, *, trials: Sequence[Trial], running: Running, **more: Any) -> None:
        super().__init__(**more)
        self.trials, self.running = trials, running
        self._results: list[TrialResult] = []

    def setup(self) -> None:
        """Wait until it has been run; what broke is an error, as that of a fixture is."""
        try:
            self._results = [self.running.of(trial) for trial in self.trials]
        except SojournError as error:
            pytest.fail(_shown(str(error)), pytrace=False)
        for result in self._results:
            self.user_properties += [("lane", result.trial.lane)] if result.trial.lane else []
            self.user_properties += [("session", result.session_id)] if result.session_id else []
            if result.printed:
                self.add_report_section("call", "stdout", plain(result.printed))
        if self._group() is None and self._results[0].outcome is Outcome.ERROR:
            pytest.fail(_told(self._results[0]), pytrace=False)

    @property
    def seconds(self) -> float:
        """How long it took to be answered."""
        return sum(result.latency_ms for result in self._results) / 1000

    def _group(self) -> Repeats | None:
        return counted_repeats(self._results) if wanted_passes(self.trials[0]) else None

    def runtest(self) -> None:
        """Say no where an assertion did."""
        group = self._group()
        if group is not None and not group.is_enough:
            bad = [f"repeat {each.trial.repeat + 1}: {_told(each)}" for each in self._results if not each.passed]
            pytest.fail("\n".join([str(group), *bad]), pytrace=False)
        if group is None and self._results[0].outcome is Outcome.FAILED:
            pytest.fail(_told(self._results[0]), pytrace=False)
        if all(each.outcome is Outcome.SKIPPED for each in self._results):
            pytest.skip(one_line(self._results[0].reason or "skipped", 200))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say where the item is."""
        return self.path, None, self.name


class WholeItem(pytest.Item):
    """What belongs to no trial: hooks of the run, sessions that could not be closed, trials that were not planned."""

    def __init__(self, *, running: Running, **more: Any) -> None:
        super().__init__(**more)
        self._running = running

    def runtest(self) -> None:
        """Wait until the run is over; fail with what broke in it."""
        wrong = self._running.wrong()
        if wrong:
            pytest.fail(_shown("\n".join(wrong)), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say where the item is."""
        return self.path, None, self.name


def _told(result: TrialResult) -> str:
    answer = output(result)
    return plain(why(result)) + (f"\nanswered: {one_line(answer, 500)}" if answer else "")


def _shown(words: str) -> str:
    """Return what is told of a run as anybody may read it."""
    return plain(Secrets.of(os.environ).text(words))
