"""Repeats that count as one, in a comparison of two runs: one pair for the test, beside it the repeats that changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from sojourn.encoding import encode
from sojourn.model.diff import Change
from sojourn.model.repeats import Passes, tallied
from sojourn.model.result import Outcome
from sojourn.store.pairing import CHANGE
from sojourn.store.runs import Store

_ONE = "(SELECT {side}_number AS number, {side}_outcome AS outcome, {side}_score AS score, '' AS answer)"
_KEPT = frozenset({Change.SCORE.value, Change.OUTPUT.value})
_TOLD = frozenset({Change.WORSE.value, Change.BETTER.value, Change.OTHER.value})


class _Counted(msgspec.Struct, frozen=True):
    """A trial of a test that counts as one; `key` and `wanted` are empty where its own run does not count so."""

    number: int
    repeat: int
    outcome: Outcome
    key: str
    wanted: int


class _Pair(msgspec.Struct, frozen=True):
    """A row of `pairs`; `turn` is the trial of the later run, or else that of the earlier one."""

    row: int
    change: str
    name: str
    test: int
    column: int
    before: _Counted | None
    after: _Counted | None
    turn: _Counted


def count_as_one(store: Store, before: int, after: int) -> None:
    """Put in `pairs` one pair for each test whose repeats count as one, in either run, and say so of its repeats."""
    wholes = [_wholes(store, run) for run in (before, after)]
    if not any(wholes):
        return
    pairs = list(_pairs(store, (before, after), wholes))
    renamed = {one.before.key: one.after.key for one in pairs if one.before and one.after and one.after.key}
    groups: dict[tuple[str, int], list[_Pair]] = {}
    for one in pairs:
        earlier = one.before.key if one.before else ""
        key = (one.after.key if one.after else "") or renamed.get(earlier, f"earlier {earlier}" if earlier else "")
        if key:
            groups.setdefault((key, one.column), []).append(one)
    for group in groups.values():
        _put(store, group)


def _wholes(store: Store, run: int) -> dict[int, tuple[str, int]]:
    """Return what the trials of a run belong to that count as one with others, and how many of these must pass."""
    query = "SELECT number, shown FROM gists WHERE run = ? AND instr(shown, '\"whole\":')"
    found = ((number, json.loads(shown)) for number, shown in store.ask(query, (run,)))
    return {number: (told["whole"], told["wanted"]) for number, told in found if "whole" in told}


def _pairs(store: Store, runs: tuple[int, int], wholes: list[dict[int, tuple[str, int]]]) -> Iterator[_Pair]:
    query = (
        "SELECT pairs.rowid, change, coalesce(b.name, a.name), pairs.test, col, a.number, a.repeat, a.outcome,"
        " b.number, b.repeat, b.outcome FROM pairs LEFT JOIN trials AS a ON a.run = ? AND a.number = before"
        " LEFT JOIN trials AS b ON b.run = ? AND b.number = after"
    )
    for row, change, name, test, column, *turns in store.ask(query, runs):
        before, after = (_turn(told, known) for told, known in zip((turns[:3], turns[3:]), wholes, strict=True))
        one = after or before
        assert one is not None
        yield _Pair(row, change, name, test, column, before, after, one)


def _turn(told: Sequence[Any], known: Mapping[int, tuple[str, int]]) -> _Counted | None:
    number, repeat, outcome = told
    return None if number is None else _Counted(number, repeat, Outcome(outcome), *known.get(number, ("", 0)))


def _put(store: Store, group: list[_Pair]) -> None:
    group.sort(key=lambda one: one.turn.number)
    first = group[0]
    values: dict[str, object] = {"test": first.test, "column": first.column}
    told: dict[str, object] = {"name": first.name.removesuffix(", turn 1")}
    for side, turns in (
        ("before", [one.before for one in group if one.before]),
        ("after", [one.after for one in group if one.after]),
    ):
        count = _passes(turns)
        outcome, score = (count.outcome.value, count.passed / max(count.judged, 1)) if count else (None, None)
        number = min(turn.number for turn in turns) if turns else None
        values |= {f"{side}_number": number, f"{side}_outcome": outcome, f"{side}_score": score}
        told[side] = [outcome, score, str(count)] if count else None
    one = (_ONE.format(side=f":{side}") for side in ("before", "after"))
    query = (
        f"INSERT INTO pairs SELECT {CHANGE}, :test, :column, a.number, b.number, :told FROM {' AS a, '.join(one)} AS b"
    )
    store.ask(query, {**values, "told": encode(told).decode()})
    _tell_repeats(store, group, is_paired=told["before"] is not None and told["after"] is not None)


def _passes(turns: Iterable[_Counted]) -> Passes | None:
    """Count one side of a test; where it does not say how many must pass, all must."""
    found = list(turns)
    wanted = max((turn.wanted for turn in found), default=0) or len({turn.repeat for turn in found})
    return tallied([(turn.repeat, turn.outcome) for turn in found], wanted) if found else None


def _tell_repeats(store: Store, group: list[_Pair], *, is_paired: bool) -> None:
    """Tell each repeat whose verdict changed as just that; leave out what is told by the whole."""
    for one in group:
        if is_paired and one.change in _TOLD:
            told = json.dumps({"repeat": one.turn.repeat + 1})
            store.ask("UPDATE pairs SET change = ?, told = ? WHERE rowid = ?", (Change.REPEAT.value, told, one.row))
        elif not is_paired or one.change not in _KEPT:
            store.ask("DELETE FROM pairs WHERE rowid = ?", (one.row,))
