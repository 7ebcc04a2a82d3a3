"""A trial's row as JSON: as it was written into the store, or made anew."""

from __future__ import annotations

from sojourn.encoding import encode
from sojourn.model.result import RunResult, TrialResult
from sojourn.model.row import row


def row_text(result: RunResult, trial: TrialResult) -> bytes:
    """Return the row; to make one takes longer than to read it."""
    written = result.text(trial.trial.index) if result.text is not None else None
    return written if written is not None else encode(row(trial, result.run_id))
