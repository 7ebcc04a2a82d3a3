"""The assertion on a live session after the turn: a query on the database, a selector on the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sojourn.assertions.reading import text_value
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.session import unclear
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext

MOST_SHOWN = 200


async def session(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when what the expression finds in the session is what `equals` says, or, without it, is anything at all.

    `session` names the one that is meant where a test has several. A single row with a single column is its value.
    """
    del reply  # what the provider did counts, not what it said
    name = _name(claim, context)
    expression = text_value(claim)
    found = _only(await context.sessions[name].look(expression))
    if "equals" not in claim.raw:
        shown = f"{name}: {expression} finds {_shown(found)}"
        return Verdict(passed=bool(found), score=float(bool(found)), reason=shown)
    wanted = _rendered(claim.raw["equals"], context)
    passed = found == wanted
    reason = f"{name}: {expression} finds {_shown(found)}" + ("" if passed else f", not {_shown(wanted)}")
    return Verdict(passed=passed, score=float(passed), reason=reason)


def _name(claim: Claim, context: ClaimContext) -> str:
    known = list(context.sessions)
    name = claim.raw.get("session")
    if mistake := unclear(name, known):
        what, todo = mistake
        raise ClaimError(what, todo=todo)
    return known[0] if name is None else str(name)


def _only(found: Any) -> Any:
    """Return the value of a result that is one row with one column; any other as it is."""
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], Mapping) and len(found[0]) == 1:
        return next(iter(found[0].values()))
    return found


def _rendered(value: Any, context: ClaimContext) -> Any:
    if isinstance(value, str):
        return context.render(value, context.variables) if "{" in value else value
    if isinstance(value, list):
        return [_rendered(item, context) for item in value]
    if isinstance(value, Mapping):
        return {key: _rendered(item, context) for key, item in value.items()}
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."
