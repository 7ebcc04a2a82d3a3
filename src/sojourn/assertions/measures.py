"""Assertions on what the provider told besides its output: cost, time, probabilities, flags, why it stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sojourn.assertions.foreseen import foreseen_by
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, failing, judged, passing
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_text


def _threshold(claim: Claim) -> float:
    if claim.threshold is None:
        raise ClaimError(f"{claim.type} needs a threshold")
    return claim.threshold


def cost(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the call cost at most the threshold, in the provider's currency."""
    most = _threshold(claim)
    if reply.cost is None:
        raise ClaimError("the provider tells no cost", todo="return `cost` with the output")
    passed = reply.cost <= most
    return judged(passed, float(passed), f"The cost {reply.cost:.2g} is more than {to_text(most)}")


def latency(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the answer, be it from the cache, took at most the threshold in milliseconds."""
    most = _threshold(claim)
    passed = context.latency_ms <= most
    return judged(passed, float(passed), f"The latency {context.latency_ms:.0f} ms is more than {to_text(most)} ms")


def _mean_log(reply: Reply) -> float:
    logs = reply.extra.get("logProbs")
    if not isinstance(logs, list) or not logs or not all(isinstance(one, int | float) for one in logs):
        raise ClaimError("the provider tells no log probabilities", todo="return `logProbs` with the output")
    return float(sum(logs)) / len(logs)


def perplexity(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the perplexity of the output is at most the threshold; without one it is only looked at."""
    try:
        found = math.exp(-_mean_log(reply))
    except OverflowError:
        found = math.inf
    if claim.threshold is None:
        return Verdict(passed=True, score=1, reason=f"The perplexity is {found:.2f}", final=True)
    passed = found <= claim.threshold
    return judged(passed, float(passed), f"The perplexity {found:.2f} is more than {to_text(claim.threshold)}")


def perplexity_score(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the perplexity, scaled to 0 to 1 (1 is sure), reaches the threshold."""
    found = 1 / (1 + math.exp(min(700.0, -_mean_log(reply))))
    if claim.threshold is None:
        return Verdict(passed=True, score=1 - found if claim.negated else found, reason="", final=True)
    passed = found >= claim.threshold
    return judged(passed, found, f"The perplexity score {found:.2f} is less than {to_text(claim.threshold)}")


def guardrails(_claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the provider's guardrails flagged neither the prompt nor the output."""
    flags = reply.extra.get("guardrails")
    if not isinstance(flags, Mapping) or not flags.get("flagged"):
        return passing("No guardrail was hit")
    what = "The prompt" if flags.get("flaggedInput") else "The output" if flags.get("flaggedOutput") else "It"
    return failing(str(flags.get("reason") or f"{what} was flagged by a guardrail"))


def _reason(claim: Claim) -> str:
    if not isinstance(claim.value, str):
        raise ClaimError("finish-reason needs a text as its value")
    return claim.value


@foreseen_by(_reason)
def finish_reason(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the model stopped for the reason that the value names."""
    wanted = _reason(claim)
    found: Any = reply.extra.get("finishReason")
    if not found:
        return failing("The provider tells no reason why it stopped")
    passed = str(found).lower() == wanted.lower()
    return judged(passed, float(passed), f'Expected to stop because of "{wanted}", but it was "{found}"')
