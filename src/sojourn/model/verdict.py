"""What an assertion said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sojourn.model.empty import nothing
from sojourn.model.suite import Claim


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion's answer: `passed`, a `score` (usually 0 to 1) and why.

    `final` verdicts are not turned round by `not-` (a broken grader is no agreement). `parts` are a script's own
    component results or an assert-set's members. `claim` is None for a part that no assertion stands behind.
    """

    passed: bool
    score: float
    reason: str
    claim: Claim | None = None
    named_scores: Mapping[str, float] = msgspec.field(default_factory=nothing)
    tokens: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    metadata: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    parts: tuple[Verdict, ...] = ()
    final: bool = False
    weight: float = 1.0


def passing(reason: str = "Assertion passed", score: float = 1.0) -> Verdict:
    """Say yes."""
    return Verdict(passed=True, score=score, reason=reason)


def failing(reason: str, score: float = 0.0) -> Verdict:
    """Say no, and why."""
    return Verdict(passed=False, score=score, reason=reason)


def judged(passed: bool, score: float, no: str, yes: str = "Assertion passed") -> Verdict:  # noqa: FBT001  what it is about comes first
    """Say yes or no with a score; `no` and `yes` are the reasons."""
    return Verdict(passed=passed, score=score, reason=yes if passed else no)
