"""What changed between two runs, test by test."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from enum import Enum


class Change(Enum):
    """How a trial of a later run stands to the same of an earlier one, the worst first.

    `REPEAT`: one of several repeats that count as one is not what it was; what came of the test is another change.
    """

    WORSE = "regression"
    GONE = "gone"
    OTHER = "another verdict"
    BETTER = "mended"
    NEW = "new"
    REPEAT = "repeat"
    SCORE = "score"
    OUTPUT = "output"
    SAME = "same"


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
