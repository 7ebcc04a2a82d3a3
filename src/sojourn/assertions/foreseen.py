"""How an assertion says beforehand that a claim on it can never be judged, whatever the answer will be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sojourn.model.suite import Claim

Judge = TypeVar("Judge", bound=Callable[..., object])


def foreseen_by(check: Callable[[Claim], object]) -> Callable[[Judge], Judge]:
    """Let a check look at each claim before anything runs; it raises ClaimError where nothing could be judged."""

    def mark(judge: Judge) -> Judge:
        vars(judge)["check"] = check
        return judge

    return mark
