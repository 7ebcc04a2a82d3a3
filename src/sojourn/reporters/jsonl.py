"""JSON Lines: one of promptfoo's rows a line, in the order in which trials ended."""

from __future__ import annotations

from typing import BinaryIO

from sojourn.model.run_result import RunResult
from sojourn.reporters.row_text import row_texts


def report(result: RunResult, out: BinaryIO) -> None:
    """Write one JSON row a trial."""
    out.writelines(text + b"\n" for text in row_texts(result))
