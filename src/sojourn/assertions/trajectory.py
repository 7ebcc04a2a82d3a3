"""Assertions on what an agent did, read from the spans of its trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sojourn.assertions import grading_prompts as prompts
from sojourn.assertions.foreseen import foreseen_by
from sojourn.assertions.grading import graded, rubric_prompt
from sojourn.assertions.reading import text_of
from sojourn.assertions.steps import MISSING, Step, step_of, told_briefly
from sojourn.assertions.trace import like, limits, spans_of
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, judged
from sojourn.protocols import ClaimContext

_HEAD = _TAIL = 12
"""How many of a long trajectory's first and last steps a grader is shown."""


def _uses(claim: Claim) -> tuple[list[str] | Mapping[str, Any], float, float]:
    """Return the names of the tools, or which one is meant; and how often that one must be used."""
    if isinstance(claim.value, Mapping):
        return _wanted(claim.value, claim), *limits({"min": 1, **claim.value}, claim)
    names = [claim.value] if isinstance(claim.value, str) else claim.value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ClaimError("trajectory:tool-used needs a tool's name, a list of names, or a mapping with a name")
    return names, 1, 1


@foreseen_by(_uses)
def tool_used(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when every named tool was used, or the one in question as often as `min` (1) and `max` say.

    Behind `not-`, none of the named tools may have been used.
    """
    names, least, most = _uses(claim)
    steps = _tools(claim, context)
    if isinstance(names, Mapping):
        wanted = names
        count = sum(1 for step in steps if _fits(step, wanted))
        seen = f"used {count} times, expected {least:g} to {most:g}: {told_briefly(steps)}"
        return judged(least <= count <= most, float(least <= count <= most), f"{_title(wanted)} was {seen}")
    used = [name for name in names if any(_fits(step, {"name": name}) for step in steps)]
    if claim.negated:
        reason = f"Used, and should not have been: {', '.join(used)}; the tools were {told_briefly(steps)}"
        passed = not used
        return Verdict(passed=passed, score=float(passed), reason="Assertion passed" if passed else reason, final=True)
    unused = ", ".join(name for name in names if name not in used)
    return judged(not unused, float(not unused), f"Not used: {unused}; the tools were {told_briefly(steps)}")


def _steps(claim: Claim) -> list[Mapping[str, Any]]:
    value = claim.value if isinstance(claim.value, Mapping) else {"steps": claim.value}
    listed = value.get("steps")
    if not isinstance(listed, list) or not listed:
        raise ClaimError("trajectory:tool-sequence needs a list of steps")
    return [_wanted(each, claim) for each in listed]


@foreseen_by(_steps)
def tool_sequence(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the tools were used in the order of `steps`, others between them; `mode: exact` allows no others."""
    wanted = _steps(claim)
    steps = _tools(claim, context)
    if isinstance(claim.value, Mapping) and claim.value.get("mode") == "exact":
        passed = len(wanted) == len(steps) and all(map(_fits, steps, wanted))
    else:
        left = iter(steps)
        passed = all(any(_fits(step, each) for step in left) for each in wanted)
    expected = ", ".join(map(_title, wanted))
    return judged(passed, float(passed), f"Expected {expected}; the tools were {told_briefly(steps)}")


def _use(claim: Claim) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return which tool is meant, and the whole value, which says what it must have been told."""
    value = claim.value
    wanted = _wanted(value, claim)
    if not isinstance(value, Mapping) or not {"args", "arguments"} & value.keys():
        raise ClaimError("trajectory:tool-args-match needs args")
    if value.get("mode", "partial") not in ("partial", "exact"):
        raise ClaimError(f"trajectory:tool-args-match: mode must be partial or exact, not {value['mode']!r}")
    _ignored(value.get("ignore"))
    return wanted, value


@foreseen_by(_use)
def tool_args_match(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when one use of the tool had the arguments in `args`: at least these, or with `mode: exact` no others.

    Arguments in `ignore` do not count, nor those that are what `defaults` says.
    """
    wanted, value = _use(claim)
    ignored = _ignored(value.get("ignore"))
    expected = _without(value.get("args", value.get("arguments")), ignored, {})
    defaults = value.get("defaults") or {}
    uses = [step.arguments for step in _tools(claim, context) if _fits(step, wanted) and step.arguments is not MISSING]
    exact = value.get("mode") == "exact"
    passed = any(_alike(_without(use, ignored, defaults), expected, exact=exact) for use in uses)
    seen = ", ".join(json.dumps(use, default=str) for use in uses) or "(none)"
    return judged(passed, float(passed), f"{_title(wanted)}: expected {json.dumps(expected, default=str)}, seen {seen}")


def _count(claim: Claim) -> tuple[float, float]:
    value = claim.value
    if not isinstance(value, Mapping) or (value.get("min") is None and value.get("max") is None):
        raise ClaimError("trajectory:step-count needs a value with min or max")
    return limits(value, claim)


@foreseen_by(_count)
def step_count(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when as many steps as `min` and `max` allow are of `type` and fit `pattern`."""
    least, most = _count(claim)
    steps = [step for step in _done(claim, context) if _fits(step, claim.value)]
    passed = least <= len(steps) <= most
    seen = f"{len(steps)} steps fit, expected {least:g} to {most:g}: {told_briefly(steps)}"
    return judged(passed, float(passed), seen)


def _goal(claim: Claim) -> str:
    goal = claim.value.get("goal") if isinstance(claim.value, Mapping) else claim.value
    if not isinstance(goal, str) or not goal.strip():
        raise ClaimError("trajectory:goal-success needs a goal")
    return goal.strip()


@foreseen_by(_goal)
async def goal_success(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the grader finds that what the agent did and said reached the goal."""
    goal = _goal(claim)
    steps = [f"{number}. {step}" for number, step in enumerate(_done(claim, context), 1)]
    if len(steps) > _HEAD + _TAIL:
        steps = [*steps[:_HEAD], f"({len(steps) - _HEAD - _TAIL} more)", *steps[-_TAIL:]]
    told = {"goal": goal, "trajectory": "\n".join(steps) or "(none)", "output": text_of(reply)}
    return await graded(claim, rubric_prompt(claim, context, prompts.GOAL), told, context)


def _done(claim: Claim, context: ClaimContext) -> list[Step]:
    """Return what the agent did; the trace says which tools ran commands (`tracing.commandToolNames`)."""
    spans = spans_of(claim, context)
    about = context.script["trace"].get("metadata")
    names = about.get("commandToolNames") if isinstance(about, Mapping) else None
    shells = [name.strip().lower() for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return [step_of(span, shells) for span in spans]


def _tools(claim: Claim, context: ClaimContext) -> list[Step]:
    return [step for step in _done(claim, context) if step.type == "tool"]


def _wanted(written: Any, claim: Claim) -> Mapping[str, Any]:
    """Return a matcher as a mapping; raises ClaimError for one that names nothing."""
    matcher: Any = {"name": written} if isinstance(written, str) else written
    if not isinstance(matcher, Mapping) or not (matcher.get("pattern") or matcher.get("name")):
        raise ClaimError(f"{claim.type} needs a name or a pattern for each tool")
    return matcher


def _title(matcher: Mapping[str, Any]) -> str:
    return str(matcher.get("pattern") or matcher.get("name"))


def _fits(step: Step, matcher: Mapping[str, Any]) -> bool:
    kind = matcher.get("type")
    if kind and step.type not in (kind if isinstance(kind, list) else [kind]):
        return False
    pattern = matcher.get("pattern") or matcher.get("name")
    return not pattern or any(like(name, str(pattern)) for name in step.names)


def _ignored(written: Any) -> Sequence[str]:
    names = [written] if isinstance(written, str) else written or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ClaimError("trajectory:tool-args-match: ignore must be a name or a list of names")
    return names


def _without(arguments: Any, ignored: Sequence[str], defaults: Mapping[str, Any]) -> Any:
    if not isinstance(arguments, Mapping):
        return arguments
    return {key: value for key, value in _kept(arguments, ignored) if key not in defaults or value != defaults[key]}


def _kept(arguments: Mapping[str, Any], ignored: Sequence[str]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in arguments.items() if not any(like(key, name) for name in ignored))


def _alike(actual: Any, expected: Any, *, exact: bool) -> bool:
    """Compare arguments; unless `exact`, an object may hold more than is expected of it."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        if exact and actual.keys() != expected.keys():
            return False
        return all(key in actual and _alike(actual[key], value, exact=exact) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        pairs = zip(actual, expected, strict=False)
        return len(actual) == len(expected) and all(_alike(one, other, exact=exact) for one, other in pairs)
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    return bool(actual == expected)
