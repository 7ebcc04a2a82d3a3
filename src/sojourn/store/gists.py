"""What is kept of rows for lists, searches and comparisons, so that the rows themselves are read one by one only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from sojourn.database import insert
from sojourn.encoding import encode, writable
from sojourn.model.gist import gist
from sojourn.model.grading import Row
from sojourn.store.schema import GIST, ROW, WORDS

TABLES = ("rows", "gists", "words")


class Kept:
    """The rows of some trials and what is kept of them, made ready before the store is locked to `put` them."""

    def __init__(self, run: int | None, numbered: Iterable[tuple[int, Row]]) -> None:
        self._rows, self._gists, self._words = [], [], []
        for number, made in numbered:
            told = gist(made)
            self._rows.append((run, number, encode(made).decode()))
            self._gists.append((run, number, told.twin, told.answer, encode(told.shown).decode()))
            self._words.append((run, number, writable(told.searched)))

    def put(self, store: sqlite3.Connection) -> None:
        """Write them down; the caller brackets it with `writing`."""
        insert(store, ROW, self._rows)
        insert(store, GIST, self._gists)
        insert(store, WORDS, self._words)


def drop_rows(store: sqlite3.Connection, gone: Iterable[tuple[int, int]]) -> None:
    """Remove the rows of some trials, each a run and a number, and what was kept of them."""
    told = list(gone)
    for table in TABLES:
        store.executemany(f"DELETE FROM {table} WHERE run = ? AND number = ?", told)
