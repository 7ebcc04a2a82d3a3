"""CSV in promptfoo's shape: one row a test; each column has output, status, score, metrics and reason.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it, and what would colour a
terminal or turn text round is left out.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from typing import Any, BinaryIO

from sojourn.drawing.plain import plain
from sojourn.encoding import encode, writable
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.row import explanation
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import WORDS, TestRow, heading, output, rows, text

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the run as a table."""
    names = result.results.tally.variables
    metrics = _metrics(result)
    described = result.results.tally.is_described
    write = csv.writer(codecs.getwriter("utf-8")(out), lineterminator="\n").writerow
    write(map(_safe, (*(["Description"] if described else []), *_header(result, names, metrics))))
    for test in rows(result):
        write(map(_safe, (*([test.description] if described else []), *_line(result, test, names, metrics))))


def _metrics(result: RunResult) -> dict[int, list[str]]:
    tally = result.results.tally
    return {column.index: sorted(tally.column(column.index).named_scores) for column in result.columns}


def _header(result: RunResult, names: list[str], metrics: dict[int, list[str]]) -> Iterator[str]:
    yield from names
    for column in result.columns:
        yield from (heading(column), "Status", "Score", "Named Scores")
        yield from (f"Metric: {name}" for name in metrics[column.index])
        yield from ("Grader Reason", "Comment")


def _line(result: RunResult, test: TestRow, names: list[str], metrics: dict[int, list[str]]) -> Iterator[str]:
    yield from (text(test.vars.get(name)) for name in names)
    for column in result.columns:
        yield from _cell(test.cells.get(column.index), metrics[column.index])


def _cell(trial: TrialResult | None, metrics: list[str]) -> Iterator[str]:
    if trial is None:
        yield from [""] * (6 + len(metrics))
        return
    yield output(trial)
    yield WORDS[trial.outcome]
    yield f"{trial.score:.2f}"
    yield encode(trial.named_scores).decode() if trial.named_scores else ""
    for name in metrics:
        score: Any = trial.named_scores.get(name)
        yield "" if score is None else f"{score:.2f}"
    yield trial.reason if trial.outcome is Outcome.PASSED else explanation(trial)
    yield ""


def _safe(cell: str) -> str:
    cell = plain(writable(cell).replace("\r\n", "\n").replace("\r", "\n"))  # a lone \r would end the row
    if cell.startswith(_FORMULA_STARTS) and not _is_number(cell):
        return "'" + cell
    return cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
