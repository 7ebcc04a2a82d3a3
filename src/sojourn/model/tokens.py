"""What trials used, in promptfoo's `tokenUsage`; what a provider reports as no number counts as 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sojourn.model.empty import nothing
from sojourn.model.result import TrialResult
from sojourn.model.verdict import Verdict

Usage = dict[str, Any]

COUNTS = ("total", "prompt", "completion", "cached", "numRequests")
DETAILS = ("reasoning", "acceptedPrediction", "rejectedPrediction", "cacheReadInputTokens", "cacheCreationInputTokens")

NO_TOKENS: Usage = dict.fromkeys(COUNTS, 0)
_NO_DETAILS: Usage = dict.fromkeys(DETAILS, 0)
NOTHING_USED: Usage = {
    **NO_TOKENS,
    "completionDetails": _NO_DETAILS,
    "assertions": {**NO_TOKENS, "completionDetails": _NO_DETAILS},
}
_ONE_REQUEST: Usage = {**NOTHING_USED, "numRequests": 1}


def usage(result: TrialResult) -> Usage:
    """Return what a trial used, its graders' share under `assertions`; to be written, not changed."""
    asked = result.reply is not None
    told = result.reply.tokens if result.reply else nothing()
    judging = judging_tokens(result.verdicts)
    if judging is NO_TOKENS and not (told and any(told.values())):
        return _ONE_REQUEST if asked else NOTHING_USED
    used = {key: _number(told.get(key)) for key in COUNTS}
    used["numRequests"] = used["numRequests"] or int(asked)
    return {
        **used,
        "completionDetails": _details(told.get("completionDetails")),
        "assertions": {**judging, "completionDetails": _NO_DETAILS},
    }


def judging_tokens(verdicts: Iterable[Verdict]) -> Usage:
    """Add up what the graders used."""
    total = NO_TOKENS
    for verdict in verdicts:
        if verdict.tokens:
            total = {key: total[key] + _number(verdict.tokens.get(key)) for key in COUNTS}
    return total


def total(usages: Iterable[Usage]) -> Usage:
    """Add up what several trials used."""
    summed = nothing_used()
    for used in usages:
        add_usage(summed, used)
    return summed


def nothing_used() -> Usage:
    """Return a sum to add to."""
    return _copy(NOTHING_USED)


def add_usage(summed: Usage, used: Usage) -> None:
    """Add what a trial used to a sum."""
    if used is _ONE_REQUEST:
        summed["numRequests"] += 1
    elif used is not NOTHING_USED:
        _add(summed, used)


def _add(summed: Usage, used: Usage) -> None:
    for key, value in used.items():
        if isinstance(value, dict):
            if value is not _NO_DETAILS:
                _add(summed[key], value)
        elif value:
            summed[key] += value


def _copy(used: Usage) -> Usage:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in used.items()}


def _details(told: Any) -> Usage:
    return {key: _number(told.get(key)) for key in DETAILS} if isinstance(told, Mapping) else _NO_DETAILS


def _number(value: Any) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124  only NaN differs from itself
    return value if known else 0
