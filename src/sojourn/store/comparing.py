"""What changed between two stored runs, a page at a time, without reading their rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from sojourn.model.diff import Change, paired_columns
from sojourn.store.counting import count_as_one
from sojourn.store.pairing import pair
from sojourn.store.runs import Head, Store


class Side(msgspec.Struct, frozen=True):
    """A trial of one of the runs, in a list; or the repeats of a test that count as one, by the first of them."""

    number: int
    outcome: str
    score: float
    shown: dict[str, Any]


class Twins(msgspec.Struct, frozen=True):
    """The same trial in an earlier and a later run, one of which may not have it; `column` is the earlier run's."""

    change: str
    name: str
    column: int
    before: Side | None
    after: Side | None


def compare(
    store: Store, before: Head, after: Head, changes: Sequence[str], page: tuple[int, int]
) -> tuple[dict[str, int], list[Twins]]:
    """Return how many trials changed in which way, and a page (limit, offset) of those asked for, the worst first.

    Repeats that count as one are one trial: they are told as a whole, and each repeat that changed beside it.
    """
    documents = store.document(before), store.document(after)
    runs = before.number, after.number
    pair(store, *runs, paired_columns(*map(_columns, documents)))
    if any(not head.is_over or _repeats(document) for head, document in zip((before, after), documents, strict=True)):
        count_as_one(store, *runs)
    counts = dict(store.ask("SELECT change, count(*) FROM pairs GROUP BY change").fetchall())
    chosen = [change for change in Change if change.value in changes]
    rank = " ".join(f"WHEN '{change.value}' THEN {place}" for place, change in enumerate(Change))
    marks = ", ".join("?" * len(chosen))
    query = (
        f"SELECT change, col, before, after, told FROM pairs WHERE change IN ({marks})"
        f" ORDER BY CASE change {rank} END, test, col LIMIT ? OFFSET ?"
    )
    found = store.ask(query, [*(change.value for change in chosen), *page]).fetchall()
    return counts, [_twins(store, (before, after), each) for each in found]


def earlier(store: Store, after: Head) -> Head | None:
    """Return the run to compare one with: the newest whole one before it of its folder that shares tests with it.

    One of the same configuration files and the same choice of tests (filters, shard) goes before others.
    """
    asked = store.asked(after)
    found = None
    for head in store.heads():
        told = store.asked(head) if head.number < after.number and head.is_over else {}
        is_like = bool(told) and _choice(told) == _choice(asked)
        if told and told["folder"] == asked["folder"] and (is_like or found is None) and _share(store, head, after):
            if is_like:
                return head
            found = head
    return found


def _choice(asked: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return of which files a run was made, and what of them was run."""
    flags = asked["flags"].items()
    return asked["config"], {name: value for name, value in flags if name.startswith(("filter", "shard")) and value}


def _share(store: Store, one: Head, other: Head) -> bool:
    """Whether two runs have a test in common."""
    query = "SELECT 1 FROM gists WHERE run = ? AND twin IN (SELECT twin FROM gists WHERE run = ?) LIMIT 1"
    return store.ask(query, (one.number, other.number)).fetchone() is not None


def _twins(store: Store, heads: tuple[Head, Head], pair: Sequence[Any]) -> Twins:
    change, column, old, new, told = pair
    more = json.loads(told or "{}")
    before, after = (_side(store, head, number) for head, number in zip(heads, (old, new), strict=True))
    name = more.get("name") or next(side[0] for side in (after, before) if side)
    if "repeat" in more:
        name = f"{name}, repeat {more['repeat']}"
    return Twins(change, name, column, _told(before, more.get("before")), _told(after, more.get("after")))


def _told(side: tuple[str, Side] | None, counted: Sequence[Any] | None) -> Side | None:
    """Return a side as it is told: as it is, or as what all of a test's repeats came to."""
    if side is None or counted is None:
        return side and side[1]
    outcome, score, reason = counted
    return structs.replace(
        side[1], outcome=outcome, score=score, shown={**side[1].shown, "output": "", "reason": reason}
    )


def _side(store: Store, head: Head, number: int | None) -> tuple[str, Side] | None:
    """Return the name of a trial, and the trial."""
    if number is None:
        return None
    query = "SELECT name, outcome, score, shown FROM trials JOIN gists USING (run, number) WHERE run = ? AND number = ?"
    name, outcome, score, shown = store.ask(query, (head.number, number)).fetchone()
    return name, Side(number, outcome, score, json.loads(shown))


def _columns(document: Mapping[str, Any]) -> Mapping[int, tuple[str, str]]:
    prompts = document["results"]["prompts"]
    return {place: (str(each.get("provider")), str(each.get("label"))) for place, each in enumerate(prompts)}


def _repeats(document: Mapping[str, Any]) -> Sequence[Any]:
    """Return what a run that is over says of repeats that count as one."""
    found: Sequence[Any] = (document.get("sojourn") or {}).get("repeats") or ()
    return found
