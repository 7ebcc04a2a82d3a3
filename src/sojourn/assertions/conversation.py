"""The assertion on a whole conversation: whether each answer has to do with what was said before."""

from __future__ import annotations

import json
from typing import Any

from sojourn.assertions import grading_prompts as prompts
from sojourn.assertions.grading import SLACK, asked, broken_grader, rubric_prompt, verdict_object
from sojourn.assertions.reading import text_of
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext

_WINDOW = 5


async def conversation_relevance(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when half of the turns (or the threshold) fit the turns before them; `config.windowSize` is 5."""
    turns = context.variables.get("_conversation") or [{"input": context.prompt, "output": text_of(reply)}]
    size = _window(claim)
    misses: list[str] = []
    for end in range(1, len(turns) + 1):
        answer = await _looked_at(claim, turns[max(0, end - size) : end], context)
        if isinstance(answer, Verdict):
            return answer
        misses += answer
    score = 1 - len(misses) / len(turns)
    threshold = 0.5 if claim.threshold is None else claim.threshold
    fits = f"{len(turns) - len(misses)} of {len(turns)} turns fit what was said before"
    return Verdict(
        passed=(score >= threshold - SLACK) is not claim.negated,
        score=1 - score if claim.negated else score,
        reason="; ".join([fits, *(miss for miss in misses if miss)]),
        final=True,
    )


def _window(claim: Claim) -> int:
    size = claim.config.get("windowSize") or _WINDOW
    if not isinstance(size, int) or size < 1:
        raise ClaimError(f"conversation-relevance: windowSize must be a whole number from 1, not {size!r}")
    return size


async def _looked_at(claim: Claim, turns: list[Any], context: ClaimContext) -> list[str] | Verdict:
    """Return why the last turn misses the conversation, in a list that is empty where it fits."""
    messages: list[dict[str, str]] = []
    for turn in turns:
        messages.append({"role": "user", "content": _text(turn.get("input"))})
        messages.append({"role": "assistant", "content": _text(turn.get("output"))})
    variables = {"messages": turns, "transcript": json.dumps(messages, ensure_ascii=False, indent=2)}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.CONVERSATION), variables, context)
    if isinstance(answer, Verdict):
        return answer
    found = verdict_object(answer) or {}
    if found.get("verdict") not in ("yes", "no"):
        return broken_grader(f"The grader said neither yes nor no: {str(answer.output)[:200]}", answer)
    return [] if found["verdict"] == "yes" else [str(found.get("reason") or "")]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
