"""What came of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from sojourn.model.empty import nothing
from sojourn.model.plan import Trial
from sojourn.model.reply import Reply
from sojourn.model.suite import Case
from sojourn.model.verdict import Verdict


class Outcome(Enum):
    """The four words. Failed: an assertion said no. Error: something broke. They are never blurred."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"

    __hash__ = object.__hash__  # there is one of each; the usual one is many times slower, and rows are many


class Phase(Enum):
    """Where something broke."""

    OPEN = "open"
    BEFORE = "before"
    ASK = "ask"
    JUDGE = "judge"
    AFTER = "after"
    CLOSE = "close"

    @property
    def is_set_up(self) -> bool:
        """Whether nobody was asked yet."""
        return self in (Phase.OPEN, Phase.BEFORE)


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something broke: in which phase, what it says to the user, and the trace if there is one."""

    phase: Phase
    what: str
    trace: str = ""

    def __str__(self) -> str:
        return f"{self.what}\n{self.trace}".strip() if self.trace else self.what


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one trial.

    Times are milliseconds; `started` and `ended` are on the run's own monotonic clock in seconds. `notes` are troubles
    that leave the verdict alone (an after-hook that broke). `session_id` is the session that the trial was seen to
    use, or empty.
    """

    trial: Trial
    case: Case
    prompt: Any
    outcome: Outcome
    score: float
    reason: str = ""
    reply: Reply | None = None
    verdicts: tuple[Verdict, ...] = ()
    named_scores: Mapping[str, float] = msgspec.field(default_factory=nothing)
    named_weights: Mapping[str, float] = msgspec.field(default_factory=nothing)
    trouble: Trouble | None = None
    notes: tuple[Trouble, ...] = ()
    metadata: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    session_id: str = ""
    latency_ms: float = 0
    printed: str = ""
    started: float = 0
    ended: float = 0
    grading: Mapping[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether every assertion said yes and nothing broke."""
        return self.outcome is Outcome.PASSED
