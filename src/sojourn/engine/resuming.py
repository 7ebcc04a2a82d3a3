"""Which trials of an earlier run stand, so that it goes on lane by lane: a lane stands whole or runs from its start."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import structs

from sojourn.engine.judging import COMPARISONS
from sojourn.model.mark import mark_of
from sojourn.model.plan import Lane, Plan, Trial
from sojourn.model.restoring import restored
from sojourn.model.result import TrialResult

if TYPE_CHECKING:  # a run that is not resumed has none
    from sojourn.store.runs import Stored

Stands = Callable[["Stored"], bool]


def standing(plan: Plan, stored: Iterable[Stored], stands: Stands) -> dict[int, TrialResult]:
    """Return the results that stand, by the trial's index: of lanes whose trials all are the same still, and `stands`.

    Where sharing is learnt, whatever is not declared may share: it stands if it was seen that it does not, or if all of
    it stands. What is compared with others is asked anew: a comparison judges all of a test's answers at once.
    """
    compared = {trial.index for trial in plan.trials if any(claim.type in COMPARISONS for claim in trial.case.claims)}
    known = {each.number: each for each in stored if stands(each) and each.number not in compared}
    lanes, unsure = _parted(plan)
    if _told_apart(unsure, known):
        lanes += unsure
    else:
        lanes.append(Lane(key="", why="", trials=tuple(trial for lane in unsure for trial in lane.trials)))

    def same(trial: Trial) -> bool:
        found = known.get(trial.index)
        return found is not None and found.mark == mark_of(trial)

    kept = [trial for lane in lanes if all(map(same, lane.trials)) for trial in lane.trials]
    return {trial.index: restored(known[trial.index].row, trial, known[trial.index].times) for trial in kept}


def _parted(plan: Plan) -> tuple[list[Lane], list[Lane]]:
    """Part the lanes into those that are known to share nothing with others, and those of which it is not known."""
    sure: list[Lane] = []
    unsure: list[Lane] = []
    for lane in (*plan.first, *plan.lanes):
        (unsure if plan.learning and not any(trial.lane for trial in lane.trials) else sure).append(lane)
    return sure, unsure


def _told_apart(lanes: Iterable[Lane], known: Mapping[int, Stored]) -> bool:
    """Whether trials were seen to have a session each."""
    found = [known[trial.index].times.session for lane in lanes for trial in lane.trials if trial.index in known]
    return len(found) > 1 and all(found) and len(set(found)) == len(found)


def without(plan: Plan, kept: Collection[int]) -> Plan:
    """Return what is left to run."""

    def left(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
        return tuple(lane for lane in lanes if not all(trial.index in kept for trial in lane.trials))

    return structs.replace(plan, lanes=left(plan.lanes), first=left(plan.first))
