"""Asking a model to judge: its prompt is made, its answer read, its failure told apart from a no."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sojourn.assertions.embedded import objects_in
from sojourn.assertions.reading import parse_json
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext
from sojourn.template.jsontext import json_text
from sojourn.template.values import to_number

SLACK = 2.220446049250313e-16
"""What sums of shares may lack of a threshold by rounding."""


def broken_grader(reason: str, answer: Reply | None = None) -> Verdict:
    """Make the verdict on a grader that failed: no, whether or not `not-` stands there."""
    tokens = answer.tokens if answer else {}
    return Verdict(passed=False, score=0, reason=reason, tokens=tokens, metadata={"graderError": True}, final=True)


def rubric_prompt(claim: Claim, context: ClaimContext, default: str, part: str = "") -> str:
    """Return the claim's own grading prompt, or the test's, or the default.

    `part` names the prompt among several (`steps`), or its place in a list ("0").
    """
    options = context.test.get("options") or {}
    found = claim.rubric_prompt or options.get("rubricPrompt")
    if part and isinstance(found, Mapping):
        found = found.get(part)
    elif part.isdecimal() and isinstance(found, list):
        found = found[int(part)] if int(part) < len(found) else None
        found = found.get("content") if isinstance(found, Mapping) else found
    elif part and not part.isdecimal():
        found = None
    if isinstance(found, str) and found.startswith("file://"):
        found = _loaded(found, context.base)
    if not found:
        return default
    return found if isinstance(found, str) else json_text(found)


def _loaded(reference: str, base: str) -> str:
    path = Path(base, reference.removeprefix("file://"))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ClaimError(f"the grading prompt cannot be read: {path}: {error.strerror}") from error
    if path.suffix not in (".yaml", ".yml"):
        return text
    import yaml

    return json_text(yaml.safe_load(text))


def made(prompt: str, variables: Mapping[str, Any], context: ClaimContext) -> str:
    """Render a grading prompt; in JSON chat text each string on its own, so that no value breaks out of it."""
    plain = {key: _flat(value) for key, value in {**context.variables, **variables}.items()}
    try:
        chat = parse_json(prompt)
    except ValueError:
        return context.render(prompt, plain)
    return json_text(_rendered(chat, plain, context))


def _flat(value: Any) -> Any:
    """Write objects as JSON, so that `{{ output }}` shows them; a list keeps its items apart."""
    if isinstance(value, dict):
        return json_text(value)
    return (
        [json_text(one) if isinstance(one, dict | list) else one for one in value] if isinstance(value, list) else value
    )


def _rendered(value: Any, variables: Mapping[str, Any], context: ClaimContext) -> Any:
    if isinstance(value, str):
        return context.render(value, variables)
    if isinstance(value, list):
        return [_rendered(item, variables, context) for item in value]
    if isinstance(value, dict):
        return {key: _rendered(item, variables, context) for key, item in value.items()}
    return value


async def asked(claim: Claim, prompt: str, variables: Mapping[str, Any], context: ClaimContext) -> Reply | Verdict:
    """Ask the text grader; returns its reply, or the verdict that it failed."""
    text = made(prompt, variables, context)
    answer = await context.graders.ask("text", claim, text, {**context.variables, **variables})
    if answer.error or answer.output in (None, ""):
        return broken_grader(answer.error or "The grader said nothing", answer)
    return answer


def said(claim: Claim, answer: Reply) -> str:
    """Return what the grader wrote; raises ClaimError where it answered with data."""
    if isinstance(answer.output, str):
        return answer.output
    if isinstance(answer.output, dict | list):
        return json.dumps(answer.output, ensure_ascii=False)
    raise ClaimError(f"{claim.type}: the grader answered {answer.output!r}, which is no text")


def verdict_object(answer: Reply) -> Mapping[str, Any] | None:
    """Return the object in which a grader gave its verdict: its output, or the first object in its text."""
    if isinstance(answer.output, Mapping):
        return answer.output
    found = objects_in(answer.output) if isinstance(answer.output, str) else []
    return found[0] if found and isinstance(found[0], Mapping) else None


async def graded(claim: Claim, prompt: str, variables: Mapping[str, Any], context: ClaimContext) -> Verdict:
    """Ask for a verdict with `pass`, `score` and `reason`, and read it; a threshold must be reached as well."""
    answer = await asked(claim, prompt, variables, context)
    if isinstance(answer, Verdict):
        return answer
    found = verdict_object(answer)
    if found is None:
        return broken_grader(f"The grader's answer has no JSON verdict in it: {str(answer.output)[:200]}", answer)
    passed, score = _read(found)
    if claim.threshold is not None:
        passed = passed and score >= claim.threshold
    reason = found.get("reason") or ("The grader agrees" if passed else f"The grader's score is {score:g}")
    if claim.negated:
        passed, score = not passed, min(1.0, max(0.0, 1 - score))
    return Verdict(passed=passed, score=score, reason=str(reason), tokens=answer.tokens, final=True)


def _read(found: Mapping[str, Any]) -> tuple[bool, float]:
    """Read `pass` (yes, where it is missing) and `score` (as `pass` has it, where it is missing or no number)."""
    told = found.get("pass")
    passed = (
        told
        if isinstance(told, bool)
        else told is None or bool(re.fullmatch(r"true|yes|pass|y", str(told), re.IGNORECASE))
    )
    number = to_number(found["score"]) if "score" in found else float(passed)
    return passed, number if abs(number) < float("inf") else float(passed)
