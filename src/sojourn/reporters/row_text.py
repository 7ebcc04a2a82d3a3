"""Trials' rows as JSON: as they were written into the store, or made anew."""

from __future__ import annotations

from collections.abc import Iterator

from sojourn.encoding import encode
from sojourn.model.row import row
from sojourn.model.run_result import RunResult


def row_texts(result: RunResult) -> Iterator[bytes]:
    """Yield the rows in the order in which trials ended; to make one takes longer than to read it."""
    for trial in result.results.trials():
        text = result.text(trial.index) if result.text is not None else None
        if text is None:
            [made] = result.results.picked([trial.index])
            text = encode(row(made, result.run_id))
        yield text
