"""What the store tells of runs: heads for lists, and everything of one."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from sojourn.database import insert, writing
from sojourn.encoding import encode
from sojourn.errors import StoreError
from sojourn.model.event import Event
from sojourn.model.plan import test_name
from sojourn.model.restoring import Times
from sojourn.model.result import Outcome
from sojourn.store.gists import TABLES, Kept
from sojourn.store.place import is_alive, open_store
from sojourn.store.schema import TRIAL

_HEAD = "number, id, created, description, state, expected, passed, failed, errors, skipped"


class Head(msgspec.Struct, frozen=True):
    """A run in a list: `number` is the store's own; `state` is running, killed, stopped or done."""

    number: int
    id: str
    created: str
    description: str
    state: str
    expected: int
    passed: int
    failed: int
    errors: int
    skipped: int

    @property
    def is_over(self) -> bool:
        """Whether every trial that was planned has its row."""
        return self.state == "done"


class Stored(msgspec.Struct, frozen=True):
    """A trial as it is stored: its number in the plan, what it was (`mark`), when it ran, its row."""

    number: int
    mark: str
    times: Times
    row: dict[str, Any]

    def shifted(self, origin: float) -> Stored:
        """Return the same with its times on a clock on which the run began at `origin`."""
        times = Times(began=self.times.began + origin, ended=self.times.ended + origin, session=self.times.session)
        return structs.replace(self, times=times)


