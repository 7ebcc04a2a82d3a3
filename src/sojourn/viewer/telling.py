"""What the pages are told, as plain data: runs, columns, cells, a trial."""

from __future__ import annotations

from typing import Any

import msgspec

from sojourn.store import queries
from sojourn.store.queries import Cell
from sojourn.store.runs import Head, Store
from sojourn.viewer.notices import flags, notices
from sojourn.viewer.texts import cut, texts, verdicts

Told = dict[str, Any]


def run(store: Store, head: Head) -> Told:
    """Tell of a run as a whole."""
    document = store.document(head)
    numbers = queries.numbers(store, head, places(document))
    return {
        "run": msgspec.to_builtins(head),
        "folder": store.asked(head).get("folder", ""),
        "durationMs": (document["results"].get("stats") or {}).get("durationMs") or store.passed(head) * 1000,
        "columns": columns(store, head, document),
        "notices": notices(document, numbers),
        "flags": flags(document, numbers),
    }


def places(document: Told) -> list[tuple[int, int]]:
    """Return the tests and columns of trials that a run's notices name."""
    races = (document.get("sojourn") or {}).get("races") or ()
    return [(place["testIdx"], place["promptIdx"]) for race in races for place in race["trials"]]


def columns(store: Store, head: Head, document: Told) -> list[Told]:
    """Tell of each provider with a prompt, and what its trials came to so far."""
    counted = queries.by_column(store, head)
    told = []
    prompts = [*document["results"]["prompts"]]
    prompts += [{"provider": f"column {n + 1}"} for n in range(len(prompts), max(counted, default=-1) + 1)]
    for place, prompt in enumerate(prompts):  # a hook may have added columns to a run that still goes on
        metrics = prompt.get("metrics") or {}
        told.append(
            {
                "provider": str(prompt.get("provider") or ""),
                "label": str(prompt.get("label") or "")[:2_000],
                "cost": metrics.get("cost") or 0,
                "tokens": (metrics.get("tokenUsage") or {}).get("total") or 0,
                **counted.get(place, {"outcomes": {}, "latency": 0}),
            }
        )
    return told


def cell(one: Cell) -> Told:
    """Tell of a trial in a list."""
    told: Told = msgspec.to_builtins(one)
    return told


def trial(store: Store, head: Head, number: int) -> Told | None:
    """Tell all of one trial; None where there is none of this number."""
    found = queries.row(store, head, number)
    if found is None:
        return None
    one, row = found
    document = store.document(head)
    numbers = queries.numbers(store, head, places(document))
    before, after = queries.around(store, head, number)
    return {
        "run": msgspec.to_builtins(head),
        "cell": cell(one),
        "provider": row["provider"],
        "label": row["prompt"]["label"],
        "scores": row.get("namedScores") or {},
        "tokens": row.get("tokenUsage") or {},
        "cost": row.get("cost") or 0,
        "cached": bool((row.get("response") or {}).get("cached")),
        "phase": row.get("phase", ""),
        "notes": [{**note, "message": cut(str(note["message"]))} for note in row.get("notes", ())],
        "verdicts": verdicts(row),
        "texts": [{"name": name, **cut(text)} for name, text in texts(row).items()],
        "flags": flags(document, numbers).get(number, []),
        "before": before,
        "after": after,
    }


def turn(store: Store, head: Head, one: Cell) -> Told:
    """Tell of a trial as a turn of a conversation: what was asked last, what was answered, what came of it."""
    found = queries.row(store, head, one.number)
    told = texts(found[1]) if found else {}
    return {
        "cell": cell(one),
        "provider": found[1]["provider"] if found else {},
        "label": str(found[1]["prompt"]["label"])[:200] if found else "",
        "asked": cut(told.get("prompt", ""), 4_000),
        "answer": cut(told.get("output", ""), 4_000),
        "why": cut(told.get("why", ""), 4_000),
    }


def side(store: Store, head: Head) -> Told:
    """Tell of a run that is compared with another."""
    return {"run": msgspec.to_builtins(head), "columns": columns(store, head, store.document(head))}
