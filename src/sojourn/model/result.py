"""What came of a trial, and of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import msgspec

from sojourn.model.empty import nothing
from sojourn.model.event import Event
from sojourn.model.plan import Column, Plan, Trial
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Two trials that ran at the same time and reported the same session."""

    session_id: str
    first: Trial
    second: Trial


@dataclasses.dataclass(slots=True, kw_only=True)
class RunResult:
    """What came of a run; `results` in the order in which trials ended.

    `troubles` broke the run as a whole (beforeAll, afterAll); `stopped` says why not all was begun, `interrupted` is
    the signal's name where that was one; both may be empty.
    `leaks` names trials that changed a session which others share, `unsteady` the tests whose verdict was not the same
    in every repeat. `created` is the wall clock in UTC (ISO), `duration_ms` the whole run. `derived` holds each
    column's derived metrics by the column's index. `events` tells what happened to sessions and to hooks of the run,
    on the clock on which `began` is the run's beginning. `text` gives a trial's row as JSON by the
    trial's index, where it is written already.
    """

    run_id: str
    created: str
    plan: Plan
    columns: tuple[Column, ...] = ()
    results: list[TrialResult] = dataclasses.field(default_factory=list)
    troubles: list[Trouble] = dataclasses.field(default_factory=list)
    races: list[Race] = dataclasses.field(default_factory=list)
    leaks: list[str] = dataclasses.field(default_factory=list)
    unsteady: list[str] = dataclasses.field(default_factory=list)
    printed: list[str] = dataclasses.field(default_factory=list)
    learnt: str = ""
    stopped: str = ""
    interrupted: str = ""
    duration_ms: float = 0
    unrun: int = 0
    began: float = 0
    events: list[Event] = dataclasses.field(default_factory=list)
    text: Callable[[int], bytes | None] | None = None
    derived: Mapping[int, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """How many trials came to this outcome."""
        return sum(1 for result in self.results if result.outcome is outcome)
