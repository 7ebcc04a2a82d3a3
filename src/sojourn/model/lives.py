"""The lives of sessions, read from what happened to them: what pictures of a run show, in reports and in the viewer."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import pairwise

from sojourn.drawing.timeline import Bar, Life, packed
from sojourn.model.event import Event

Span = tuple[float, float]
Use = tuple[str, float, float]
_ENDS = ("closed", "failed")


def waits(events: Iterable[Event]) -> dict[int, list[Span]]:
    """Return from when to when each trial waited for sessions; what never came to an end is no wait."""
    since: dict[tuple[int, str], float] = {}
    found: dict[int, list[Span]] = {}
    for event in events:
        if event.trial is not None and event.what == "waiting":
            since[event.trial, event.session] = event.at
        elif event.trial is not None and event.what == "lent" and (event.trial, event.session) in since:
            found.setdefault(event.trial, []).append((since.pop((event.trial, event.session)), event.at))
    return found


def bars(
    events: Sequence[Event], seen: Iterable[Use] = (), *, raced: Container[str] = (), now: float | None = None
) -> list[Bar]:
    """Return the lives of the sessions that a run opened, or else of those that its trials were `seen` to use.

    Sessions of one name that lived one after another share a row. Of those that were only seen, the ones that trials
    `raced` in are always shown. `now`: the run goes on, and what is open is no fault.
    """
    told: dict[str, list[Event]] = {}
    for event in events:
        if event.tag:
            told.setdefault(event.tag, []).append(event)
    opened = [_life(own, now) for own in told.values()]
    named: dict[str, list[Life]] = {}
    for life in opened:
        named.setdefault(life.label.partition(" (")[0], []).append(life)
    found = [life for life in _seen(seen) if not opened or life.label in raced]
    named |= {"seen": found} if found else {}
    return [*_hooks(events), *(bar for name, group in named.items() for bar in _rows(name, group))]


def _rows(name: str, lives: list[Life]) -> Iterator[Bar]:
    for place, row in enumerate(packed(lives)):
        label = row[0].label if len(lives) == 1 else f"{name}: {len(lives)} sessions"
        yield Bar(label="" if place else label, lives=row)


def _hooks(events: Iterable[Event]) -> list[Bar]:
    ran = [event for event in events if event.what in ("begun", "ended")]
    lives = [
        Life(label=one.session, stretches=((one.at, two.at, "use"),))
        for one, two in zip(ran[::2], ran[1::2], strict=False)
    ]
    return [Bar(label="hooks of the run", lives=tuple(lives))] if lives else []


def _life(events: list[Event], now: float | None) -> Life:
    """Return one session's life: it opens, is lent and lies open in turns, and is closed."""
    stretches: list[tuple[float, float, str]] = []
    lent: dict[int | None, float] = {}
    since, state = events[0].at, "opening"
    for event in events:
        if event.what == "lent":
            lent[event.trial] = event.at
        elif event.what == "returned":
            stretches.append((lent.pop(event.trial, event.at), event.at, "use"))
        elif event.what in ("open", "closing", *_ENDS):
            stretches.append((since, event.at, state))
            since, state = event.at, {"open": "idle", "closing": "closing"}.get(event.what, "")
    if state:  # it was never closed, or not yet
        end = events[-1].at if now is None else now
        stretches.append((since, end, state))
        stretches += [(start, end, "use") for start in lent.values()]
    trouble = "it could not be opened" if events[-1].what == "failed" else ""
    return Life(
        label=events[0].session,
        stretches=tuple(stretches),
        trouble=trouble or ("it was not closed" if state and now is None else ""),
    )


def _seen(seen: Iterable[Use]) -> list[Life]:
    """Return the sessions that providers reported, open from their first trial to their last."""
    used: dict[str, list[Span]] = {}
    for session, start, end in seen:
        used.setdefault(session, []).append((start, end))
    found = []
    for session, spans in used.items():
        spans.sort()
        idle = [(one[1], two[0], "idle") for one, two in pairwise(spans) if two[0] > one[1]]
        found.append(Life(label=session, stretches=(*((*span, "use") for span in spans), *idle)))
    return found
