"""JUnit XML, as CI systems read it: one suite a column, one case a test, with the reasons of what did not pass.

The repeats of a test that says how many of them must pass are one case. What broke the run as a whole (a beforeAll, an
afterAll) is an error in a suite of its own. Lane and session of a case are its properties.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from sojourn.drawing.plain import one_line, plain
from sojourn.model.counting import counted
from sojourn.model.repeats import Repeats, repeats
from sojourn.model.result import Outcome, TrialResult, Trouble
from sojourn.model.row import explanation
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import refusals, refused, rows
from sojourn.reporters.xml_file import clean

_TAGS = {Outcome.FAILED: ("failure", "assertion"), Outcome.ERROR: ("error", "error")}


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    outcome: Outcome
    why: str = ""
    details: str = ""
    shown: str = ""
    seconds: float = 0
    properties: tuple[tuple[str, str], ...] = ()


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the run as JUnit XML."""
    cases = _cases(result)
    suites = [
        (f"[{column.provider.name}] prompt {number}", cases[column.index])
        for number, column in enumerate(result.columns, 1)
    ]
    broken = [_broken(trouble) for trouble in result.troubles]
    if result.unrun:
        what = f"not run: {counted(result.unrun, 'trial')}" + (
            f", stopped by {result.stopped}" if result.stopped else ""
        )
        broken.append(_Case(name="the run did not come to its end", outcome=Outcome.ERROR, why=what, details=what))
    if broken:
        suites.append(("run", broken))
    totals = _counts(case for _, cases in suites for case in cases)
    out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(f'<testsuites name="sojourn" {totals} time="{result.duration_ms / 1000:.3f}">\n'.encode())
    for name, found in suites:
        out.writelines(line.encode() for line in _suite(clean(plain(name)), found, result.created))
    out.write(b"</testsuites>\n")


def _cases(result: RunResult) -> dict[int, list[_Case]]:
    """Return each column's cases in file order."""
    groups = {each.trial.index: group for group in repeats(result) for each in group.results}
    cases: dict[int, list[_Case]] = {column.index: [] for column in result.columns}
    for test in rows(result):
        for index, trial in test.cells.items():
            group = groups.get(trial.trial.index)
            if group is None:
                cases[index].append(_case(test.name, trial))
            elif group.first.index == trial.trial.index:
                cases[index].append(_repeated(test.name, group))
    return cases


def _case(name: str, trial: TrialResult) -> _Case:
    return _Case(
        name=name,
        outcome=trial.outcome,
        why=explanation(trial),
        details=_reasons(trial) if trial.outcome is Outcome.FAILED else explanation(trial),
        shown=_shown(trial),
        seconds=trial.latency_ms / 1000,
        properties=_properties([trial]),
    )


def _repeated(name: str, group: Repeats) -> _Case:
    bad = [each for each in group.results if not each.passed]
    told = [f"{_repeat(each)}: {each.outcome.value}: {_reasons(each)}" for each in bad]
    passed = Outcome.PASSED if group.judged else Outcome.SKIPPED
    failed = Outcome.FAILED if any(each.outcome is Outcome.FAILED for each in bad) else Outcome.ERROR
    shown = [str(group), *told] if group.is_enough else []
    shown += [f"{_repeat(each)}:\n{text}" for each in group.results if (text := _shown(each))]
    return _Case(
        name=name,
        outcome=passed if group.is_enough else failed,
        why=str(group),
        details="\n\n".join([str(group), *told]),
        shown="\n".join(shown),
        seconds=sum(each.latency_ms for each in group.results) / 1000,
        properties=(*_properties(group.results), ("repeats", str(group))),
    )


def _repeat(trial: TrialResult) -> str:
    turn = f", turn {trial.trial.turn}" if trial.trial.turn else ""
    return f"repeat {trial.trial.repeat + 1}{turn}"


def _broken(trouble: Trouble) -> _Case:
    return _Case(name=trouble.phase.value, outcome=Outcome.ERROR, why=trouble.what, details=str(trouble))


def _properties(trials: Iterable[TrialResult]) -> tuple[tuple[str, str], ...]:
    """Return the lanes and sessions of trials, each once."""
    found = [("lane", each.trial.lane) for each in trials] + [("session", each.session_id) for each in trials]
    return tuple(dict.fromkeys(pair for pair in found if pair[1]))


def _counts(cases: Iterable[_Case]) -> str:
    outcomes = [case.outcome for case in cases]
    return (
        f'tests="{len(outcomes)}" failures="{outcomes.count(Outcome.FAILED)}" '
        f'errors="{outcomes.count(Outcome.ERROR)}" skipped="{outcomes.count(Outcome.SKIPPED)}"'
    )


def _suite(name: str, cases: list[_Case], created: str) -> Iterator[str]:
    seconds = sum(case.seconds for case in cases)
    yield f'  <testsuite name="{name}" {_counts(cases)} time="{seconds:.3f}" timestamp="{clean(created)}">\n'
    for case in cases:
        inner = "".join(_inner(case))
        head = f'    <testcase classname="{name}" name="{_attribute(case.name)}" time="{case.seconds:.3f}"'
        yield f"{head}>\n{inner}    </testcase>\n" if inner else f"{head}/>\n"
    yield "  </testsuite>\n"


def _inner(case: _Case) -> Iterator[str]:
    if case.properties:
        told = "".join(f'<property name="{name}" value="{_attribute(value)}"/>' for name, value in case.properties)
        yield f"      <properties>{told}</properties>\n"
    if case.outcome is Outcome.SKIPPED:
        yield f'      <skipped message="{_attribute(case.why)}"/>\n'
    elif case.outcome in _TAGS:
        tag, kind = _TAGS[case.outcome]
        yield f'      <{tag} message="{_attribute(case.why)}" type="{kind}">{clean(plain(case.details))}</{tag}>\n'
    if case.shown:
        yield f"      <system-out>{clean(plain(case.shown))}</system-out>\n"


def _reasons(trial: TrialResult) -> str:
    lines = [f"Score: {trial.score:g}", f"Reason: {explanation(trial)}"]
    lines += map(refused, refusals(trial.verdicts))
    if trial.session_id:
        lines.append(f"Session: {trial.session_id}")
    return "\n".join(lines)


def _shown(trial: TrialResult) -> str:
    """Return what was printed, and what was left unclean."""
    return trial.printed + "".join(f"unclean: {note}\n" for note in trial.notes)


def _attribute(text: str) -> str:
    return clean(one_line(text, 300))
