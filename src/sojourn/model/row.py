"""A trial's result as promptfoo writes it down: one row, key by key, so that what reads its rows reads ours.

Added to promptfoo's keys: `outcome` (passed, failed, error, skipped), `repeatIndex`, `lane`, and where there is
something to tell `testNumber` (which test of the file, where repeats and columns make it another), `turn`, `testKey`
(of tests whose repeats count as one), `variant` (which combination of its vars it has, in words), `phase` (where it
broke), `notes` (what is unclean although the verdict stands) and `printed`.

A skipped trial is `success: false` with `failureReason: 0`: no reader counts it as a pass, and none that looks for
assertions that said no (1) or for what broke (2) finds it. Its `error` begins with "Skipped".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sojourn.model.grading import Row, grading
from sojourn.model.redaction import redacted, redacted_text, redacted_vars
from sojourn.model.repeats import wanted_passes
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.tokens import usage

FAILURE_REASONS = {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.ERROR: 2, Outcome.SKIPPED: 0}


def row(result: TrialResult, run_id: str, *, redact: bool = True) -> Row:
    """Return the trial's row; it shares what it can with the result, so it is to be written, not changed.

    A row that is kept is redacted; one that is handed to a hook of the same run is not: it may need a session's id or
    a token to close what it opened.
    """
    trial, reply = result.trial, result.reply
    column = trial.column
    blank = redacted if redact else _as_it_is
    test = blank(result.case.raw)
    made: Row = {
        "id": f"{run_id}-{trial.index}",
        "testIdx": trial.test_index,
        "promptIdx": column.index,
        "promptId": column.prompt.id,
        "repeatIndex": trial.repeat,
        "outcome": result.outcome.value,
        "success": result.passed,
        "failureReason": FAILURE_REASONS[result.outcome],
        "score": result.score,
        "namedScores": result.named_scores,
        "provider": {"id": column.provider.id, "label": column.provider.label},
        "prompt": {
            "raw": redacted_text(result.prompt) if redact else result.prompt,
            "label": column.prompt.label,
            "config": blank(column.prompt.config or {}),
        },
        "vars": redacted_vars(result.case.vars) if redact else result.case.vars,
        "testCase": test,
        "gradingResult": grading(result, clean=redact and test is result.case.raw),
        "latencyMs": round(result.latency_ms, 3),
        "cost": (reply.cost if reply else None) or 0,
        "tokenUsage": usage(result),
        "metadata": _metadata(result, blank),
    }
    if reply is not None:
        made["response"] = _response(reply, blank)
    _tell_more(made, result)
    return made


def explanation(result: TrialResult) -> str:
    """Return why the trial did not pass, in words; empty when it did."""
    if result.outcome is Outcome.PASSED:
        return ""
    if result.outcome is Outcome.SKIPPED:
        return f"Skipped: {result.reason}" if result.reason else "Skipped"
    if result.outcome is Outcome.ERROR:
        broke = str(result.trouble) if result.trouble else ""
        return broke or (result.reply.error if result.reply else "") or result.reason or "Error"
    return result.reason or "An assertion said no"


def _tell_more(made: Row, result: TrialResult) -> None:
    why = explanation(result)
    if why:
        made["error"] = why
    if result.case.description:
        made["description"] = result.case.description
    if result.trial.test_number != result.trial.test_index:
        made["testNumber"] = result.trial.test_number
    if result.trial.turn:
        made["turn"] = result.trial.turn
    if wanted_passes(result.trial):
        made["testKey"] = result.trial.test_key
    if result.trial.variant:
        made["variant"] = result.trial.variant
    if result.trial.lane:
        made["lane"] = result.trial.lane
    if result.trouble is not None:
        made["phase"] = result.trouble.phase.value
    if result.notes:
        made["notes"] = [{"phase": note.phase.value, "message": str(note)} for note in result.notes]
    if result.printed:
        made["printed"] = result.printed


def _as_it_is(value: Any) -> Any:
    return value


def _response(reply: Reply, blank: Callable[[Any], Any]) -> Row:
    told: Row = dict(reply.extra)
    if reply.output is not None or not reply.error:
        told["output"] = reply.output
    if reply.error:
        told["error"] = reply.error
    if reply.session_id:
        told["sessionId"] = reply.session_id
    if reply.cost is not None:
        told["cost"] = reply.cost
    if reply.latency_ms is not None:
        told["latencyMs"] = reply.latency_ms
    if reply.metadata:
        told["metadata"] = blank(reply.metadata)
    told["cached"] = reply.cached
    return told


def _metadata(result: TrialResult, blank: Callable[[Any], Any]) -> Mapping[str, Any]:
    known: Mapping[str, Any] = blank(result.metadata)
    if result.session_id and not known.get("sessionId") and not known.get("sessionIds"):
        return {**known, "sessionId": result.session_id}
    return known
