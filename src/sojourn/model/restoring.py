"""A trial's result made again from its row, so that a run goes on from what is stored: the reverse of `model.row`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from sojourn.model.grading import Row, grading
from sojourn.model.plan import Trial
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict

_OWN = frozenset({"output", "error", "sessionId", "cost", "latencyMs", "metadata", "cached"})
_SETS = ("assert-set", "conversation")


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """When a trial began and ended, on the run's own clock in seconds, and the session it was seen to use."""

    began: float
    ended: float
    session: str


def restored(row: Row, trial: Trial, times: Times) -> TrialResult:
    """Return the result that the row tells of; what was blanked in it stays so."""
    graded = row.get("gradingResult")
    case = structs.replace(trial.case, raw=row["testCase"], vars=row["vars"], description=row.get("description", ""))
    outcome = Outcome(row["outcome"])
    made = TrialResult(
        trial=trial,
        case=case,
        prompt=row["prompt"]["raw"],
        outcome=outcome,
        score=row["score"],
        reason=_reason(row, outcome),
        reply=_reply(row["response"]) if "response" in row else None,
        verdicts=_verdicts(graded["componentResults"]) if graded else (),
        named_scores=row["namedScores"],
        named_weights=graded["namedScoreWeights"] if graded else {},
        trouble=_trouble(row["phase"], row["error"]) if "phase" in row else None,
        notes=tuple(_trouble(note["phase"], note["message"]) for note in row.get("notes", ())),
        metadata=row["metadata"],
        session_id=times.session,
        latency_ms=row["latencyMs"],
        printed=row.get("printed", ""),
        started=times.began,
        ended=times.ended,
    )
    if graded and grading(made, clean=True) != graded:
        return structs.replace(made, grading=graded)  # a scoring function had the last word
    return made


def _reason(row: Row, outcome: Outcome) -> str:
    if outcome is Outcome.SKIPPED:
        return str(row["error"]).removeprefix("Skipped").removeprefix(": ")
    graded = row.get("gradingResult")
    return str(graded["reason"] if graded else row.get("error", ""))


def _trouble(phase: str, what: str) -> Trouble:
    return Trouble(phase=Phase(phase), what=what)


def _reply(told: Row) -> Reply:
    return Reply(
        output=told.get("output"),
        error=told.get("error", ""),
        session_id=told.get("sessionId", ""),
        cost=told.get("cost"),
        latency_ms=told.get("latencyMs"),
        metadata=told.get("metadata", {}),
        cached=told["cached"],
        extra={key: value for key, value in told.items() if key not in _OWN},
    )


def _verdicts(flat: Sequence[Row]) -> tuple[Verdict, ...]:
    """Read component results, in which each verdict is followed by its parts."""
    found, place = [], 0
    while place < len(flat):
        own = flat[place]
        found.append(_verdict(own))
        place += 1 + _parts_behind(flat, place)
    return tuple(found)


def _parts_behind(flat: Sequence[Row], place: int) -> int:
    """Count the parts of a verdict that stand behind it; in what others wrote they may not."""
    parts = flat[place].get("componentResults", ())
    behind = flat[place + 1 : place + 1 + len(parts)]
    return len(parts) if [part["reason"] for part in parts] == [each["reason"] for each in behind] else 0


def _verdict(row: Row) -> Verdict:
    metadata: Mapping[str, Any] = row.get("metadata", {})
    claim = None
    if "assertionSet" in metadata:
        told = metadata["assertionSet"]
        metadata = {key: value for key, value in metadata.items() if key != "assertionSet"}
        kept = {key: value for key, value in told.items() if key != "assertionCount"}
        claim = Claim(type=str(told["type"]), raw={**kept, "assert": [{}] * told["assertionCount"]})
    elif "assertion" in row:
        claim = _claim(row["assertion"])
    return Verdict(
        passed=row["pass"],
        score=row["score"],
        reason=row["reason"],
        claim=claim,
        named_scores=row.get("namedScores", {}),
        tokens=row.get("tokensUsed", {}),
        metadata=metadata,
        parts=_verdicts(row.get("componentResults", ())),
    )


def _claim(raw: Row) -> Claim:
    type_ = str(raw.get("type", ""))
    return Claim(
        type=type_.removeprefix("not-"),
        negated=type_.startswith("not-"),
        value=raw.get("value"),
        threshold=raw.get("threshold"),
        metric=str(raw.get("metric") or ""),
        raw=raw,
    )
