"""Assertions that a classifying or moderating model judges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sojourn.assertions.foreseen import foreseen_by
from sojourn.assertions.grading import SLACK, broken_grader
from sojourn.assertions.reading import parsed, text_of
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, failing, passing
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_text


def _label(claim: Claim) -> str | None:
    if claim.value is not None and not isinstance(claim.value, str):
        raise ClaimError("classifier needs a label as its value, or none")
    return claim.value


def _categories(claim: Claim) -> list[str]:
    categories = claim.value or []
    if not isinstance(categories, list) or not all(isinstance(one, str) for one in categories):
        raise ClaimError("moderation needs a list of categories as its value, or none")
    return categories


@foreseen_by(_label)
async def classifier(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the label's score (without a label: the highest) reaches 1, or the threshold."""
    label = _label(claim)
    answer = await context.graders.ask("classification", claim, text_of(reply), context.variables)
    scores = answer.output
    if answer.error or not isinstance(scores, Mapping):
        return broken_grader(answer.error or "The grader gave no classes", answer)
    numbers = {str(key): value for key, value in scores.items() if isinstance(value, int | float)}
    score = max(numbers.values(), default=0.0) if label is None else numbers.get(label, 0.0)
    threshold = 1 if claim.threshold is None else claim.threshold
    what = "The highest class" if label is None else f"The class {label}"
    reason = f"{what} has the score {score:.2f}, the threshold is {to_text(threshold)}"
    return Verdict(passed=score >= threshold - SLACK, score=score, reason=reason, tokens=answer.tokens)


@foreseen_by(_categories)
async def moderation(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the moderating model flags nothing in the output (of the value's categories, where it lists some)."""
    categories = _categories(claim)
    text = text_of(reply)
    if not text:
        return passing("There is no output to moderate")
    variables = {**context.variables, "userPrompt": _last_words(context.prompt)}
    answer = await context.graders.ask("moderation", claim, text, variables)
    if answer.error:
        return broken_grader(answer.error, answer)
    flags = answer.output if isinstance(answer.output, list) else (answer.extra.get("flags") or [])
    flagged = [
        flag for flag in flags if isinstance(flag, Mapping) and (not categories or flag.get("code") in categories)
    ]
    if not flagged:
        return passing("Nothing was flagged")
    names = ", ".join(str(flag.get("description") or flag.get("code")) for flag in flagged)
    return failing(f"The output was flagged: {names}")


def _last_words(prompt: str) -> str:
    """Return what the user said last in a chat, or the prompt itself."""
    chat = parsed(prompt)
    if not isinstance(chat, list):
        return prompt
    messages: list[Any] = [one for one in chat if isinstance(one, Mapping)]
    users = [one for one in messages if one.get("role") == "user"]
    for message in reversed(users or messages):
        if isinstance(message.get("content"), str):
            return str(message["content"])
    return prompt
