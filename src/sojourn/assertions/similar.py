"""Assertions on nearness in meaning: the output and the value as vectors."""

from __future__ import annotations

import asyncio
import math
import operator
import sys
from collections.abc import Callable

from sojourn.assertions.grading import broken_grader
from sojourn.assertions.reading import text_of, text_values
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_text

Vector = list[float]
_SLACK = sys.float_info.epsilon


def cosine(left: Vector, right: Vector) -> float:
    """Return the cosine of the angle between two vectors; 0 where one of them is nothing."""
    size = math.hypot(*left) * math.hypot(*right)
    return float(sum(map(operator.mul, left, right))) / size if size else 0.0


def _dot(left: Vector, right: Vector) -> float:
    return float(sum(map(operator.mul, left, right)))


async def similar(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the cosine with one of the values reaches 0.75, or the threshold; `not-`: with none of them."""
    return await _compared(claim, reply, context) or await _nearest(claim, reply, context, cosine)


async def similar_dot(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the dot product with one of the values reaches the threshold."""
    return await _nearest(claim, reply, context, _dot)


async def similar_euclidean(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the distance to one of the values is at most the threshold; the score is 1/(1 + distance)."""
    return await _nearest(claim, reply, context, math.dist)


async def _compared(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict | None:
    """Judge by what a grader says that compares texts itself; None where it does not."""
    values: list[float] = []
    for text in text_values(claim):
        answer = await context.graders.compare(claim, text, text_of(reply))
        if answer is None:
            return None
        if answer.error or not isinstance(answer.output, int | float):
            return broken_grader(answer.error or "The grader gave no number", answer)
        values.append(float(answer.output))
    return _decided(claim, values, far=False) if values else None


async def _nearest(
    claim: Claim, reply: Reply, context: ClaimContext, measure: Callable[[Vector, Vector], float]
) -> Verdict:
    texts = text_values(claim)
    found = await asyncio.gather(*(embedding(claim, text, context) for text in [text_of(reply), *texts]))
    vectors = [one for one in found if isinstance(one, list)]
    failed = next((one for one in found if isinstance(one, Verdict)), None)
    if failed:
        return failed
    output, *others = vectors
    if any(len(other) != len(output) for other in others):
        raise ClaimError(f"{claim.type}: the grader's vectors differ in length")
    return _decided(claim, [measure(output, other) for other in others], far=measure is math.dist)


def _decided(claim: Claim, values: list[float], *, far: bool) -> Verdict:
    """Judge the first value that decides, or else the nearest; where `far`, small values are near."""
    threshold = 0.75 if claim.threshold is None else claim.threshold
    nearest = min(values) if far else max(values)
    found = next((value for value in values if _passes(claim, value, threshold, far=far) is not claim.negated), nearest)
    score = 1 / (1 + found) if far else found
    what = "distance" if far else "similarity"
    return Verdict(
        passed=_passes(claim, found, threshold, far=far),
        score=1 - score if claim.negated else score,
        reason=f"The {what} is {found:.2f}, the threshold {to_text(threshold)}",
        final=True,
    )


def _passes(claim: Claim, value: float, threshold: float, *, far: bool) -> bool:
    """Tell whether one value passes; on the threshold both the claim and its opposite hold."""
    small_passes = far is not claim.negated
    return value <= threshold + _SLACK if small_passes else value >= threshold - _SLACK


async def embedding(claim: Claim, text: str, context: ClaimContext) -> Vector | Verdict:
    """Return a text as a vector, or the verdict that the grader failed."""
    answer = await context.graders.ask("embedding", claim, text, context.variables)
    if answer.error or not isinstance(answer.output, list) or not answer.output:
        return broken_grader(answer.error or "The grader gave no vector", answer)
    try:
        return [float(one) for one in answer.output]
    except (TypeError, ValueError) as error:
        raise ClaimError(f"{claim.type}: the grader's vector is no list of numbers") from error
