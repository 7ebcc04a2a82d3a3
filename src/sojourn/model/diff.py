"""What changed between two runs, test by test."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any

from sojourn.model.grading import Row

_SCORE = 1e-9


class Change(Enum):
    """How a trial of a later run stands to the same of an earlier one, the worst first."""

    WORSE = "regression"
    GONE = "gone"
    OTHER = "another verdict"
    BETTER = "mended"
    NEW = "new"
    SCORE = "score"
    OUTPUT = "output"
    SAME = "same"


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """The same trial in an earlier and in a later run; one of the rows is None where only the other has it."""

    change: Change
    before: Row | None
    after: Row | None

    @property
    def row(self) -> Row:
        """The later row, or the only one."""
        found = self.after or self.before
        assert found is not None
        return found


def compared(before: Iterable[Row], after: Iterable[Row]) -> list[Pair]:
    """Pair the rows of two runs: the same vars, description, prompt and provider, the n-th with the n-th."""
    earlier = _keyed(before)
    pairs = []
    for key, row in _keyed(after).items():
        found = earlier.pop(key, None)
        pairs.append(Pair(_change(found, row), found, row))
    return pairs + [Pair(Change.GONE, row, None) for row in earlier.values()]


def _keyed(rows: Iterable[Row]) -> dict[tuple[str, int], Row]:
    seen: Counter[str] = Counter()
    keyed = {}
    for row in rows:
        provider = row["provider"]
        who = [row["vars"], row.get("description"), row["prompt"]["label"], provider["id"], provider.get("label")]
        key = json.dumps(who, sort_keys=True, default=repr)
        keyed[key, seen[key]] = row
        seen[key] += 1
    return keyed


def _change(before: Row | None, after: Row) -> Change:
    if before is None:
        return Change.NEW
    old, new = before["outcome"], after["outcome"]
    if old != new:
        return Change.BETTER if new == "passed" else Change.WORSE if old == "passed" else Change.OTHER
    if abs(before["score"] - after["score"]) > _SCORE:
        return Change.SCORE
    return Change.SAME if output_of(before) == output_of(after) else Change.OUTPUT


def output_of(row: Row) -> Any:
    """Return what the provider answered."""
    return (row.get("response") or {}).get("output")
