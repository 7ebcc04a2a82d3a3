"""A run as a notebook and a data scientist want it: a table that shows itself, a data frame."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Self

from msgspec import structs

from sojourn.drawing.plain import one_line
from sojourn.errors import UsageError
from sojourn.model.records import COLUMNS, records
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.row import explanation
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import WORDS, heading, how_many, output

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 50
MOST_CELL = 200


class ShownRun(RunResult, kw_only=True):
    """What came of a run, which a notebook shows as a table, and which can become a data frame."""

    @classmethod
    def of(cls, result: RunResult) -> Self:
        """Return a result as one that shows itself."""
        return cls(**structs.asdict(result))

    def __repr__(self) -> str:
        counts = ", ".join(how_many(outcome, self.count(outcome)) for outcome in Outcome)
        return f"<run {self.run_id}: {counts}>"

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas data frame with a row a trial; raises UsageError where pandas is not installed."""
        try:
            import pandas as pd
        except ImportError as error:
            raise UsageError("to_frame() needs pandas", todo="pip install 'sojourn[pandas]'") from error
        found = list(records(self))
        columns = list(dict.fromkeys([*COLUMNS, *(name for record in found for name in record)]))
        return pd.DataFrame.from_records(found, columns=columns)

    def _repr_html_(self) -> str:
        return "".join(_table(self))


def _table(result: RunResult) -> Iterator[str]:
    """Yield a small table of the trials, those that did not pass first; whatever strangers wrote is escaped."""
    counts = ", ".join(how_many(outcome, result.count(outcome)) for outcome in Outcome)
    yield f"<p><b>{_text(result.plan.suite.description or 'Evaluation')}</b>: {counts}"
    yield f" in {result.duration_ms / 1000:.1f} s</p><table><thead><tr>"
    yield "".join(f"<th>{name}</th>" for name in ("", "test", "provider and prompt", "score", "answer", "reason", "ms"))
    yield "</tr></thead><tbody>"
    told = sorted(result.results, key=lambda each: (each.passed, each.trial.index))
    yield from map(_row, told[:MOST_ROWS])
    yield "</tbody></table>"
    if len(told) > MOST_ROWS:
        yield f"<p>… and {len(told) - MOST_ROWS} more; to_frame() has them all</p>"


def _row(each: TrialResult) -> str:
    repeat = f" (repeat {each.trial.repeat + 1})" if each.trial.repeat else ""
    cells = [WORDS[each.outcome], each.trial.name + repeat, heading(each.trial.column), f"{each.score:.2f}"]
    cells += [output(each), explanation(each), f"{each.latency_ms:.0f}"]
    return f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>"


def _text(content: str) -> str:
    return escape(one_line(content, MOST_CELL))
