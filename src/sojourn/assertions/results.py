"""What a script assertion returned becomes a verdict."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.template.values import to_text

_SNAKE = {
    "pass_": "pass",
    "named_scores": "namedScores",
    "component_results": "componentResults",
    "tokens_used": "tokensUsed",
}
_SHAPE = "true or false, a number, or an object with pass, score and reason"


def strict_verdict(claim: Claim, value: Any) -> Verdict:
    """Read what JavaScript returned: a boolean, a number or a whole result, nothing else."""
    if isinstance(value, bool | int | float):
        return _simple(claim, value)
    if isinstance(value, Mapping) and not _flaw(value):
        return _whole(claim, value)
    return broken(f"It must return {_SHAPE}, not {_shown(value)}")


def lenient_verdict(claim: Claim, value: Any) -> Verdict:
    """Read what Python returned: also texts that say true, false, a number or JSON, and snake_case keys."""
    if isinstance(value, str):
        return _of_text(claim, value)
    if isinstance(value, bool | int | float):
        return _simple(claim, value)
    if not isinstance(value, Mapping):
        return broken(f"It must return {_SHAPE}, not {_shown(value)}")
    result = camel(value)
    flaw = _flaw(result)
    if flaw:
        return broken(f"It must return {_SHAPE}, but {flaw}: {_shown(value)}")
    if claim.threshold is not None and result["score"] < claim.threshold:
        low = f"The score {to_text(result['score'])} is less than {to_text(claim.threshold)}"
        result = {**result, "pass": False, "reason": f"{low}: {result['reason']}" if result["reason"] else low}
    return _whole(claim, result)


def _of_text(claim: Claim, text: str) -> Verdict:
    if text.lower() in ("true", "false"):
        return _simple(claim, text.lower() == "true")
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            return broken(f"It returned what looks like JSON and is none ({error}): {_shown(text)}")
        return lenient_verdict(claim, found)
    number = re.match(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", text)
    return _simple(claim, float(number[0])) if number else broken(f"It must return {_SHAPE}, not {_shown(text)}")


def camel(result: Mapping[str, Any]) -> dict[str, Any]:
    """Write the keys of a result, and of its parts, as promptfoo names them."""
    made = {_SNAKE.get(key, key): value for key, value in result.items() if _SNAKE.get(key, key) not in result}
    made |= {key: value for key, value in result.items() if key not in _SNAKE}
    parts = made.get("componentResults")
    if isinstance(parts, list):
        made["componentResults"] = [camel(part) if isinstance(part, Mapping) else part for part in parts]
    return made


def _flaw(result: Mapping[str, Any]) -> str:
    if not isinstance(result.get("pass"), bool):
        return "`pass` is not true or false"
    if not _is_number(result.get("score")):
        return "`score` is no number"
    if not isinstance(result.get("reason"), str):
        return "`reason` is no text"
    return next((f"`{key}` is no object" for key in ("namedScores", "tokensUsed") if _no_object(result, key)), "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _no_object(result: Mapping[str, Any], key: str) -> bool:
    return result.get(key) is not None and not isinstance(result[key], Mapping)


def _simple(claim: Claim, value: bool | float) -> Verdict:  # noqa: FBT001  it is the script's answer
    if isinstance(value, bool):
        passed = value is not claim.negated
        return Verdict(passed=passed, score=float(passed), reason=_reason(passed, value), final=True)
    if not math.isfinite(value):
        return broken(f"It returned {to_text(value)}, which is no score")
    raw = value > 0 if claim.threshold is None else value >= claim.threshold
    passed = raw is not claim.negated
    return Verdict(passed=passed, score=value, reason=_reason(passed, value), final=True)


def _reason(passed: bool, value: bool | float) -> str:  # noqa: FBT001  as above
    return "Assertion passed" if passed else f"The code returned {to_text(value)}"


def _whole(claim: Claim, result: Mapping[str, Any]) -> Verdict:
    """`not-` turns pass round and leaves the score alone, as it does for numbers."""
    passed = result["pass"] is not claim.negated
    reason = _reason(passed, result["pass"]) if claim.negated else result["reason"]
    return Verdict(
        passed=passed,
        score=result["score"],
        reason=reason or _reason(passed, result["pass"]),
        named_scores={key: one for key, one in (result.get("namedScores") or {}).items() if _is_number(one)},
        tokens=dict(result.get("tokensUsed") or {}),
        metadata=_metadata(result),
        parts=tuple(_part(part) for part in _parts(result)),
        final=True,
    )


def _metadata(result: Mapping[str, Any]) -> dict[str, Any]:
    told = result.get("metadata")
    kept = dict(told) if isinstance(told, Mapping) else {}
    return kept | {key: result[key] for key in ("comment", "suggestions") if result.get(key)}


def _parts(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts = result.get("componentResults")
    return [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []


def _part(part: Mapping[str, Any]) -> Verdict:
    """Read one of a script's own parts, which need not be complete; it is never turned round."""
    score = part.get("score")
    passed = part.get("pass") is True
    raw = part.get("assertion")
    return Verdict(
        passed=passed,
        score=score if isinstance(score, int | float) and _is_number(score) else float(passed),
        reason=str(part.get("reason") or ""),
        claim=_claim(raw) if isinstance(raw, Mapping) and isinstance(raw.get("type"), str) else None,
        metadata=_metadata(part),
        parts=tuple(_part(inner) for inner in _parts(part)),
        final=True,
    )


def _claim(raw: Mapping[str, Any]) -> Claim:
    name: str = raw["type"]
    return Claim(type=name.removeprefix("not-"), negated=name.startswith("not-"), value=raw.get("value"), raw=raw)


def broken(reason: str) -> Verdict:
    """Make the verdict on a script that broke or answered nonsense: no, whether or not `not-` stands there."""
    return Verdict(passed=False, score=0, reason=reason, final=True)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:200]}..."
