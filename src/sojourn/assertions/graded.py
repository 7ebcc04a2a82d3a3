"""Assertions that a model judges by a rubric, a criterion, or an expert's answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from sojourn.assertions import grading_prompts as prompts
from sojourn.assertions.grading import asked, broken_grader, graded, rubric_prompt, said, verdict_object
from sojourn.assertions.reading import parsed, text_of, text_value, text_values
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_number, to_text


async def llm_rubric(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the grader finds that the output meets the rubric; `threshold` is the least score."""
    variables = {"output": parsed(text_of(reply)), "rubric": claim.value or ""}
    return await graded(claim, rubric_prompt(claim, context, prompts.RUBRIC), variables, context)


async def closed_qa(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the grader's answer ends with Y: the output meets the criterion."""
    variables = {"input": context.prompt, "criteria": text_value(claim), "completion": parsed(text_of(reply))}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.CLOSED_QA), variables, context)
    if isinstance(answer, Verdict):
        return answer
    text = said(claim, answer).rstrip()
    passed = text.endswith("Y")
    word = "meets" if passed else "does not meet" if text.endswith("N") else "was not clearly said to meet"
    return Verdict(
        passed=passed, score=float(passed), reason=f"The output {word} the criterion: {text}", tokens=answer.tokens
    )


_CATEGORIES = {
    "A": ("subset", 1, "it tells part of what the expert tells"),
    "B": ("superset", 1, "it tells what the expert tells, and more"),
    "C": ("agree", 1, "it tells what the expert tells"),
    "D": ("disagree", 0, "it contradicts the expert"),
    "E": ("differButFactual", 1, "it differs from the expert, but in no fact that matters"),
}


async def factuality(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the category that the grader names scores more than 0; `options.factuality` sets the scores."""
    variables = {"input": context.prompt, "ideal": text_value(claim), "completion": parsed(text_of(reply))}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.FACTUALITY), variables, context)
    if isinstance(answer, Verdict):
        return answer
    letter, reason = _category(answer, said(claim, answer))
    if letter not in _CATEGORIES:
        return broken_grader(f"The grader named no category from A to E: {reason}", answer)
    name, score, meaning = _CATEGORIES[letter]
    options = (context.test.get("options") or {}).get("factuality")
    if isinstance(options, Mapping) and isinstance(options.get(name), int | float):
        score = options[name]
    return Verdict(passed=score > 0, score=score, reason=reason or f"({letter}) {meaning}", tokens=answer.tokens)


def _category(answer: Reply, text: str) -> tuple[str, str]:
    """Return the letter and the reason: from a JSON object, or from text such as `(B) because`."""
    found = verdict_object(answer)
    if found and isinstance(found.get("category"), str):
        return found["category"].strip().upper(), str(found.get("reason") or "").strip()
    letter = re.search(r"\(?([a-eA-E])\)\s*(.*)", text, re.DOTALL)
    return (letter[1].upper(), letter[2].strip()) if letter else ("", text[:200])


async def g_eval(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the mean rating over the criteria, scaled to 0 to 1, reaches 0.7 or the threshold.

    The grader first writes down steps, then rates the output by them from 0 to 10.
    """
    criteria = text_values(claim)
    verdicts = []
    for criterion in criteria:
        verdict = await _rated(claim, criterion, reply, context)
        if verdict.final:
            return verdict
        verdicts.append(verdict)
    score = sum(verdict.score for verdict in verdicts) / len(verdicts)
    threshold = 0.7 if claim.threshold is None else claim.threshold
    passed = (score >= threshold) is not claim.negated
    return Verdict(
        passed=passed,
        score=1 - score if claim.negated else score,
        reason="\n\n".join(verdict.reason for verdict in verdicts),
        tokens=_added(verdicts),
        final=True,
    )


def _added(verdicts: list[Verdict]) -> dict[str, Any]:
    keys = dict.fromkeys(key for verdict in verdicts for key in verdict.tokens)
    known = {key: [verdict.tokens.get(key) for verdict in verdicts] for key in keys}
    return {key: sum(one for one in values if isinstance(one, int | float)) for key, values in known.items()}


async def _rated(claim: Claim, criterion: str, reply: Reply, context: ClaimContext) -> Verdict:
    """Rate by one criterion; a final verdict says that the grader failed."""
    if not context.prompt:
        raise ClaimError("g-eval needs a prompt")
    question = rubric_prompt(claim, context, prompts.STEPS, "steps")
    answer = await asked(claim, question, {"criteria": criterion}, context)
    if isinstance(answer, Verdict):
        return answer
    steps = (verdict_object(answer) or {}).get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) and step.strip() for step in steps):
        return broken_grader(f"The grader gave no steps: {str(answer.output)[:200]}", answer)
    variables = {
        "criteria": criterion,
        "steps": "\n- ".join(steps),
        "maxScore": "10",
        "input": parsed(context.prompt),
        "output": parsed(text_of(reply)),
    }
    rating = await asked(claim, rubric_prompt(claim, context, prompts.EVALUATE, "evaluate"), variables, context)
    return rating if isinstance(rating, Verdict) else _rating(rating)


def _rating(answer: Reply) -> Verdict:
    found = verdict_object(answer) or {}
    told = found.get("score")
    score = to_number(told) if isinstance(told, str | int | float) and told != "" else math.nan
    if not 0 <= score <= 10:
        return broken_grader(f"The grader gave no score from 0 to 10: {str(answer.output)[:200]}", answer)
    reason = found.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        return broken_grader(f"The grader gave no reason for its score {to_text(score)}", answer)
    return Verdict(passed=True, score=score / 10, reason=reason, tokens=answer.tokens)
