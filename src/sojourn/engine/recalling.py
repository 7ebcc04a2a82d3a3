"""What was wrong in the earlier part of a run that went on, told of the whole run in the end."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from sojourn.model.event import Event
from sojourn.model.result import Phase, TrialResult, Trouble
from sojourn.model.run_result import Race, RunResult

FAULTS = ("raced", "leaked", "unclosed")
"""The events that tell of it."""


def recall(result: RunResult, kept: AbstractSet[int], events: Sequence[Event]) -> None:
    """Add races and leaks of trials that stand, and sessions that could not be closed where no note says so."""
    results = result.results
    noted = "\n".join(note.what for each in results.picked(kept & results.tally.unclean) for note in each.notes)
    named = {event.trial for event in events if event.trial in kept}
    found = {each.trial.index: each for each in results.picked(index for index in named if index is not None)}
    raced: list[TrialResult | None] = []
    leaks, races = [], []
    for event in events:
        stands = found.get(event.trial) if event.trial is not None else None
        if event.what == "raced":
            raced.append(stands)
        elif event.what == "leaked" and stands is not None:
            leaks.append(f"{stands.trial.numbered} changed the shared session {event.session}")
        elif event.what == "unclosed" and f"close of {event.session}: " not in noted:
            what = f"session {event.session} could not be closed, before the run went on"
            result.troubles.append(Trouble(phase=Phase.CLOSE, what=what))
    for first, second in zip(raced[::2], raced[1::2], strict=False):
        if first is not None and second is not None:
            races.append(Race(session_id=second.session_id, first=first.trial, second=second.trial))
    result.races[:0], result.leaks[:0] = races, leaks
