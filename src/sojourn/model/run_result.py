"""What came of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from sojourn.model.event import Event
from sojourn.model.plan import Column, Plan, Trial
from sojourn.model.result import Outcome, Trouble
from sojourn.model.results import Results


class Race(msgspec.Struct, frozen=True, kw_only=True):
    """Two trials that ran at the same time and reported the same session."""

    session_id: str
    first: Trial
    second: Trial


def _nothing_written(_: Sequence[int]) -> Mapping[int, str]:
    return {}


class RunResult(msgspec.Struct, kw_only=True):
    """What came of a run; `results` in the order in which trials ended.

    `troubles` broke the run as a whole (beforeAll, afterAll); `stopped` says why not all was begun, `interrupted` is
    the signal's name where that was one; both may be empty.
    `leaks` names trials that changed a session which others share, `unsteady` the tests whose verdict was not the same
    in every repeat. `created` is the wall clock in UTC (ISO), `duration_ms` the whole run. `derived` holds each
    column's derived metrics by the column's index. `events` tells what happened to sessions and to hooks of the run,
    on the clock on which `began` is the run's beginning. `texts` gives rows as JSON by their trials'
    indices, of those that are written already.
    """

    run_id: str
    created: str
    plan: Plan
    columns: tuple[Column, ...] = ()
    results: Results = msgspec.field(default_factory=Results)
    troubles: list[Trouble] = msgspec.field(default_factory=list)
    races: list[Race] = msgspec.field(default_factory=list)
    leaks: list[str] = msgspec.field(default_factory=list)
    unsteady: list[str] = msgspec.field(default_factory=list)
    printed: list[str] = msgspec.field(default_factory=list)
    learnt: str = ""
    stopped: str = ""
    interrupted: str = ""
    duration_ms: float = 0
    unrun: int = 0
    began: float = 0
    events: list[Event] = msgspec.field(default_factory=list)
    texts: Callable[[Sequence[int]], Mapping[int, str]] = _nothing_written
    derived: Mapping[int, Mapping[str, float]] = msgspec.field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """How many trials came to this outcome."""
        return self.results.tally.outcomes[outcome.value]
