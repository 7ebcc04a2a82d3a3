"""Assertions on retrieval: whether an answer and its context belong together, as a model sees it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from sojourn.assertions import grading_prompts as prompts
from sojourn.assertions.grading import SLACK, asked, rubric_prompt, said
from sojourn.assertions.reading import parsed, text_of, text_value
from sojourn.assertions.similar import cosine, embedding
from sojourn.errors import ClaimError, CodeError
from sojourn.model.reference import Reference
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_text

_QUESTIONS = 3


async def answer_relevance(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when questions that fit the answer are near the real one: the mean of three cosines."""
    query = context.variables.get("query")
    question = query if isinstance(query, str) else context.prompt
    prompt = rubric_prompt(claim, context, prompts.QUESTION)
    texts = [question]
    for _ in range(_QUESTIONS):
        answer = await asked(claim, prompt, {"answer": parsed(text_of(reply))}, context)
        if isinstance(answer, Verdict):
            return answer
        texts.append(said(claim, answer))
    vectors = await asyncio.gather(*(embedding(claim, text, context) for text in texts))
    failed = next((one for one in vectors if isinstance(one, Verdict)), None)
    if failed:
        return failed
    first, *others = [one for one in vectors if isinstance(one, list)]
    return _reached(claim, sum(cosine(first, other) for other in others) / _QUESTIONS, "relevance")


def _reached(claim: Claim, score: float, what: str, metadata: dict[str, Any] | None = None) -> Verdict:
    threshold = claim.threshold or 0
    return Verdict(
        passed=score >= threshold - SLACK,
        score=score,
        reason=f"The {what} is {score:.2f}, the threshold {to_text(threshold)}",
        metadata=metadata or {},
    )


async def context_recall(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when enough sentences of the value are found in the context (without one: in the prompt)."""
    chunks = await _chunks(claim, reply, context, context.prompt)
    variables = {"context": _joined(chunks), "groundTruth": text_value(claim)}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.RECALL), variables, context)
    if isinstance(answer, Verdict):
        return answer
    lines = [line.lower() for line in said(claim, answer).split("\n")]
    no = sum(1 for line in lines if "[not attributed]" in line)
    yes = sum(1 for line in lines if "[attributed]" in line and "[not attributed]" not in line)
    return _reached(claim, yes / (yes + no) if yes + no else 0.0, "recall", {"context": chunks})


async def context_relevance(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when enough of the context helps to answer `vars.query`."""
    query = _query(claim, context)
    chunks = await _chunks(claim, reply, context)
    variables = {"context": _joined(chunks), "query": query}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.RELEVANCE), variables, context)
    if isinstance(answer, Verdict):
        return answer
    text = said(claim, answer)
    units = [one for one in chunks if one.strip()] if isinstance(chunks, list) else _sentences(chunks)
    apart = isinstance(chunks, list) or len(_lines(chunks)) > 1
    picked = set() if "Insufficient Information" in text else set(_lines(text) if apart else _sentences(text))
    score = min(len(picked), len(units)) / len(units) if units else 0.0
    return _reached(claim, score, "relevance of the context", {"context": chunks})


async def context_faithfulness(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the context supports enough of the statements that the output makes."""
    query = _query(claim, context)
    chunks = await _chunks(claim, reply, context)
    first = {"question": query, "answer": parsed(text_of(reply))}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.STATEMENTS, "0"), first, context)
    if isinstance(answer, Verdict):
        return answer
    statements = _lines(said(claim, answer))
    second = {"context": _joined(chunks), "statements": statements}
    answer = await asked(claim, rubric_prompt(claim, context, prompts.VERDICTS, "1"), second, context)
    if isinstance(answer, Verdict):
        return answer
    supported = _supported(said(claim, answer).lower(), len(statements))
    return _reached(claim, supported / len(statements) if statements else 0.0, "faithfulness", {"context": chunks})


def _supported(text: str, count: int) -> int:
    """Count the verdicts that say yes, at most one for each statement; a statement without one says no."""
    _, mark, final = text.partition("final verdict for each statement in order:")
    if mark:
        answers = [one for one in final.split(".") if one.strip()]
        return max(0, count - sum(1 for one in answers if "yes" not in one) - max(0, count - len(answers)))
    no, yes = text.count("verdict: no"), text.count("verdict: yes")
    return max(0, count - no - max(0, count - no - yes))


def _query(claim: Claim, context: ClaimContext) -> str:
    query = context.variables.get("query")
    if isinstance(query, str):
        return query
    raise ClaimError(f"{claim.type} needs the question in the variable `query`")


async def _chunks(claim: Claim, reply: Reply, context: ClaimContext, fallback: str = "") -> str | list[str]:
    """Return the context: what `contextTransform` makes of the reply, or else the variable `context`.

    It is given the output before the transforms of the test and of the assertion, which pick the answer out of it.
    """
    found: Any = context.variables.get("context") or fallback
    if claim.context_transform:
        found = await _transformed(claim, reply, context)
    texts = found if isinstance(found, list) else [found]
    if not texts or not all(isinstance(one, str) and one for one in texts):
        todo = "give the variable `context`, or a contextTransform, which must make a text or a list of texts"
        raise ClaimError(f"{claim.type} has no context", todo=todo)
    return list(found) if isinstance(found, list) else str(found)


async def _transformed(claim: Claim, reply: Reply, context: ClaimContext) -> Any:
    source = claim.context_transform
    reference = None
    if source.startswith("file://"):
        reference = Reference.parse(source, base=context.base, role="context_transform")
    reference = reference or Reference.inline("javascript", source, role="context_transform")
    told = {
        "vars": dict(context.variables),
        "prompt": {"label": context.prompt},
        "metadata": dict(reply.metadata),
    }
    response: Mapping[str, Any] = context.script.get("providerResponse") or {}
    output = response.get("providerTransformedOutput", reply.output)
    try:
        return (await context.code.call(reference, output, told)).value
    except CodeError as error:
        raise ClaimError(f"the contextTransform of {claim.type} broke: {error}") from error


def _joined(chunks: str | list[str]) -> str:
    return "\n\n".join(chunks) if isinstance(chunks, list) else chunks


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _sentences(text: str) -> list[str]:
    """Return the lines of a text, or where there is but one, its sentences."""
    lines = _lines(text)
    parts = lines if len(lines) > 1 else re.split(r"(?<=[.!?])\s+", text)
    return [part.strip() for part in parts if part.strip() and not re.fullmatch(r"\d+[.)]", part.strip())]
