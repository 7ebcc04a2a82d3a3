"""What changed between two stored runs, a page at a time, without reading their rows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sojourn.model.diff import Change, paired_columns
from sojourn.store.runs import Head, Store

_SIDE = (
    "SELECT number, test, {column} AS col, outcome, score, name, answer, twin,"
    " row_number() OVER (PARTITION BY twin, {column} ORDER BY number) AS nth"
    " FROM trials JOIN gists USING (run, number) WHERE run = {run}"
)
_CHANGE = f"""CASE WHEN a.number IS NULL THEN '{Change.NEW.value}' WHEN b.number IS NULL THEN '{Change.GONE.value}'
 WHEN a.outcome <> b.outcome THEN CASE WHEN b.outcome = 'passed' THEN '{Change.BETTER.value}'
 WHEN a.outcome = 'passed' THEN '{Change.WORSE.value}' ELSE '{Change.OTHER.value}' END
 WHEN abs(a.score - b.score) > 1e-9 THEN '{Change.SCORE.value}' WHEN a.answer <> b.answer THEN '{Change.OUTPUT.value}'
 ELSE '{Change.SAME.value}' END"""


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """A trial of one of the runs, in a list."""

    number: int
    outcome: str
    score: float
    shown: dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Twins:
    """The same trial in an earlier and a later run, one of which may not have it; `column` is the earlier run's."""

    change: str
    name: str
    column: int
    before: Side | None
    after: Side | None


def compare(
    store: Store, before: Head, after: Head, changes: Sequence[str], page: tuple[int, int]
) -> tuple[dict[str, int], list[Twins]]:
    """Return how many trials changed in which way, and a page (limit, offset) of those asked for, the worst first."""
    _pair(store, before, after)
    counts = dict(store.ask("SELECT change, count(*) FROM pairs GROUP BY change").fetchall())
    chosen = [change for change in Change if change.value in changes]
    rank = " ".join(f"WHEN '{change.value}' THEN {place}" for place, change in enumerate(Change))
    marks = ", ".join("?" * len(chosen))
    query = (
        f"SELECT change, name, col, before, after FROM pairs WHERE change IN ({marks})"
        f" ORDER BY CASE change {rank} END, test, col LIMIT ? OFFSET ?"
    )
    found = store.ask(query, [*(change.value for change in chosen), *page]).fetchall()
    return counts, [
        Twins(change, name, col, _side(store, before, old), _side(store, after, new))
        for change, name, col, old, new in found
    ]


def _pair(store: Store, before: Head, after: Head) -> None:
    """Make a passing table of all pairs: the n-th with the n-th of the same test in columns that are alike."""
    columns = paired_columns(_columns(store, before), _columns(store, after))
    cases = " ".join(f"WHEN {later} THEN {earlier}" for later, earlier in columns.items())
    mapped = f"CASE prompt {cases} ELSE prompt + 1000000 END" if cases else "prompt + 1000000"
    for name, column, head in (("a", "prompt", before), ("b", mapped, after)):
        store.ask(f"CREATE TEMP TABLE {name} AS {_SIDE.format(column=column, run=head.number)}")
        store.ask(f"CREATE INDEX temp.{name}_by_twin ON {name} (twin, col, nth)")
    told = f"{_CHANGE} AS change, coalesce(b.name, a.name) AS name, coalesce(a.col, b.col) AS col"
    told += ", coalesce(b.test, a.test) AS test, a.number AS before, b.number AS after"
    same = "ON a.twin = b.twin AND a.col = b.col AND a.nth = b.nth"
    store.ask(
        f"CREATE TEMP TABLE pairs AS SELECT {told} FROM b LEFT JOIN a {same}"
        f" UNION ALL SELECT {told} FROM a LEFT JOIN b {same} WHERE b.number IS NULL"
    )


def _columns(store: Store, head: Head) -> Mapping[int, tuple[str, str]]:
    prompts = store.document(head)["results"]["prompts"]
    return {place: (str(each.get("provider")), str(each.get("label"))) for place, each in enumerate(prompts)}


def _side(store: Store, head: Head, number: int | None) -> Side | None:
    if number is None:
        return None
    query = "SELECT outcome, score, shown FROM trials JOIN gists USING (run, number) WHERE run = ? AND number = ?"
    outcome, score, shown = store.ask(query, (head.number, number)).fetchone()
    return Side(number, outcome, score, json.loads(shown))
