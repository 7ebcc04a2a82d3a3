"""What is kept of rows for lists, searches and comparisons, so that the rows themselves are read one by one only."""

from __future__ import annotations

from typing import Any

from sojourn.encoding import encode, writable
from sojourn.model.gist import gist
from sojourn.model.grading import Row


def gist_row(run: int | None, number: int, made: Row) -> tuple[Any, ...]:
    """Return what `schema.GIST` writes down of a trial with this row."""
    told = gist(made)
    return run, number, told.twin, told.answer, encode(told.shown).decode(), writable(told.searched)
