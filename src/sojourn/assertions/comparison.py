"""Assertions that compare all outputs of a test: the best by a criterion, the highest by the other scores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sojourn.assertions import grading_prompts as prompts
from sojourn.assertions.grading import asked, broken_grader, rubric_prompt, said
from sojourn.assertions.reading import parsed, text_of, text_value
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_text

_COMPARISONS = frozenset({"select-best", "max-score"})


async def best(
    claim: Claim, replies: list[Reply], verdicts: list[list[Verdict]], context: ClaimContext
) -> list[Verdict]:
    """Let the grader choose the output that best meets the criterion: it passes, the others fail."""
    del verdicts
    criteria = text_value(claim)
    _several(claim, len(replies))
    variables = {"criteria": criteria, "outputs": [parsed(text_of(reply)) for reply in replies]}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.SELECT), variables, context)
    if isinstance(answer, Verdict):
        return [answer] * len(replies)
    number = re.search(r"\d{1,9}", said(claim, answer))
    chosen = int(number[0]) if number else -1
    if not 0 <= chosen < len(replies):
        return [broken_grader(f"The grader chose none of the outputs: {str(answer.output)[:200]}", answer)] * len(
            replies
        )
    return [_choice(index == chosen, criteria, answer) for index in range(len(replies))]


def _choice(chosen: bool, criteria: str, answer: Reply) -> Verdict:  # noqa: FBT001  it says itself
    word = "was chosen" if chosen else "was not chosen"
    reason = f"The output {word} as the best by: {criteria}"
    return Verdict(passed=chosen, score=float(chosen), reason=reason, tokens=answer.tokens)


def highest(claim: Claim, replies: list[Reply], verdicts: list[list[Verdict]], context: ClaimContext) -> list[Verdict]:
    """Pass the output whose other assertions score highest, the first of equals; the others fail.

    The value may give `method` (average or sum), `weights` by type, and a `threshold` that the winner must reach.
    """
    del context
    _several(claim, len(replies))
    value = claim.value if isinstance(claim.value, Mapping) else {}
    scores = [_score(claim, value, column) for column in verdicts]
    top = max(scores)
    threshold = value.get("threshold")
    winner = scores.index(top) if threshold is None or top >= threshold else -1
    return [_rank(score, top, won=index == winner, threshold=threshold) for index, score in enumerate(scores)]


def _several(claim: Claim, count: int) -> None:
    if count < 2:
        raise ClaimError(f"{claim.type} needs at least two outputs to compare")


def _score(claim: Claim, value: Mapping[str, Any], column: list[Verdict]) -> float:
    weights: Mapping[str, Any] = value.get("weights") or {}
    pairs = [(_score_of(one), weights.get(_type(one), 1)) for one in _flat(column) if _type(one) not in _COMPARISONS]
    if not pairs:
        raise ClaimError(f"{claim.type} needs at least one other assertion, whose score it can compare")
    total: float = sum(score * weight for score, weight in pairs)
    if value.get("method") == "sum":
        return total
    weight = sum(weight for _, weight in pairs)
    return total / weight if weight > 0 else 0.0


def _flat(column: list[Verdict]) -> list[Verdict]:
    """List each verdict, and behind an assert-set its members."""
    return [one for verdict in column for one in (verdict, *verdict.parts) if one.claim is not None]


def _type(verdict: Verdict) -> str:
    claim = verdict.claim
    return str(claim.raw.get("type") or claim.type) if claim else ""


def _score_of(verdict: Verdict) -> float:
    return verdict.score or 0.0


def _rank(score: float, top: float, *, won: bool, threshold: Any) -> Verdict:
    reason = (
        f"The score {score:.3f} is the highest"
        if won
        else f"The score {score:.3f} was not chosen, the highest is {top:.3f}"
    )
    if not won and threshold is not None and top < threshold:
        reason = f"No output was chosen: the highest score {top:.3f} is less than {to_text(threshold)}"
    return Verdict(passed=won, score=float(won), reason=reason)
