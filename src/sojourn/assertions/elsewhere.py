"""Assertions that are judged elsewhere: a suite that has them loads, and each is an error by its name."""

from __future__ import annotations

from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext


def human(_claim: Claim, _reply: Reply, _context: ClaimContext) -> Verdict:
    """Refuse: a person judges it in promptfoo's viewer. Raises ClaimError."""
    raise ClaimError("human: a person judges it in promptfoo's viewer", todo="judge it with llm-rubric or a script")


def pi_scorer(_claim: Claim, _reply: Reply, _context: ClaimContext) -> Verdict:
    """Refuse: a hosted scorer judges it. Raises ClaimError."""
    raise ClaimError("pi: Pi Labs' hosted scorer is not supported", todo="judge it with llm-rubric")
