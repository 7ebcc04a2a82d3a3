"""`kind: sqlite`: a database file of its own, made from another one, from a script, or empty."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from typing import Any, ClassVar


class Sqlite:
    """`connection` is open on the file `path`; every change is committed at once, so others see it by the path."""

    tells: ClassVar[tuple[str, ...]] = ("path",)
    keys: ClassVar[dict[str, Any]] = {"from": str, "script": str}

    def open(self, config: dict[str, Any], tag: str, base: str) -> None:
        """Make the database: a copy of `from`, changed by `script`."""
        self._source = os.path.join(base, config["from"]) if config.get("from") else ""
        self._script = config.get("script") or ""
        if self._source and not os.path.isfile(self._source):
            raise FileNotFoundError(f"there is no database {self._source}")
        self._connect(tag)
        try:
            self._fill()
        except BaseException:
            self.close()
            raise

    def _connect(self, tag: str) -> None:
        self._reach(_path(tag))

    def _reach(self, path: str) -> None:
        self.path = path
        self.handle = {"path": self.path}
        self._kept: sqlite3.Connection | None = None
        self.connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def _fill(self) -> None:
        source = f"file:{self._source}?mode=ro" if self._source else ":memory:"
        with contextlib.closing(sqlite3.connect(source, uri=True)) as first:
            first.backup(self.connection)
        for line, statement in _statements(self._script):
            try:
                self.connection.execute(statement)
            except sqlite3.Error as error:
                shown = statement.strip().partition("\n")[0][:200]
                raise ValueError(f"line {line} of the script, {shown!r}: {error}") from None

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        return self.connection.execute(sql, parameters)

    def look(self, expression: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        cursor = self.connection.execute(expression)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def check(self) -> bool:
        """Tell whether the database answers and is whole."""
        return bool(self.connection.execute("PRAGMA quick_check").fetchone()[0] == "ok")

    def reset(self) -> None:
        """Make it as it was opened."""
        self.connection.rollback()
        self._fill()

    def begin(self) -> None:
        """Remember all that is in it: what a trial commits, by whatever connection, is taken back, too."""
        self._kept = sqlite3.connect(":memory:", check_same_thread=False)
        self.connection.backup(self._kept)

    def rollback(self) -> None:
        """Put back what was in it."""
        assert self._kept is not None
        self.connection.rollback()
        self._kept.backup(self.connection)
        self._kept.close()
        self._kept = None

    def fork(self, tag: str) -> Sqlite:
        """Copy it, as it is, to a file of its own."""
        child = Sqlite()
        child._source, child._script = self._source, self._script
        child._connect(tag)
        self.connection.backup(child.connection)
        return child

    def attach(self, handle: dict[str, str], config: dict[str, Any], base: str) -> None:
        """Use a file that another process has made, and removes; the connection ends with this process."""
        if not os.path.isfile(handle["path"]):
            raise FileNotFoundError(f"there is no database {handle['path']}")
        self._source = os.path.join(base, config["from"]) if config.get("from") else ""
        self._script = config.get("script") or ""
        self._reach(handle["path"])

    def close(self) -> None:
        """Remove the file."""
        self.connection.close()
        _remove(self.path)

    def reclaim(self, tag: str) -> None:
        """Remove the file of a session whose process is gone."""
        _remove(_path(tag))


def _statements(script: str) -> Iterator[tuple[int, str]]:
    """Yield the statements of a script, each with the line on which it begins."""
    line, kept = 1, ""
    for part in [each + ";" for each in script.split(";")]:
        kept += part
        if sqlite3.complete_statement(kept):
            blank = len(kept) - len(kept.lstrip())
            yield line + kept[:blank].count("\n"), kept
            line, kept = line + kept.count("\n"), ""
    if kept[:-1].strip():
        yield line, kept[:-1]


def _path(tag: str) -> str:
    return os.path.join(tempfile.gettempdir(), tag.replace("/", "-").replace(":", "-") + ".sqlite")


def _remove(path: str) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)
