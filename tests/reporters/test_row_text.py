"""Rows in JSON: those that are written already are read many at a time, the others are made."""

from __future__ import annotations

from collections.abc import Sequence

from sojourn.encoding import encode
from sojourn.model.row import row
from sojourn.reporters.row_text import row_texts
from tests.conftest import make_run, make_trial


def test_rows_come_as_trials_ended_written_or_not() -> None:
    """In whatever order trials ended, each row is its own; the store is asked a few times, not once for each."""
    order = [n * 7 % 250 for n in range(250)]
    asked: list[int] = []

    def texts(numbers: Sequence[int]) -> dict[int, str]:
        asked.append(len(numbers))
        return {number: f"row {number}" for number in numbers if number % 3}

    run = make_run(*(make_trial(n) for n in order), texts=texts)
    made = {each.trial.index: encode(row(each, run.run_id)) for each in run.results}
    assert [*row_texts(run)] == [f"row {n}".encode() if n % 3 else made[n] for n in order]
    assert asked == [100, 100, 50]
