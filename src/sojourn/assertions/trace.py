"""Assertions on traces, which are refused: no trace is recorded."""

from __future__ import annotations

from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext


def needs_trace(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Refuse: the assertion looks at the spans of a trace. Raises ClaimError."""
    del reply, context
    raise ClaimError(
        f"{claim.type} needs a trace, and none is recorded", todo="judge the output or its metadata instead"
    )
