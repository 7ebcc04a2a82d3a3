"""A test that is repeated and says how many of its repeats must pass counts as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sojourn.model.plan import Trial
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult

Key = tuple[str, int]


class Passes(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a test's repeats passed: of those that were judged, and how many are wanted.

    A repeat passes when all its turns do; a skipped one counts nowhere.
    """

    passed: int
    judged: int
    wanted: int
    worst: Outcome

    @property
    def is_enough(self) -> bool:
        """Whether so many passed as are wanted, or all that were not skipped."""
        return self.passed >= min(self.wanted, self.judged)

    @property
    def outcome(self) -> Outcome:
        """What the test as a whole came to: passed where enough did, else the worst of its repeats."""
        return Outcome.PASSED if self.judged and self.is_enough else self.worst

    def __str__(self) -> str:
        return f"{self.passed} of {self.judged} passed, {self.wanted} wanted"


class Repeats(Passes, frozen=True, kw_only=True):
    """What came of a test's repeats in one column; `results` are its trials in file order."""

    results: tuple[TrialResult, ...]

    @property
    def first(self) -> Trial:
        """The trial that stands for all."""
        return self.results[0].trial

    @property
    def name(self) -> str:
        """What people call the test."""
        return self.first.test_name


def wanted_passes(trial: Trial) -> int:
    """Return how many repeats of a trial's test must pass; 0 where the test does not say."""
    return passes_of(trial.case.options)


def passes_of(options: Mapping[str, Any] | None) -> int:
    """Return how many repeats must pass by the options of a test."""
    return int(float((options or {}).get("minPasses") or 0))


def key_of(trial: Trial) -> Key:
    """Return what the repeats of a test have in common in one column."""
    return trial.test_key, trial.column.index


def repeats(result: RunResult) -> list[Repeats]:
    """Return the tests that say how many repeats must pass, in file order."""
    groups: dict[Key, list[TrialResult]] = {}
    for each in result.results.picked(sorted(counted_as_one(result.results.trials()))):
        groups.setdefault(key_of(each.trial), []).append(each)
    return [counted_repeats(group) for group in groups.values()]


def counted_as_one(trials: Iterable[Trial]) -> list[int]:
    """Return the indices of those trials whose tests say how many repeats must pass."""
    return [trial.index for trial in trials if trial.case.options and wanted_passes(trial)]


def counted_repeats(group: Sequence[TrialResult]) -> Repeats:
    """Count what came of a test's repeats in one column, given in file order."""
    wanted = max(wanted_passes(each.trial) for each in group)
    told = tallied([(each.trial.repeat, each.outcome) for each in group], wanted)
    return Repeats(results=tuple(group), passed=told.passed, judged=told.judged, wanted=wanted, worst=told.worst)


def tallied(turns: Iterable[tuple[int, Outcome]], wanted: int) -> Passes:
    """Count repeats, given the outcome of each turn of each."""
    found: dict[int, list[Outcome]] = {}
    for repeat, outcome in turns:
        found.setdefault(repeat, []).append(outcome)
    came = [_worst(outcomes) for outcomes in found.values()]
    judged = len(came) - came.count(Outcome.SKIPPED)
    return Passes(passed=came.count(Outcome.PASSED), judged=judged, wanted=wanted, worst=_worst(came))


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst of several outcomes: skipped only where all were."""
    found = set(outcomes)
    for outcome in (Outcome.ERROR, Outcome.FAILED, Outcome.PASSED):
        if outcome in found:
            return outcome
    return Outcome.SKIPPED


def pass_rate(result: RunResult) -> float:
    """Return how many per cent of what was judged passed: trials, and repeats that count as one."""
    groups = repeats(result)
    single = Counter(result.results.tally.outcomes)
    single.subtract(each.outcome.value for group in groups for each in group.results)
    counted = [group.is_enough for group in groups if group.judged]
    judged = single.total() - single[Outcome.SKIPPED.value] + len(counted)
    return 100 * (single[Outcome.PASSED.value] + sum(counted)) / judged if judged else 100
