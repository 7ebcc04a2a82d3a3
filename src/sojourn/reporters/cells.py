"""A run as a table: one row a test, one column a provider with a prompt. CSV, HTML and the console draw it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from sojourn.encoding import encode
from sojourn.model.counting import counted
from sojourn.model.plan import Column
from sojourn.model.redaction import redacted_vars
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.row import explanation
from sojourn.model.run_result import RunResult
from sojourn.model.verdict import Verdict

WORDS = {Outcome.PASSED: "PASS", Outcome.FAILED: "FAIL", Outcome.ERROR: "ERROR", Outcome.SKIPPED: "SKIP"}


def how_many(outcome: Outcome, count: int) -> str:
    """Return how many trials came to an outcome, in words."""
    return counted(count, outcome.value) if outcome is Outcome.ERROR else f"{count} {outcome.value}"


class TestRow(msgspec.Struct, frozen=True):
    """One test with what came of it in each column, by the column's index; a column that did not run it is missing."""

    index: int
    description: str
    vars: Mapping[str, Any]
    cells: dict[int, TrialResult]

    @property
    def name(self) -> str:
        """What promptfoo calls it: its number, and its description if it has one."""
        return f"test {self.index + 1}" + (f": {self.description}" if self.description else "")


def rows(result: RunResult) -> Iterator[TestRow]:
    """Yield the tests in file order."""
    tests: dict[int, list[int]] = {}
    for trial in sorted(result.results.trials(), key=lambda each: each.index):
        tests.setdefault(trial.test_index, []).append(trial.index)
    found = result.results.picked(itertools.chain.from_iterable(tests.values()))
    for index, trials in itertools.groupby(found, lambda each: each.trial.test_index):
        cells = {each.trial.column.index: each for each in trials}
        first = next(iter(cells.values()))
        yield TestRow(index, _described(first), redacted_vars(first.case.vars), cells)


def count_rows(result: RunResult) -> int:
    """Return how many tests there are."""
    return len({trial.test_index for trial in result.results.trials()})


def _described(result: TrialResult) -> str:
    """Return a test's description, and which turn of it this is: each turn has a row of its own."""
    turn = f"turn {result.trial.turn}" if result.trial.turn else ""
    return ", ".join(part for part in (result.case.description, turn) if part)


def heading(column: Column) -> str:
    """Return a column's name: the provider in brackets, then the prompt."""
    return f"[{column.provider.name}] {column.prompt.label}"


def text(value: Any) -> str:
    """Return a value as people read it: text as it is, nothing as nothing, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()


def output(trial: TrialResult) -> str:
    """Return what the provider answered, as text; empty when there was no answer."""
    return text(trial.reply.output) if trial.reply else ""


def why(trial: TrialResult) -> str:
    """Return why a trial did not pass: what is written of it, and a line for each further assertion that said no."""
    first = explanation(trial)
    if trial.outcome is not Outcome.FAILED:
        return first
    lines = (refused(verdict) for verdict in refusals(trial.verdicts) if verdict.weight and verdict.reason != first)
    return "\n".join([first, *dict.fromkeys(lines)])


def refusals(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield those that said no, each followed by those of its parts."""
    for verdict in verdicts:
        if not verdict.passed:
            yield verdict
        yield from refusals(verdict.parts)


def refused(verdict: Verdict) -> str:
    """Return what a verdict that said no is about, and its reason."""
    kind = str(verdict.claim.raw.get("type") or verdict.claim.type) if verdict.claim else "part"
    return f"- {kind}: {verdict.reason}"