class Store:
    """The store of runs, for as long as it is open; every method may raise StoreError."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._rows = open_store(home)

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    def heads(self, limit: int = -1, offset: int = 0) -> list[Head]:
        """Return runs, the newest first."""
        asked = f"SELECT {_HEAD} FROM runs ORDER BY number DESC LIMIT ? OFFSET ?"
        return [self._head(found) for found in self._rows.execute(asked, (limit, offset))]

    def head(self, name: str) -> Head:
        """Return the run with this id, or whose id is the only one to begin so; `latest` is the newest."""
        order = " ORDER BY number DESC LIMIT 2"
        if name == "latest":
            found = self._rows.execute(f"SELECT {_HEAD} FROM runs{order}").fetchmany(1)
        else:
            asked = (
                f"SELECT {_HEAD} FROM runs WHERE substr(id, 1, length(?1)) = ?1"
                f" OR substr(id, 1, length(?1) + 5) = 'eval-' || ?1{order}"
            )
            found = self._rows.execute(asked, (name,)).fetchall()
            found = [each for each in found if each[1] == name] or found
        if len(found) == 1:
            return self._head(found[0])
        if found:
            raise StoreError(f"several runs begin with {name!r}", todo="give more of the id: `sojourn list` shows them")
        if name == "latest":
            raise StoreError("no run is stored yet", todo="`sojourn eval` stores each that it makes")
        raise StoreError(f"no run {name!r} is stored", todo="`sojourn list` shows those that are")

    def _head(self, found: tuple[Any, ...]) -> Head:
        head = Head(*found)
        if head.state == "running" and not is_alive(self._home, head.number):
            head = structs.replace(head, state="killed")
        return head if head.is_over or head.state == "stopped" else self._counted(head)

    def _counted(self, head: Head) -> Head:
        """Count what a run has come to that did not end, or not yet."""
        asked = "SELECT outcome, count(*) FROM trials WHERE run = ? GROUP BY outcome"
        counts = dict(self._rows.execute(asked, (head.number,)).fetchall())
        return structs.replace(
            head,
            passed=counts.get("passed", 0),
            failed=counts.get("failed", 0),
            errors=counts.get("error", 0),
            skipped=counts.get("skipped", 0),
        )

    def asked(self, head: Head) -> dict[str, Any]:
        """Return how a run was asked for: its folder, its configuration files, its flags."""
        return self._json("asked", head)

    def document(self, head: Head) -> dict[str, Any]:
        """Return what is told of a run as a whole, as in its output file; the rows are left out."""
        return self._json("document", head)

    def _json(self, column: str, head: Head) -> dict[str, Any]:
        [text] = self._rows.execute(f"SELECT {column} FROM runs WHERE number = ?", (head.number,)).fetchone()
        told: dict[str, Any] = json.loads(text)
        return told

    def rows(self, head: Head) -> Iterator[dict[str, Any]]:
        """Yield the rows of a run in the order of the plan."""
        for [text] in self._rows.execute("SELECT row FROM rows WHERE run = ? ORDER BY number", (head.number,)):
            yield json.loads(text)

    def trials(self, head: Head) -> Iterator[Stored]:
        """Yield the trials of a run in the order of the plan."""
        asked = (
            "SELECT number, mark, began, ended, session, row FROM trials JOIN rows USING (run, number) WHERE run = ?"
            " ORDER BY number"
        )
        for number, mark, began, ended, session, text in self._rows.execute(asked, (head.number,)):
            yield Stored(number, mark, Times(began=began, ended=ended, session=session), json.loads(text))

    def passed(self, head: Head) -> float:
        """Return how many seconds of a run have passed, as far as it is known."""
        asked = (
            "SELECT max((SELECT coalesce(max(ended), 0) FROM trials WHERE run = ?1),"
            " (SELECT coalesce(max(at), 0) FROM events WHERE run = ?1))"
        )
        [passed] = self._rows.execute(asked, (head.number,)).fetchone()
        return float(passed)

    def events(self, head: Head, kinds: Sequence[str] = ()) -> list[Event]:
        """Return what happened to sessions, all or some kinds of it; times are seconds from the beginning."""
        only = f" AND what IN ({', '.join('?' * len(kinds))})" if kinds else ""
        asked = f"SELECT at, what, session, tag, trial FROM events WHERE run = ?{only} ORDER BY number"
        names = ("at", "what", "session", "tag", "trial")
        found = self._rows.execute(asked, (head.number, *kinds))
        return [Event(**dict(zip(names, each, strict=True))) for each in found]

    def has(self, name: str) -> bool:
        """Whether a run of this id is stored."""
        return self._rows.execute("SELECT 1 FROM runs WHERE id = ?", (name,)).fetchone() is not None

    def put(self, document: dict[str, Any], rows: list[dict[str, Any]], folder: str) -> None:
        """Store a whole run that was made elsewhere; raises StoreError where its id is there already."""
        name = document["evalId"]
        if self.has(name):
            raise StoreError(f"the run {name} is stored already", todo=f"`sojourn delete {name}` first")
        outcomes = Counter(row["outcome"] for row in rows)
        head = (
            name,
            document["results"]["timestamp"],
            str((document.get("config") or {}).get("description") or ""),
            json.dumps({"folder": folder, "config": [], "flags": {}}),
            encode(document).decode(),
            len(rows),
            *(outcomes[outcome.value] for outcome in Outcome),
        )
        with writing(self._rows):
            number = self._rows.execute(
                "INSERT INTO runs (id, created, description, state, asked, document, expected, passed, failed, errors,"
                " skipped) VALUES (?, ?, ?, 'done', ?, ?, ?, ?, ?, ?, ?)",
                head,
            ).lastrowid
            insert(self._rows, TRIAL, [_trial(number, place, row) for place, row in enumerate(rows)])
            Kept(number, enumerate(rows)).put(self._rows)

    def ask(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Ask the tables themselves; only to read."""
        return self._rows.execute(query, values)

    def delete(self, head: Head) -> None:
        """Forget a run; raises StoreError where it is still going on."""
        if head.state == "running" or is_alive(self._home, head.number):
            raise StoreError(f"the run {head.id} is still going on, or being read", todo="stop it first")
        with writing(self._rows):
            for table in ("trials", "events", *TABLES):
                self._rows.execute(f"DELETE FROM {table} WHERE run = ?", (head.number,))
            self._rows.execute("DELETE FROM runs WHERE number = ?", (head.number,))


def told(error: sqlite3.Error) -> StoreError:
    """Say that the store cannot be read."""
    return StoreError(f"the store of runs cannot be read: {error}")


def _trial(run: int | None, number: int, row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what lists show of a row that was made elsewhere: when it ran is not known."""
    name = test_name(row.get("description") or "", row.get("testNumber", row["testIdx"]), row.get("variant", ""))
    session = row["metadata"].get("sessionId") or ""
    place = (run, number, row["testIdx"], row["promptIdx"], row["repeatIndex"], row["outcome"], row["score"])
    return (*place, 0, 0, row["latencyMs"], row.get("lane", ""), str(session), name, "")
