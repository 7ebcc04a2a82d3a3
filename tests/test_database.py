"""Database files that many runs share."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.database import connect, insert, together, writing
from sojourn.errors import StoreError

FIRST = "CREATE TABLE words (word TEXT)"
SECOND = "ALTER TABLE words ADD COLUMN length INTEGER; UPDATE words SET length = length(word)"


@pytest.mark.parametrize("number", range(20))
def test_all_who_make_it_at_once_write_into_one_file(tmp_path: Path, number: int) -> None:
    """A file that several make at the same moment is one file, and none of them is refused."""
    file = tmp_path / "deep" / f"{number}.sqlite"
    at_once = threading.Barrier(8)

    def write(word: int) -> None:
        at_once.wait()
        with contextlib.closing(connect(file, [FIRST], busy_s=30)) as words:
            words.execute("INSERT INTO words VALUES (?)", (str(word),))

    with ThreadPoolExecutor(8) as crew:
        list(crew.map(write, range(8)))

    with contextlib.closing(connect(file, [FIRST], busy_s=0)) as words:
        assert words.execute("SELECT count(*) FROM words").fetchone() == (8,)
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []
    assert file.stat().st_mode & 0o077 == 0


def test_an_older_file_is_brought_up_to_date_once(tmp_path: Path) -> None:
    """What an earlier version wrote is kept and gets what is new, however many open it at once."""
    file = tmp_path / "words.sqlite"
    with contextlib.closing(connect(file, [FIRST], busy_s=0)) as words:
        words.execute("INSERT INTO words VALUES ('sojourn')")

    def look(_: int) -> list[tuple[str, int]]:
        with contextlib.closing(connect(file, [FIRST, SECOND], busy_s=30)) as words:
            return words.execute("SELECT * FROM words").fetchall()

    with ThreadPoolExecutor(8) as crew:
        assert list(crew.map(look, range(8))) == [[("sojourn", 7)]] * 8


def test_a_newer_file_is_refused_untouched(tmp_path: Path) -> None:
    """A file of a newer version is not written to: the error says what to do."""
    file = tmp_path / "words.sqlite"
    connect(file, [FIRST, SECOND], busy_s=0).close()
    with pytest.raises(StoreError, match=r"newer Sojourn \(bring Sojourn up to date\)"):
        connect(file, [FIRST], busy_s=0)


def test_what_breaks_in_between_leaves_nothing(tmp_path: Path) -> None:
    """What is written together is there whole or not at all."""
    with contextlib.closing(connect(tmp_path / "words.sqlite", [FIRST], busy_s=0)) as words:
        with pytest.raises(sqlite3.Error):
            _write_half(words)
        assert words.execute("SELECT count(*) FROM words").fetchone() == (0,)


def _write_half(words: sqlite3.Connection) -> None:
    with writing(words):
        words.execute("INSERT INTO words VALUES ('half')")
        words.execute("INSERT INTO nowhere VALUES ('half')")


@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=3)), max_size=40), st.integers(2, 12))
def test_many_rows_are_inserted_by_few_statements(rows: list[tuple[int, str]], limit: int) -> None:
    """All rows are there in order, by few statements of 1, 2, 4, 8 ... rows, which stay prepared."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (n INTEGER, word TEXT)")
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)
        said: list[str] = []
        connection.set_trace_callback(said.append)
        insert(connection, "INSERT INTO t VALUES", rows)
        connection.set_trace_callback(None)

        most = together(limit // 2)
        rest = [1 << bit for bit in range(5, -1, -1) if len(rows) % most >> bit & 1]
        assert [told.count("), (") + 1 for told in said] == [most] * (len(rows) // most) + rest
        assert connection.execute("SELECT n, word FROM t ORDER BY rowid").fetchall() == rows
