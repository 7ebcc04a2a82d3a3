"""SQLite files that many runs share at once: made whole or not at all, and brought up to date.

A file is made aside and linked into its place: SQLite does not wait when two make one file at once, it fails. It is
in write-ahead mode, so who reads does not wait for who writes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sojourn.errors import StoreError

PAGES = 8_000
"""Pages of 4 KB after which what was written is moved into the file proper, which costs a wait for the disk."""


def connect(file: Path, steps: Sequence[str], *, busy_s: float) -> sqlite3.Connection:
    """Open a database file, made if there is none; `steps` are the scripts that bring an empty one up to date.

    The connection commits each statement by itself (see `writing`), may be used by one thread at a time, and waits up
    to `busy_s` seconds for others. Raises sqlite3.Error, OSError, and StoreError where a newer version wrote the file.
    """
    if not file.exists():
        _make(file, steps)
    connection = _open(file, busy_s)
    try:
        _bring_up_to_date(connection, file, steps)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(file: Path, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=busy_s, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint={PAGES}")
    return connection


def _make(file: Path, steps: Sequence[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with contextlib.closing(_open(aside, 0)) as made:
            made.execute("PRAGMA journal_mode=WAL")
            _bring_up_to_date(made, aside, steps)
        with contextlib.suppress(FileExistsError):
            os.link(aside, file)
    finally:
        aside.unlink()


def _bring_up_to_date(connection: sqlite3.Connection, file: Path, steps: Sequence[str]) -> None:
    if _version(connection) == len(steps):
        return
    with writing(connection):
        version = _version(connection)
        if version > len(steps):
            raise StoreError(f"{file} was written by a newer Sojourn", todo="bring Sojourn up to date")
        for step in steps[version:]:
            for statement in step.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(steps)}")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Bracket what is written together: all of it or nothing; waits for its turn before it begins."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def together(count: int) -> int:
    """Return how many of so many rows go in by one statement: a power of two, so that it is one that is prepared."""
    return 1 << (count.bit_length() - 1)


def insert(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows by few statements, which stay prepared; `statement` is an INSERT that ends with VALUES.

    Python lets go of its lock for each statement and waits to have it back: beside a busy thread for 5 ms each time.
    """
    if not rows:
        return
    most = connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(rows[0])
    place = f"({', '.join('?' * len(rows[0]))})"
    start = 0
    while start < len(rows):
        some = rows[start : start + together(min(most, len(rows) - start))]
        connection.execute(f"{statement} {', '.join([place] * len(some))}", [*itertools.chain.from_iterable(some)])
        start += len(some)
