"""JUnit XML, as CI systems read it: one suite a column, one case a test, with the reasons of what did not pass.

What broke the run as a whole (a beforeAll, an afterAll) is an error in a suite of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from sojourn.drawing.plain import one_line, plain
from sojourn.model.plan import Column
from sojourn.model.result import Outcome, RunResult, TrialResult
from sojourn.model.row import explanation
from sojourn.model.verdict import Verdict
from sojourn.reporters.cells import rows
from sojourn.reporters.xml_file import clean

_Cases = list[tuple[str, TrialResult]]


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the run as JUnit XML."""
    totals = _counts(result.results, extra_errors=len(result.troubles))
    seconds = f"{result.duration_ms / 1000:.3f}"
    out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(f'<testsuites name="sojourn" {totals} time="{seconds}">\n'.encode())
    tests = rows(result)
    for number, column in enumerate(result.columns, 1):
        cases = [(test.name, test.cells[column.index]) for test in tests if column.index in test.cells]
        out.write(_suite(column, number, cases, result.created).encode())
    if result.troubles:
        out.write(_troubles(result).encode())
    out.write(b"</testsuites>\n")


def _counts(trials: Iterable[TrialResult], extra_errors: int = 0) -> str:
    outcomes = [trial.outcome for trial in trials]
    return (
        f'tests="{len(outcomes) + extra_errors}" failures="{outcomes.count(Outcome.FAILED)}" '
        f'errors="{outcomes.count(Outcome.ERROR) + extra_errors}" skipped="{outcomes.count(Outcome.SKIPPED)}"'
    )


def _suite(column: Column, number: int, cases: _Cases, created: str) -> str:
    name = clean(f"[{column.provider.name}] prompt {number}")
    trials = [trial for _, trial in cases]
    seconds = sum(trial.latency_ms for trial in trials) / 1000
    body = "".join(_case(name, case, trial) for case, trial in cases)
    head = f'  <testsuite name="{name}" {_counts(trials)} time="{seconds:.3f}" timestamp="{clean(created)}">\n'
    return f"{head}{body}  </testsuite>\n"


def _case(suite: str, name: str, trial: TrialResult) -> str:
    inner = _outcome(trial) + _printed(trial)
    head = f'    <testcase classname="{suite}" name="{_attribute(name)}" time="{trial.latency_ms / 1000:.3f}"'
    return f"{head}>\n{inner}    </testcase>\n" if inner else f"{head}/>\n"


def _outcome(trial: TrialResult) -> str:
    why = explanation(trial)
    if trial.outcome is Outcome.SKIPPED:
        return f'      <skipped message="{_attribute(why)}"/>\n'
    if trial.outcome is Outcome.ERROR:
        return f'      <error message="{_attribute(why)}" type="error">{clean(plain(why))}</error>\n'
    if trial.outcome is Outcome.FAILED:
        return (
            f'      <failure message="{_attribute(why)}" type="assertion">{clean(plain(_reasons(trial)))}</failure>\n'
        )
    return ""


def _reasons(trial: TrialResult) -> str:
    lines = [f"Score: {trial.score:g}", f"Reason: {explanation(trial)}"]
    lines += [f"- {_type(verdict)}: {verdict.reason}" for verdict in _refusals(trial.verdicts)]
    if trial.session_id:
        lines.append(f"Session: {trial.session_id}")
    return "\n".join(lines)


def _refusals(verdicts: Iterable[Verdict]) -> Iterable[Verdict]:
    for verdict in verdicts:
        if not verdict.passed:
            yield verdict
        yield from _refusals(verdict.parts)


def _type(verdict: Verdict) -> str:
    return str(verdict.claim.raw.get("type") or verdict.claim.type) if verdict.claim else "part"


def _printed(trial: TrialResult) -> str:
    return f"      <system-out>{clean(plain(trial.printed))}</system-out>\n" if trial.printed else ""


def _troubles(result: RunResult) -> str:
    count = len(result.troubles)
    head = f'  <testsuite name="run" tests="{count}" failures="0" errors="{count}" skipped="0" time="0">\n'
    cases = "".join(
        f'    <testcase classname="run" name="{trouble.phase.value}" time="0">\n'
        f'      <error message="{_attribute(trouble.what)}" type="error">{clean(plain(str(trouble)))}</error>\n'
        "    </testcase>\n"
        for trouble in result.troubles
    )
    return f"{head}{cases}  </testsuite>\n"


def _attribute(text: str) -> str:
    return clean(one_line(text, 300))
