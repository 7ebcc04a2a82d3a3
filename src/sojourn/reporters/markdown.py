"""Markdown for pull requests and for the summary of a GitHub job: what came of the run, and why what did not pass.

Whatever strangers wrote stands in code, with every mark that Markdown or HTML knows written as a number, so that it
is shown as text, mentions nobody and links nowhere. What does not fit is left out, the least important last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from html import escape
from statistics import median
from typing import BinaryIO

from sojourn.drawing.plain import one_line, plain
from sojourn.model.counting import counted
from sojourn.model.ending import exit_code
from sojourn.model.plan import Column
from sojourn.model.repeats import pass_rate, repeats
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import WORDS, heading, how_many, output, why

COMMENT = 65_000
"""Bytes; a comment on a pull request takes 65,536 characters."""

SUMMARY = 1024 * 1024
"""Bytes that GitHub takes as the summary of one step; a longer one is dropped as a whole."""

MOST_TEXT = 2_000
_MARKS = {Outcome.PASSED: "✅", Outcome.FAILED: "❌", Outcome.ERROR: "⚠️", Outcome.SKIPPED: "⏭️"}
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_LEFT_OUT = "\n*The rest does not fit here and is left out.*\n"


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the run as Markdown, as much of it as a comment can hold."""
    out.writelines(_fitting(_parts(result), COMMENT))


def append_summary(result: RunResult, path: str) -> None:
    """Append the run to the summary of a GitHub job, as much of it as still fits; raises OSError."""
    written = os.path.getsize(path) if os.path.exists(path) else 0
    with open(path, "ab") as out:
        out.writelines(_fitting(_parts(result), SUMMARY - written))


def _fitting(parts: Iterable[str], room: int) -> Iterator[bytes]:
    """Yield whole parts, as many as there is room for, and say where some are left out."""
    room -= len(_LEFT_OUT)
    for part in parts:
        data = part.encode()
        if len(data) > room:
            if room >= 0:
                yield _LEFT_OUT.encode()
            return
        room -= len(data)
        yield data


def _parts(result: RunResult) -> Iterator[str]:
    yield "".join(_head(result))
    yield from _facts(result)
    enough = [group for group in repeats(result) if group.judged and group.is_enough]
    spare = {each.trial.index for group in enough for each in group.results}
    left = [each for each in result.results.picked(sorted(result.results.tally.remarkable)) if not each.passed]
    left.sort(key=lambda each: each.outcome is Outcome.SKIPPED)
    for title, told in (
        ("Not passed", [each for each in left if each.trial.index not in spare]),
        ("Repeats that did not pass, of tests that did", [each for each in left if each.trial.index in spare]),
    ):
        if told:
            yield f"\n### {title}\n\n"
            yield from (_details(result, each) for each in told)


def _head(result: RunResult) -> Iterator[str]:
    counts = ", ".join(how_many(outcome, result.count(outcome)) for outcome in Outcome)
    title = _code(result.plan.suite.description or "Evaluation")
    yield f"\n## {_MARKS[Outcome.FAILED if exit_code(result) else Outcome.PASSED]} {title}\n\n"
    yield f"**{counts}** in {result.duration_ms / 1000:.1f} s, Sojourn run {_code(result.run_id)}\n\n"
    yield "| provider and prompt | passed | failed | errors | skipped | median time |\n"
    yield "|---|--:|--:|--:|--:|--:|\n"
    times: dict[int, list[float]] = {column.index: [] for column in result.columns}
    for each in result.results:
        times[each.trial.column.index].append(each.latency_ms)
    for column in result.columns:
        yield _column(result, column, times[column.index])


def _column(result: RunResult, column: Column, times: list[float]) -> str:
    came = result.results.tally.column(column.index).outcomes
    counts = [str(came[outcome.value]) for outcome in Outcome]
    time = f"{median(times):.0f} ms" if times else ""
    return f"| {_code(heading(column))} | {' | '.join(counts)} | {time} |\n"


def _facts(result: RunResult) -> Iterator[str]:
    """Yield what is to be known besides the trials, a line each."""
    yield "\n"
    for trouble in result.troubles:
        yield f"- ⚠️ {trouble.phase.value}: {_code(str(trouble))}\n"
    wanted = result.plan.suite.options.pass_rate
    if wanted != 100:
        rate = pass_rate(result)
        mark = _MARKS[Outcome.PASSED if rate >= wanted else Outcome.FAILED]
        yield f"- {mark} pass rate: {rate:.1f} %, {wanted:g} % wanted\n"
    for group in repeats(result):
        if not group.judged:
            continue
        mark = _MARKS[Outcome.PASSED if group.is_enough else Outcome.FAILED]
        yield f"- {mark} {_code(group.name)} {_code(heading(group.first.column))}: {group}\n"
    for race in result.races:
        pair = " and ".join(_code(trial.name) for trial in (race.first, race.second))
        yield f"- ⚠️ session race: {pair} used {_code(race.session_id)} at the same time\n"
    yield from (f"- ⚠️ session leak: {_code(leak)}\n" for leak in result.leaks)
    yield from (f"- depends on the order, or on chance: {_code(test)}\n" for test in result.unsteady)
    if result.unrun:
        yield f"- ⚠️ not run: {counted(result.unrun, 'trial')}\n"


def _details(result: RunResult, trial: TrialResult) -> str:
    """Return a trial that did not pass, to be opened: why, what was answered, what was printed."""
    column = f" {_code(heading(trial.trial.column))}" if len(result.columns) > 1 else ""
    repeat = f" (repeat {trial.trial.repeat + 1})" if trial.trial.repeat else ""
    head = f"{_MARKS[trial.outcome]} {WORDS[trial.outcome]} {_code(trial.trial.name)}{repeat}{column}"
    blocks = [("", why(trial)), ("answered", output(trial)), ("printed", trial.printed)]
    if trial.session_id:
        blocks.append(("session", trial.session_id))
    told = "".join(_block(name, text) for name, text in blocks if text)
    return f"<details><summary>{head}</summary>\n\n{told}</details>\n\n"


def _block(name: str, text: str) -> str:
    """Return a text as it is: nothing in a `pre` is Markdown, whatever lines it has."""
    shown = plain(text)
    cut = "…" if len(shown) > MOST_TEXT else ""
    return (f"{name}:\n\n" if name else "") + f"<pre>{escape(shown[:MOST_TEXT])}{cut}</pre>\n\n"


def _code(text: str) -> str:
    return f"<code>{_PUNCTUATION.sub(lambda mark: f'&#{ord(mark[0])};', one_line(text, 200))}</code>"
