"""JSON Lines: one of promptfoo's rows a line, in the order in which trials ended."""

from __future__ import annotations

from typing import BinaryIO

from sojourn.encoding import encode
from sojourn.model.result import RunResult
from sojourn.model.row import row


def report(result: RunResult, out: BinaryIO) -> None:
    """Write one JSON row a trial."""
    out.writelines(encode(row(trial, result.run_id)) + b"\n" for trial in result.results)
