"""What changed between two runs, test by test."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
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
    """Pair the rows of two runs: the same vars and description in columns that are alike, the n-th with the n-th."""
    older, newer = list(before), list(after)
    known = _columns(older)
    columns = paired_columns(known, _columns(newer))
    earlier = _keyed(older, {column: column for column in known})
    pairs = []
    for key, row in _keyed(newer, columns).items():
        found = earlier.pop(key, None)
        pairs.append(Pair(_change(found, row), found, row))
    return pairs + [Pair(Change.GONE, row, None) for row in earlier.values()]


def paired_columns(before: Mapping[int, Hashable], after: Mapping[int, Hashable]) -> dict[int, int]:
    """Return for columns of a later run those of the earlier one: the same provider and prompt, then the rest in order.

    So what a changed prompt or another model did is seen test by test.
    """
    left = dict(before)
    pairs: dict[int, int] = {}
    for later, named in after.items():
        same = next((earlier for earlier, own in left.items() if own == named), None)
        if same is not None:
            pairs[later] = same
            del left[same]
    rest = [later for later in after if later not in pairs]
    return pairs | dict(zip(rest, left, strict=False))


def _columns(rows: Iterable[Row]) -> dict[int, tuple[str, str, str]]:
    found = {}
    for row in rows:
        provider = row["provider"]
        found[row["promptIdx"]] = (str(provider["id"]), str(provider.get("label")), row["prompt"]["label"])
    return dict(sorted(found.items()))


def _keyed(rows: Iterable[Row], columns: Mapping[int, int]) -> dict[tuple[str, int], Row]:
    seen: Counter[str] = Counter()
    keyed = {}
    for row in rows:
        place = row["promptIdx"]
        column = columns.get(place, f"new {place}")
        key = json.dumps([row["vars"], row.get("description"), column], sort_keys=True, default=repr)
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
