"""What the terminal shows of a finished run: a table, or a line a trial where nobody can see one, and the summary.

Colours and the table need a terminal; a pipe or a log file gets plain lines. Whatever strangers wrote is shown as
text: no markup, no escape sequences, no marks that turn text round.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from sojourn.drawing.plain import one_line, plain
from sojourn.model.counting import counted
from sojourn.model.document import sessions
from sojourn.model.plan import Trial
from sojourn.model.repeats import pass_rate, repeats
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import WORDS, TestRow, count_rows, heading, how_many, output, rows, text, why

MOST_ROWS = 25
MOST_CELL = 250
MOST_LINES = 100
MOST_NAMED = 5
MOST_PRINTED = 20
MOST_LINE = 1000

_COLOURS = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.ERROR: "magenta", Outcome.SKIPPED: "yellow"}
_CODES = {"green": 32, "red": 31, "magenta": 35, "yellow": 33}


def table(result: RunResult, out: TextIO) -> None:
    """Show what came of every test: as a table on a terminal, else as a line a trial."""
    if out.isatty():
        _draw(result, out)
    else:
        results = result.results
        quiet = len(results) > MOST_LINES
        shown = results.picked(sorted(results.tally.remarkable)) if quiet else results.in_order()
        _list(result, (trial for trial in shown if not (quiet and trial.passed)), out)


def problems(result: RunResult, out: TextIO) -> None:
    """Show the trials that did not pass or that printed something, a few lines each."""
    told = sorted(result.results.tally.remarkable)
    _list(result, result.results.picked(told[:MOST_ROWS]), out)
    if len(told) > MOST_ROWS:
        out.write(f"... and {len(told) - MOST_ROWS} more\n")


def summary(result: RunResult, out: TextIO) -> None:
    """Show the counts, the time, the lanes and sessions seen, races, and what broke or is unclean."""
    colour = out.isatty() and "NO_COLOR" not in os.environ
    out.write(f"\n{_counts(result, colour)} in {result.duration_ms / 1000:.2f} s\n")
    out.writelines(
        plain(line) + "\n"
        for line in (*_wanted(result), *_lanes(result), *_repeats(result), *_sessions(result), *_warnings(result))
    )


def _counts(result: RunResult, colour: bool) -> str:  # noqa: FBT001  whether the screen has colours is a fact
    told = []
    for outcome in Outcome:
        count = result.count(outcome)
        words = how_many(outcome, count)
        told.append(f"\x1b[{_CODES[_COLOURS[outcome]]}m{words}\x1b[0m" if colour and count else words)
    return ", ".join(told)


def _lanes(result: RunResult) -> Iterator[str]:
    shard = result.plan.suite.options.shard
    if shard:
        yield f"Shard {shard[0]} of {shard[1]}: {counted(len(result.plan.trials), 'trial')}"
    shared = [lane for lane in (*result.plan.first, *result.plan.lanes) if len(lane.trials) > 1]
    alike = Counter(f"{lane.why or lane.key} ({len(lane.trials)} trials)" for lane in shared)
    named = [f"{many} x {name}" if many > 1 else name for name, many in alike.items()]
    if named:
        yield f"Lanes: {len(shared)} in order: {_some(named)}"
    if result.learnt:
        yield f"Lanes learnt: {result.learnt}"


def _wanted(result: RunResult) -> Iterator[str]:
    wanted = result.plan.suite.options.pass_rate
    if wanted != 100:
        yield f"Pass rate: {pass_rate(result):.1f} %, {wanted:g} % wanted"


def _repeats(result: RunResult) -> Iterator[str]:
    found = sorted((group for group in repeats(result) if group.judged), key=lambda group: group.is_enough)
    for group in found[:MOST_ROWS]:
        word = WORDS[Outcome.PASSED if group.is_enough else Outcome.FAILED]
        column = f" {one_line(heading(group.first.column), 80)}" if len(result.columns) > 1 else ""
        yield f"Repeats: {word} {one_line(group.name, 100)}{column}: {group}"
    if len(found) > MOST_ROWS:
        yield f"Repeats: {len(found)} tests in all"


def _sessions(result: RunResult) -> Iterator[str]:
    seen = sessions(result)
    if len(seen) > MOST_NAMED:
        yield f"Sessions: {len(seen)} seen, at most {counted(max(one['trials'] for one in seen), 'trial')} in one"
    elif seen:
        named = [f"{one_line(one['sessionId'], 60)} ({counted(one['trials'], 'trial')})" for one in seen]
        yield f"Sessions: {len(seen)} seen: {_some(named)}"


def _some(named: list[str]) -> str:
    rest = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _warnings(result: RunResult) -> Iterator[str]:
    for race in result.races[:MOST_NAMED]:
        pair = f"{_called(race.first, result)} and {_called(race.second, result)}"
        yield f"Session race: {pair} used session {one_line(race.session_id, 60)} at the same time"
    if len(result.races) > MOST_NAMED:
        yield f"Session races: {len(result.races)} in all"
    yield from (f"Session leak: {one_line(leak, 200)}" for leak in result.leaks)
    if result.plan.suite.options.shuffle is not None:
        yield f"Shuffled with seed {result.plan.suite.options.shuffle} (--shuffle {result.plan.suite.options.shuffle})"
    yield from (f"Depends on the order, or on chance: {one_line(test, 200)}" for test in result.unsteady)
    for trouble in result.troubles:
        yield f"Error ({trouble.phase.value}): {trouble}"
    for trial in result.results.picked(sorted(result.results.tally.unclean)):
        for note in trial.notes:
            yield f"Unclean ({note.phase.value}, {_called(trial.trial, result)}): {note.what}"
    if result.unrun:
        yield f"Not run: {counted(result.unrun, 'trial')}" + (
            f", stopped by {result.stopped}" if result.stopped else ""
        )


def _called(trial: Trial, result: RunResult) -> str:
    """Name a trial, with its provider and repeat where these tell it from others."""
    name = one_line(trial.name, 100)
    repeat = f" (repeat {trial.repeat + 1})" if trial.repeat else ""
    return f"{name}{repeat}" + (f" {one_line(heading(trial.column), 80)}" if len(result.columns) > 1 else "")


def _list(result: RunResult, trials: Iterable[TrialResult], out: TextIO) -> None:
    for trial in trials:
        session = f", session {one_line(trial.session_id, 60)}" if trial.session_id else ""
        called = _called(trial.trial, result)
        out.write(f"{WORDS[trial.outcome]:5} {called}  ({trial.latency_ms:.0f} ms{session})\n")
        out.writelines(f"      {line}\n" for line in _details(trial))


def _details(trial: TrialResult) -> Iterator[str]:
    if not trial.passed:
        told = why(trial)
        lines = plain(told[: MOST_PRINTED * MOST_LINE]).splitlines()[:MOST_PRINTED]
        yield from map(_short, lines)
        answer = one_line(output(trial), MOST_CELL)
        if answer:
            yield f"answered: {answer}"
    yield from _printed(trial)


def _printed(trial: TrialResult) -> Iterator[str]:
    lines = plain(trial.printed).splitlines()
    yield from (f"| {_short(line)}" for line in lines[:MOST_PRINTED])
    if len(lines) > MOST_PRINTED:
        yield f"| ... and {len(lines) - MOST_PRINTED} more lines"


def _short(line: str) -> str:
    return line if len(line) <= MOST_LINE else f"{line[:MOST_LINE]}… ({len(line) - MOST_LINE} more characters)"


def _draw(result: RunResult, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(show_lines=True)
    drawn.add_column(Text("Test"), overflow="fold")
    for column in result.columns:
        drawn.add_column(Text(one_line(heading(column), MOST_CELL)), overflow="fold")
    for test in itertools.islice(rows(result), MOST_ROWS):
        drawn.add_row(_named(test), *(_cell(test.cells.get(column.index)) for column in result.columns))
    Console(file=out, markup=False, highlight=False, emoji=False).print(drawn)
    count = count_rows(result)
    if count > MOST_ROWS:
        out.write(f"... and {count - MOST_ROWS} more tests; -o results.html writes them all\n")


def _named(test: TestRow) -> Any:
    from rich.text import Text

    made = Text(one_line(test.name, MOST_CELL))
    for name, value in test.vars.items():
        made.append(f"\n{one_line(str(name), 40)}: {one_line(text(value), MOST_CELL)}", style="dim")
    return made


def _cell(trial: TrialResult | None) -> Any:
    from rich.text import Text

    made = Text()
    if trial is None:
        return made
    made.append(WORDS[trial.outcome], style=f"bold {_COLOURS[trial.outcome]}")
    answer = plain(output(trial))
    made.append(" " + (answer if len(answer) <= MOST_CELL else answer[:MOST_CELL] + "…"))
    if not trial.passed:
        for line in why(trial).splitlines()[:MOST_NAMED]:
            made.append("\n" + one_line(line, MOST_CELL), style=_COLOURS[trial.outcome])
    if trial.session_id:
        made.append(f"\nsession {one_line(trial.session_id, 60)}", style="dim")
    for line in _printed(trial):
        made.append("\n" + line, style="dim")
    return made
