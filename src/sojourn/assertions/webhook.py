"""The assertion that asks a web service."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any
from urllib import error as urlerror
from urllib import request as urlrequest

from sojourn.assertions.foreseen import foreseen_by
from sojourn.assertions.reading import text_value
from sojourn.assertions.results import broken
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext

_MOST = 10_000_000


def _address(claim: Claim) -> str:
    url = text_value(claim)
    if not url.startswith(("http://", "https://")):
        raise ClaimError(f"webhook needs an http address, not {url!r}")
    return url


@foreseen_by(_address)
async def webhook(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the service at the value's address says so: it is sent the output and answers `{pass, score, reason}`.

    It has WEBHOOK_TIMEOUT milliseconds (5000). No answer, or a broken one, fails, whether or not `not-` stands there.
    """
    url = _address(claim)
    body = {"output": reply.output, "context": {"prompt": context.prompt, "vars": dict(context.variables)}}
    try:
        told = await asyncio.to_thread(_post, url, json.dumps(body, default=str).encode(), _seconds())
    except (OSError, ValueError, RecursionError, urlerror.URLError) as error:
        return broken(f"The webhook broke: {error}")
    return _verdict(claim, told)


def _seconds() -> float:
    given = os.environ.get("WEBHOOK_TIMEOUT", "")
    return int(given) / 1000 if given.isdecimal() and int(given) else 5.0


def _post(url: str, body: bytes, seconds: float) -> Any:
    headers = {"Content-Type": "application/json"}
    question = urlrequest.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  http, checked above
    with urlrequest.urlopen(question, timeout=seconds) as answer:  # noqa: S310  as above
        return json.loads(answer.read(_MOST))


def _verdict(claim: Claim, told: Any) -> Verdict:
    if not isinstance(told, dict):
        return broken(f"The webhook answered {str(told)[:200]!r}, not an object with `pass`")
    passed = (told.get("pass") is True) is not claim.negated
    score = told.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        score = float(passed)
    elif claim.negated:
        score = 1 - score
    reason = told.get("reason") or ("Assertion passed" if passed else f"The webhook answered {told.get('pass')!r}")
    return Verdict(passed=passed, score=score, reason=str(reason), final=True)
