"""Verdicts as promptfoo writes them down: a GradingResult with its component results, flat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sojourn.model.redaction import redacted
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.tokens import judging_tokens
from sojourn.model.verdict import Verdict

Row = dict[str, Any]


def components(verdicts: Iterable[Verdict], *, clean: bool = False) -> list[Row]:
    """Return all verdicts in order, each followed by its parts; a script's own part bears its assertion.

    `clean`: no assertion holds a secret.
    """
    flat: list[Row] = []
    for verdict in verdicts:
        own = component(verdict, clean=clean)
        flat.append(own)
        if verdict.parts:
            inherited = {"assertion": own["assertion"]} if "assertion" in own else {}
            flat.extend({**inherited, **part} for part in own["componentResults"])
    return flat


def component(verdict: Verdict, *, clean: bool = False) -> Row:
    """Return one verdict as a component result."""
    row: Row = {"pass": verdict.passed, "score": verdict.score, "reason": verdict.reason}
    if verdict.named_scores:
        row["namedScores"] = verdict.named_scores
    if verdict.tokens:
        row["tokensUsed"] = verdict.tokens
    if verdict.parts:
        row["componentResults"] = components(verdict.parts)
    metadata: Mapping[str, Any] = verdict.metadata
    if verdict.claim is not None and verdict.claim.type in ("assert-set", "conversation"):
        metadata = {**metadata, "assertionSet": _assert_set(verdict.claim.raw)}
    elif verdict.claim is not None:
        row["assertion"] = verdict.claim.raw if clean else redacted(verdict.claim.raw)
    if metadata:
        row["metadata"] = metadata
    return row


def _assert_set(raw: Mapping[str, Any]) -> Row:
    kept = {key: raw[key] for key in ("metric", "threshold", "weight") if key in raw}
    return {"type": raw.get("type"), "assertionCount": len(raw.get("assert") or ()), **kept}


def grading(result: TrialResult, *, clean: bool) -> Row | None:
    """Return what was judged, or None where nothing was: the trial broke or was skipped before that.

    `clean`: the test, of which the assertions are part, holds no secret.
    """
    if result.outcome in (Outcome.ERROR, Outcome.SKIPPED) and not result.verdicts:
        return None
    row: Row = {
        "pass": result.passed,
        "score": result.score,
        "reason": result.reason,
        "namedScores": result.named_scores,
        "namedScoreWeights": result.named_weights,
        "tokensUsed": judging_tokens(result.verdicts),
        "componentResults": components(result.verdicts, clean=clean),
    }
    return {**row, **result.grading} if result.grading else row
