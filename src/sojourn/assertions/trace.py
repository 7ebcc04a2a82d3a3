"""Assertions on the spans of a trace: how many, how long, how many went wrong."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Mapping
from typing import Any

from sojourn.assertions.foreseen import foreseen_by
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, judged, passing
from sojourn.protocols import ClaimContext

_BAD = re.compile(r"error|failed|failure|exception|timeout|abort", re.IGNORECASE)


def spans_of(claim: Claim, context: ClaimContext) -> list[Mapping[str, Any]]:
    """Return the spans of the trial's trace in the order of their beginning; raises ClaimError without a trace."""
    trace = context.script.get("trace")
    spans = trace.get("spans") if isinstance(trace, Mapping) else None
    if not isinstance(spans, list):
        todo = "set tracing.enabled, or let the provider report its spans in metadata.trace"
        raise ClaimError(f"{claim.type} needs a trace, and there is none", todo=todo)
    whole = [span for span in spans if isinstance(span, Mapping)]
    return sorted(whole, key=lambda span: (_moment(span, "startTime") or 0, _moment(span, "endTime") or 0))


def like(name: str, pattern: str) -> bool:
    """Tell whether a name fits a pattern of `*` and `?`, in upper or lower case."""
    escaped = re.sub(r"\[", "[[]", pattern)
    return re.fullmatch(fnmatch.translate(escaped), name, re.IGNORECASE) is not None


def limits(value: Mapping[str, Any], claim: Claim) -> tuple[float, float]:
    """Return the least and the most that a value allows; raises ClaimError where these are no numbers."""
    least, most = value.get("min"), value.get("max")
    for limit in (least, most):
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
            raise ClaimError(f"{claim.type}: min and max must be numbers, not {limit!r}")
    return (0 if least is None else least), (math.inf if most is None else most)


def _counted(claim: Claim) -> tuple[float, float]:
    value = claim.value
    if not isinstance(value, Mapping) or not value.get("pattern"):
        raise ClaimError("trace-span-count needs a value with a pattern")
    return limits(value, claim)


@foreseen_by(_counted)
def span_count(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when as many spans as `min` and `max` allow have a name that fits `pattern`."""
    least, most = _counted(claim)
    value = claim.value
    found = [span for span in spans_of(claim, context) if like(_name(span), str(value["pattern"]))]
    passed = least <= len(found) <= most
    seen = f"{len(found)} spans fit {value['pattern']!r}, expected {least:g} to {most:g}"
    return _final(judged(passed, float(passed), seen, seen))


def _longest(claim: Claim) -> float:
    most = claim.value.get("max") if isinstance(claim.value, Mapping) else None
    if isinstance(most, bool) or not isinstance(most, int | float):
        raise ClaimError("trace-span-duration needs a value with max, in milliseconds")
    return most


@foreseen_by(_longest)
def span_duration(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when no span that fits `pattern`, or with `percentile` so many per cent of them, took longer than `max`."""
    spans = spans_of(claim, context)
    value, most = claim.value, _longest(claim)
    pattern, part = str(value.get("pattern") or "*"), value.get("percentile")
    took = sorted(length for span in spans if like(_name(span), pattern) and (length := _length(span)) is not None)
    if not took:
        return _final(passing(f"No span fits {pattern!r}"))
    which = took[max(0, math.ceil(part / 100 * len(took)) - 1)] if isinstance(part, int | float) else took[-1]
    passed = which <= most
    return _final(
        judged(passed, float(passed), f"{len(took)} spans fit {pattern!r}; one took {which:g} ms of {most:g}")
    )


def error_spans(claim: Claim, _reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when no more than `max_count` (0) or `max_percentage` of the spans that fit `pattern` went wrong."""
    spans = spans_of(claim, context)
    value = claim.value if isinstance(claim.value, Mapping) else {"max_count": claim.value}
    count, share = _amount(value.get("max_count")), _amount(value.get("max_percentage"))
    pattern = str(value.get("pattern") or "*")
    found = [span for span in spans if like(_name(span), pattern)]
    wrong = [span for span in found if _went_wrong(span)]
    if count is None and share is None:
        count = 0
    passed = (count is None or len(wrong) <= count) and (share is None or len(wrong) * 100 <= share * len(found))
    names = ", ".join(_name(span) for span in wrong[:3])
    return _final(judged(passed, float(passed), f"{len(wrong)} of {len(found)} spans went wrong: {names}"))


def _final(verdict: Verdict) -> Verdict:
    """Take a verdict as it is: promptfoo does not turn these round."""
    return Verdict(passed=verdict.passed, score=verdict.score, reason=verdict.reason, final=True)


def _amount(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _name(span: Mapping[str, Any]) -> str:
    return str(span.get("name") or "")


def _moment(span: Mapping[str, Any], key: str) -> float | None:
    return _amount(span.get(key))


def _length(span: Mapping[str, Any]) -> float | None:
    start, end = _moment(span, "startTime"), _moment(span, "endTime")
    return None if start is None or end is None else end - start


def _went_wrong(span: Mapping[str, Any]) -> bool:
    code = _amount(span.get("statusCode")) or 0
    if code == 2 or code >= 400 or _BAD.search(str(span.get("statusMessage") or "")):
        return True
    told = span.get("attributes")
    attributes: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    flags = (attributes.get(key) for key in ("error", "exception", "failed", "failure"))
    if any(flag is True or flag == "true" or isinstance(flag, dict | list) for flag in flags):
        return True
    answered = str(attributes.get("http.status_code") or "")
    return (answered.isdecimal() and int(answered) >= 400) or "ERROR" in (
        attributes.get("otel.status_code"),
        attributes.get("status.code"),
    )
