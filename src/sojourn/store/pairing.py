"""Pairs the trials of two stored runs in a passing table, `pairs`, which tells how each changed."""

from __future__ import annotations

from collections.abc import Mapping

from sojourn.model.diff import Change
from sojourn.store.runs import Store

CHANGE = f"""CASE WHEN a.number IS NULL THEN '{Change.NEW.value}' WHEN b.number IS NULL THEN '{Change.GONE.value}'
 WHEN a.outcome <> b.outcome THEN CASE WHEN b.outcome = 'passed' THEN '{Change.BETTER.value}'
 WHEN a.outcome = 'passed' THEN '{Change.WORSE.value}' ELSE '{Change.OTHER.value}' END
 WHEN abs(a.score - b.score) > 1e-9 THEN '{Change.SCORE.value}' WHEN a.answer <> b.answer THEN '{Change.OUTPUT.value}'
 ELSE '{Change.SAME.value}' END"""
_PAIRS = "CREATE TEMP TABLE pairs (change TEXT, test INTEGER, col INTEGER, before INTEGER, after INTEGER, told TEXT)"
_PAIR = f"{CHANGE}, coalesce(b.test, a.test), coalesce(a.col, b.col), a.number, b.number, NULL"
_SIDE = "SELECT number, test, {column} AS col, outcome, score, answer, twin FROM trials JOIN gists USING (run, number)"
UNPAIRED = 1_000_000
"""Added to the number of a column that the earlier run does not have."""


def pair(store: Store, before: int, after: int, columns: Mapping[int, int]) -> None:
    """Make the table: the n-th with the n-th of the same test in columns that are alike.

    `columns` gives the earlier run's column for a later one. Runs of the same tests in the same places, which most are,
    are paired by these, which is quicker and comes to the same.
    """
    cases = " ".join(f"WHEN {later} THEN {earlier}" for later, earlier in columns.items())
    mapped = f"CASE prompt {cases} ELSE prompt + {UNPAIRED} END" if cases else f"prompt + {UNPAIRED}"
    store.ask(_PAIRS)
    sides = (
        f"{_SIDE.format(column='prompt')} WHERE run = {before}",
        f"{_SIDE.format(column=mapped)} WHERE run = {after}",
    )
    if not _pair_by_place(store, sides, (before, after)):
        _pair_by_twins(store, sides)


def _pair_by_place(store: Store, sides: tuple[str, str], runs: tuple[int, int]) -> bool:
    """Pair the trials that have the same number, and tell whether these were all that there are."""
    same = "a.number = b.number AND a.twin = b.twin AND a.col = b.col"
    store.ask(f"INSERT INTO pairs SELECT {_PAIR} FROM ({sides[1]}) AS b JOIN ({sides[0]}) AS a ON {same}")
    [paired] = store.ask("SELECT count(*) FROM pairs").fetchone()
    query = "SELECT count(*) FROM trials WHERE run = ?"
    is_all = all(store.ask(query, (run,)).fetchone() == (paired,) for run in runs)
    if not is_all:
        store.ask("DELETE FROM pairs")
    return is_all


def _pair_by_twins(store: Store, sides: tuple[str, str]) -> None:
    for name, side in zip("ab", sides, strict=True):
        ranked = f"SELECT *, row_number() OVER (PARTITION BY twin, col ORDER BY number) AS nth FROM ({side})"
        store.ask(f"CREATE TEMP TABLE {name} AS {ranked}")
        store.ask(f"CREATE INDEX temp.{name}_by_twin ON {name} (twin, col, nth)")
    same = "ON a.twin = b.twin AND a.col = b.col AND a.nth = b.nth"
    store.ask(f"INSERT INTO pairs SELECT {_PAIR} FROM b LEFT JOIN a {same}")
    store.ask(f"INSERT INTO pairs SELECT {_PAIR} FROM a LEFT JOIN b {same} WHERE b.number IS NULL")
