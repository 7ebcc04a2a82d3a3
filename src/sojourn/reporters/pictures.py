"""What the pictures of a run are drawn from: its lanes with their trials, and the lives of its sessions."""

from __future__ import annotations

from collections.abc import Iterator

from sojourn.drawing.timeline import Bar, Block, Lane, packed
from sojourn.model import lives
from sojourn.model.plan import Lane as PlannedLane
from sojourn.model.result import TrialResult
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import heading

MOST_SINGLE = 2_000
"""More blocks that share nothing would be thinner than a pixel, and a long way for whoever goes through them by key."""


def lanes(result: RunResult) -> list[Lane]:
    """Return the lanes in file order; trials that share nothing fill a row one after another, as they were run."""
    blocks = {each.trial.index: block for each, block in zip(result.results, _blocks(result), strict=True)}
    ran = {index: block for index, block in blocks.items() if _is_of(result, block.start, block.end)}
    shared: list[Lane] = []
    single: list[Block] = []
    for lane in (*result.plan.first, *result.plan.lanes):
        own = tuple(ran[trial.index] for trial in lane.trials if trial.index in ran)
        if len(lane.trials) > 1 and own:
            shared.append(Lane(label=_label(lane, result), blocks=own))
        elif own:
            single += own
    rows = packed(single[:MOST_SINGLE])
    first = f"the first {MOST_SINGLE} of " if len(single) > MOST_SINGLE else ""
    named = f"{first}{len(single)} single tests" if shared or len(rows) > 1 or first else ""
    return [*shared, *(Lane(label="" if place else named, blocks=row) for place, row in enumerate(rows))]


def _is_of(result: RunResult, start: float, end: float) -> bool:
    """Whether something happened on this run's clock: what never began, or in an earlier run, has no place on it."""
    return result.began <= start < end <= result.began + result.duration_ms / 1000 + 1


def _label(lane: PlannedLane, result: RunResult) -> str:
    """Name a lane by its test, where it is of one, and else by why it is."""
    first = lane.trials[0]
    name = first.test_name
    if any(trial.test_number != first.test_number for trial in lane.trials):
        return lane.why or name
    repeat = f" (repeat {first.repeat + 1})" if first.repeat else ""
    provider = f"{first.column.provider.name}: " if len(result.columns) > 1 else ""
    return provider + name + repeat


def _blocks(result: RunResult) -> Iterator[Block]:
    waits = lives.waits(result.events)
    flags = _races(result)
    for each in result.results:
        trial = each.trial
        spans = [
            (max(start, each.started), min(end, each.ended))
            for start, end in waits.get(trial.index, ())
            if end > each.started
        ]
        yield Block(
            start=each.started,
            end=each.ended,
            outcome=each.outcome.value,
            label=trial.name + (f" {heading(trial.column)}" if len(result.columns) > 1 else ""),
            link=f"#t{trial.index}",
            waits=tuple(spans),
            flags=(*flags.get(trial.index, ()), *_leaks(each, result)),
        )


def _races(result: RunResult) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for race in result.races:
        for one, other in ((race.first, race.second), (race.second, race.first)):
            found.setdefault(one.index, []).append(f"race: used session {race.session_id} together with {other.name}")
    return found


def _leaks(each: TrialResult, result: RunResult) -> list[str]:
    """Return the leaks that are said of a trial; they begin with its name and number."""
    named = f"{each.trial.numbered} "
    return [f"leak: {leak.removeprefix(named)}" for leak in result.leaks if leak.startswith(named)]


def bars(result: RunResult) -> list[Bar]:
    """Return the lives of the sessions that the run opened, or else of those that its trials were seen to use."""
    ran = [each for each in result.results if each.session_id and _is_of(result, each.started, each.ended)]
    seen = ((each.session_id, each.started, each.ended) for each in ran)
    return lives.bars(result.events, seen, raced={race.session_id for race in result.races})
