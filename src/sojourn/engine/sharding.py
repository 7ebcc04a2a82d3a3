"""One of several shards of a run: every lane is in exactly one of them, whole."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from sojourn.engine.gathering import Groups
from sojourn.engine.judging import COMPARISONS
from sojourn.model.plan import Lane, Plan, Trial
from sojourn.model.repeats import key_of, wanted_passes

LEARNT = "learnt"


def sharded(plan: Plan, number: int, count: int) -> Plan:
    """Return the lanes of a plan that are in a shard (from 1); the same for whoever plans the same suite.

    Lanes that must be seen together stay together: what may share a session that nobody knows of yet, columns that are
    compared, repeats that count as one.
    """
    everything = (*plan.first, *plan.lanes)
    groups = Groups()
    for lane in everything:
        for shared in _shared(lane, plan):
            groups.join(shared, lane.key)
    chosen = _dealt(everything, groups, count)
    here = {lead for lead, shard in chosen.items() if shard == number - 1}

    def kept(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
        return tuple(lane for lane in lanes if groups.lead(lane.key) in here)

    return structs.replace(plan, lanes=kept(plan.lanes), first=kept(plan.first))


def _shared(lane: Lane, plan: Plan) -> Iterable[str]:
    """Yield what a lane has in common with others, beyond its sessions."""
    for trial in lane.trials:
        if plan.learning and not trial.lane:
            yield LEARNT
        if any(claim.type in COMPARISONS for claim in trial.case.claims):
            yield f"compared:{trial.test_index}"
        if wanted_passes(trial):
            yield f"repeats:{key_of(trial)}"


def _dealt(lanes: Iterable[Lane], groups: Groups, count: int) -> dict[str, int]:
    """Deal groups of lanes out, the longest first, each to the shard that has least; returns the shard of each."""
    trials: dict[str, list[Trial]] = {}
    for lane in lanes:
        trials.setdefault(groups.lead(lane.key), []).extend(lane.trials)
    loads = [0] * count
    chosen: dict[str, int] = {}
    order = sorted(trials, key=lambda lead: (-len(trials[lead]), min(trial.index for trial in trials[lead])))
    for lead in order:
        shard = loads.index(min(loads))
        loads[shard] += len(trials[lead])
        chosen[lead] = shard
    return chosen
