"""Trials' rows as JSON: as they were written into the store, or made anew."""

from __future__ import annotations

from collections.abc import Iterator

from sojourn.encoding import encode
from sojourn.model.row import row
from sojourn.model.run_result import RunResult

AT_ONCE = 100


def row_texts(result: RunResult) -> Iterator[bytes]:
    """Yield the rows in the order in which trials ended; to make one takes longer than to read it."""
    indices = [trial.index for trial in result.results.trials()]
    for start in range(0, len(indices), AT_ONCE):
        some = indices[start : start + AT_ONCE]
        written = result.texts(some)
        made = result.results.picked(index for index in some if index not in written)
        yield from (
            written[index].encode() if index in written else encode(row(next(made), result.run_id)) for index in some
        )
