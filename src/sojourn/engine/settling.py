"""From an account to a TrialResult: weights, thresholds, metrics, what broke and what was left unclean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sojourn.config.claims import SETS
from sojourn.engine.judging import weigh
from sojourn.engine.setting import Account, Setting
from sojourn.errors import CodeError
from sojourn.model.empty import nothing
from sojourn.model.grading import components
from sojourn.model.reference import Reference
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.suite import JsonDict
from sojourn.model.verdict import Verdict


async def settle(account: Account, setting: Setting) -> TrialResult:
    """Weigh what was judged into the trial's result."""
    scores, weights = named_scores(account.verdicts)
    passed, score, reason = True, 1.0, "No assertions"
    if account.verdicts:
        passed, score, reason = weigh(account.verdicts, account.case.threshold)
    grading = None
    if account.case.scoring_function and account.verdicts and account.trouble is None:
        grading = await _scored(account, setting, scores)
        if grading is not None:
            passed, score, reason = grading["pass"], grading["score"], grading["reason"]
            scores = grading.get("namedScores", scores)
    outcome = _outcome(account, passed=passed)
    session = session_of(account)
    return TrialResult(
        trial=account.trial,
        case=account.case,
        prompt=account.prompt,
        outcome=outcome,
        score=_plain(score) if outcome in (Outcome.PASSED, Outcome.FAILED) else 0,
        reason=account.skipped or reason,
        reply=account.reply,
        verdicts=tuple(account.verdicts),
        named_scores=scores or nothing(),
        named_weights=weights or nothing(),
        trouble=account.trouble,
        notes=tuple(account.notes),
        metadata=_metadata(account),
        session_id=session,
        latency_ms=account.latency_ms,
        printed="".join(account.printed),
        started=account.started,
        ended=setting.clock(),
        grading=grading,
    )


def _plain(score: float) -> float:
    """Write 1 and not 1.0, as JavaScript does, for hooks that print it."""
    return int(score) if score == int(score) else score


def _outcome(account: Account, *, passed: bool) -> Outcome:
    if account.skipped:
        return Outcome.SKIPPED
    if account.trouble is not None or (account.reply is not None and account.reply.error):
        return Outcome.ERROR
    return Outcome.PASSED if passed else Outcome.FAILED


def _metadata(account: Account) -> Mapping[str, Any]:
    if account.reply is None or not account.reply.metadata:
        return account.case.metadata
    return {**account.case.metadata, **account.reply.metadata}


def session_of(account: Account) -> str:
    """Return the session that the trial was seen to use, by promptfoo's precedence, or an empty string.

    Metadata (the reply's before the test's) goes before the reply's own field, and that before the vars.
    """
    reply = account.reply
    told: Any = _metadata(account).get("sessionId")
    if told in (None, "") and reply is not None:
        told = reply.session_id
    if told in (None, ""):
        told = account.case.vars.get("sessionId")
    if told in (None, ""):
        return ""
    return told if isinstance(told, str) else json.dumps(told)


def named_scores(verdicts: Iterable[Verdict]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the weighted mean of every metric, and the weights behind it; a set's count as often as the set does."""
    sums: dict[str, float] = {}
    weights: dict[str, float] = {}
    for verdict in verdicts:
        if not verdict.named_scores and not verdict.parts and (verdict.claim is None or not verdict.claim.metric):
            continue
        for name, score, weight in _metrics(verdict):
            sums[name] = sums.get(name, 0.0) + score * weight
            weights[name] = weights.get(name, 0.0) + weight
    return {name: sums[name] / weights[name] if weights[name] else 0.0 for name in sums}, weights


def _metrics(verdict: Verdict) -> Iterator[tuple[str, float, float]]:
    """Yield each metric that a verdict speaks of, with score and weight; its own name goes before its parts'."""
    claim = verdict.claim
    own = claim.metric if claim is not None else ""
    if own:
        yield own, verdict.score, verdict.weight
    if claim is not None and claim.type in SETS:
        means, inner = named_scores(verdict.parts)
        yield from ((name, mean, inner[name] * verdict.weight) for name, mean in means.items() if name != own)
    elif verdict.named_scores:
        yield from ((name, score, verdict.weight) for name, score in verdict.named_scores.items() if name != own)


async def _scored(account: Account, setting: Setting, scores: dict[str, float]) -> JsonDict | None:
    """Ask the test's assertScoringFunction; one that breaks fails the trial with that reason."""
    reference = Reference.parse(account.case.scoring_function, base=setting.suite.base, role="scoring")
    if reference is None:
        return None
    told: JsonDict = {
        "threshold": account.case.threshold,
        "componentResults": components(account.verdicts),
        "tokensUsed": {},
    }
    try:
        value: Any = (await setting.code.call(reference, scores, told)).value
    except CodeError as error:
        return {"pass": False, "score": 0.0, "reason": f"the scoring function broke: {error}"}
    if not isinstance(value, dict) or not isinstance(value.get("pass"), bool) or "score" not in value:
        return {"pass": False, "score": 0.0, "reason": "the scoring function must return pass, score and reason"}
    own = value.get("namedScores", scores)
    return {"reason": "", **value, "namedScores": own if isinstance(own, dict) else scores}
