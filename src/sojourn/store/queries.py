"""What the viewer asks of the store: pages of tests, cells, lanes and times; never more rows than a page has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs

from sojourn.model.event import Event
from sojourn.store.runs import Head, Store

SORTS = {"test": "test", "score": "min(score)", "latency": "max(latency)", "began": "min(began)"}
_CELL = (
    "trials.number, test, prompt, repeat, outcome, score, began, ended, latency, lane, session, name,"
    " EXISTS (SELECT 1 FROM trials AS other WHERE other.run = trials.run AND other.lane = trials.lane"
    " AND other.number <> trials.number AND trials.lane <> ''), shown"
    " FROM trials JOIN gists USING (run, number) WHERE run = ?"
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which tests of a run: those with a trial of one of the outcomes, in which the text occurs, in which order.

    `sort` is a name of SORTS, with a minus in front for the other way round.
    """

    outcomes: tuple[str, ...] = ()
    text: str = ""
    sort: str = "test"
    offset: int = 0
    limit: int = 50


class Cell(msgspec.Struct, frozen=True):
    """A trial in a list; times are seconds from the run's beginning, `shown` is its gist.

    `is_shared`: others are in its lane.
    """

    number: int
    test: int
    prompt: int
    repeat: int
    outcome: str
    score: float
    began: float
    ended: float
    latency: float
    lane: str
    session: str
    name: str
    is_shared: bool
    shown: dict[str, Any]


def tests(store: Store, head: Head, wanted: Wanted) -> tuple[int, list[int]]:
    """Return how many tests of a run are wanted, and the numbers of those on the page."""
    joined, found = "", ["run = ?"]
    asked: list[Any] = [head.number]
    if wanted.text:
        joined = " JOIN words USING (run, number)"
        found.append("searched LIKE ? ESCAPE '\\'")
        asked.append(_pattern(wanted.text))
    if wanted.outcomes:
        found.append(f"outcome IN ({', '.join('?' * len(wanted.outcomes))})")
        asked += wanted.outcomes
    order = SORTS[wanted.sort.removeprefix("-")] + (" DESC" if wanted.sort.startswith("-") else "")
    query = (
        f"SELECT test, count(*) OVER () FROM trials{joined} WHERE {' AND '.join(found)}"
        f" GROUP BY test ORDER BY {order}, test LIMIT ? OFFSET ?"
    )
    page = store.ask(query, [*asked, wanted.limit, wanted.offset]).fetchall()
    if page or not wanted.offset:
        return (page[0][1] if page else 0), [test for test, _ in page]
    return tests(store, head, structs.replace(wanted, offset=0, limit=1))[0], []


def _pattern(text: str) -> str:
    escaped = text.casefold()
    for mark in ("\\", "%", "_"):
        escaped = escaped.replace(mark, f"\\{mark}")
    return f"%{escaped}%"


def cells(store: Store, head: Head, numbers: Sequence[int]) -> list[Cell]:
    """Return the trials of some tests, in the order of the plan."""
    marks = ", ".join("?" * len(numbers))
    return _cells(store.ask(f"SELECT {_CELL} AND test IN ({marks}) ORDER BY number", (head.number, *numbers)))


def lane(store: Store, head: Head, column: str, key: str, page: tuple[int, int]) -> list[Cell]:
    """Return trials of a lane, or of a session (`column`), as they ran; a page is limit and offset."""
    assert column in ("lane", "session")
    query = f"SELECT {_CELL} AND {column} = ? ORDER BY began, number LIMIT ? OFFSET ?"
    return _cells(store.ask(query, (head.number, key, *page)))


def by_time(store: Store, head: Head, page: tuple[int, int]) -> list[Cell]:
    """Return trials in the order in which they ran; a page is limit and offset."""
    chosen = "SELECT number FROM trials WHERE run = ? ORDER BY began, number LIMIT ? OFFSET ?"
    query = f"SELECT {_CELL} AND number IN ({chosen}) ORDER BY began, number"
    return _cells(store.ask(query, (head.number, head.number, *page)))


def _cells(found: Iterable[Sequence[Any]]) -> list[Cell]:
    return [Cell(*(*each[:-2], bool(each[-2]), json.loads(each[-1]))) for each in found]


def row(store: Store, head: Head, number: int) -> tuple[Cell, dict[str, Any]] | None:
    """Return a trial with its whole row, or None where there is none of this number."""
    found = _cells(store.ask(f"SELECT {_CELL} AND number = ?", (head.number, number)))
    text = store.ask("SELECT row FROM rows WHERE run = ? AND number = ?", (head.number, number)).fetchone()
    return (found[0], json.loads(text[0])) if found and text else None


def around(store: Store, head: Head, number: int) -> tuple[int | None, int | None]:
    """Return the numbers of the trials before and after one."""
    query = "SELECT (SELECT max(number) FROM trials WHERE run = ?1 AND number < ?2),"
    query += " (SELECT min(number) FROM trials WHERE run = ?1 AND number > ?2)"
    before, after = store.ask(query, (head.number, number)).fetchone()
    return before, after


def events_between(store: Store, head: Head, span: tuple[float, float]) -> Iterator[Event]:
    """Yield what happened within a span, and all of what happened to sessions that were there meanwhile."""
    query = (
        "SELECT at, what, session, tag, trial FROM events WHERE run = ?1 AND ((tag = '' AND at BETWEEN ?2 AND ?3)"
        " OR tag IN (SELECT tag FROM events WHERE run = ?1 AND tag <> '' GROUP BY tag"
        " HAVING min(at) <= ?3 AND max(at) >= ?2)) ORDER BY number"
    )
    for at, what, session, tag, trial in store.ask(query, (head.number, *span)):
        yield Event(at=at, what=what, session=session, tag=tag, trial=trial)


def count(store: Store, head: Head) -> int:
    """Return how many trials of a run are done."""
    found: int = store.ask("SELECT count(*) FROM trials WHERE run = ?", (head.number,)).fetchone()[0]
    return found


def numbers(store: Store, head: Head, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return the numbers of trials that are named by test and column."""
    query = "SELECT number FROM trials WHERE run = ? AND test = ? AND prompt = ?"
    found = {place: store.ask(query, (head.number, *place)).fetchone() for place in set(places)}
    return {place: row[0] for place, row in found.items() if row is not None}


def by_column(store: Store, head: Head) -> dict[int, dict[str, Any]]:
    """Return for each column its outcomes so far, and the mean of its latencies in milliseconds."""
    query = "SELECT prompt, outcome, count(*), sum(latency) FROM trials WHERE run = ? GROUP BY prompt, outcome"
    found: dict[int, dict[str, Any]] = {}
    for prompt, outcome, counted, latency in store.ask(query, (head.number,)):
        told = found.setdefault(prompt, {"outcomes": {}, "latency": 0.0})
        told["outcomes"][outcome] = counted
        told["latency"] += latency
    for told in found.values():
        told["latency"] /= sum(told["outcomes"].values())
    return found
