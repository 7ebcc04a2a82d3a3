"""The timeline of a stored run: a page of its trials in their lanes, and the sessions that were there meanwhile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from sojourn.drawing.timeline import Bar, Block, Lane, packed, timeline
from sojourn.model import lives
from sojourn.model.event import Event
from sojourn.store import queries
from sojourn.store.queries import Cell
from sojourn.store.runs import Head, Store
from sojourn.viewer.notices import flags
from sojourn.viewer.telling import places

PAGE = 1_000
"""Trials that are drawn at once: more would be thinner than a pixel, and long to walk through by key."""

_TURN = re.compile(r", turn \d+$")


class Known(msgspec.Struct, frozen=True):
    """What a run's document says of its trials: the providers by column, races and leaks by trial."""

    providers: Mapping[int, str]
    flags: Mapping[int, list[str]]


def picture(store: Store, head: Head, offset: int) -> str:
    """Return the timeline of PAGE trials from the offset-th on, as they ran, as SVG; empty where there is nothing."""
    cells = [cell for cell in queries.by_time(store, head, (PAGE, offset)) if cell.ended > cell.began]
    span = (min((cell.began for cell in cells), default=0), max((cell.ended for cell in cells), default=0))
    if not offset:
        span = (float("-inf"), span[1])
    if offset + PAGE >= queries.count(store, head):
        span = (span[0], float("inf"))
    events = list(queries.events_between(store, head, span))
    document = store.document(head)
    known = Known(
        {place: str(each.get("provider") or "") for place, each in enumerate(document["results"]["prompts"])},
        flags(document, queries.numbers(store, head, places(document))),
    )
    return timeline(lanes(head, cells, lives.waits(events), known), bars(head, cells, events))


def lanes(head: Head, cells: Sequence[Cell], waited: Mapping[int, list[lives.Span]], known: Known) -> list[Lane]:
    """Return the lanes of trials, in the order in which they began; what shares nothing is packed into few rows."""
    shared: dict[str, list[Block]] = {}
    names: dict[str, str] = {}
    several = len({cell.prompt for cell in cells}) > 1
    single: list[Block] = []
    for cell in cells:
        spans = ((max(start, cell.began), min(end, cell.ended)) for start, end in waited.get(cell.number, ()))
        block = Block(
            start=cell.began,
            end=cell.ended,
            outcome=cell.outcome,
            label=f"{known.providers.get(cell.prompt, '')}: {cell.name}" if several else cell.name,
            link=f"/trial?{urlencode({'run': head.id, 'n': cell.number})}",
            waits=tuple((start, end) for start, end in spans if end > start),
            flags=tuple(known.flags.get(cell.number, ())),
        )
        if cell.is_shared:
            shared.setdefault(cell.lane, []).append(block)
            names.setdefault(cell.lane, _TURN.sub("", block.label))
        else:
            single.append(block)
    drawn = [
        Lane(label=names[key], blocks=tuple(blocks), link=f"/lane?{urlencode({'run': head.id, 'lane': key})}")
        for key, blocks in shared.items()
    ]
    rows = packed(single)
    named = f"{len(single)} single trials" if shared or len(rows) > 1 else ""
    return [*drawn, *(Lane(label="" if place else named, blocks=row) for place, row in enumerate(rows))]


def bars(head: Head, cells: Sequence[Cell], events: Sequence[Event]) -> list[Bar]:
    """Return the lives of the sessions; those of a run that still goes on last until now."""
    now = max((event.at for event in events), default=0.0) if head.state == "running" else None
    used = ((cell.session, cell.began, cell.ended) for cell in cells if cell.session)
    return lives.bars(events, used, now=now)
