"""What is wrong with a run besides its verdicts, and at which trials: races, leaks, troubles, what was not run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Told = dict[str, Any]
Numbers = Mapping[tuple[int, int], int]
MOST = 50
"""More of one sort are counted only."""

_LEAK = re.compile(r"\(trial (\d+)\) ")


def notices(document: Told, numbers: Numbers) -> list[Told]:
    """Return what a reader of the run must know first; `numbers` finds trials by test and column."""
    found = list(_notices(document, numbers))
    kinds: dict[str, int] = {}
    kept = []
    for notice in found:
        kinds[notice["kind"]] = kinds.get(notice["kind"], 0) + 1
        if kinds[notice["kind"]] <= MOST:
            kept.append(notice)
    kept += [_notice(kind, f"{count - MOST} more") for kind, count in kinds.items() if count > MOST]
    return kept


def _notices(document: Told, numbers: Numbers) -> Iterator[Told]:
    told = document.get("sojourn") or {}
    for trouble in told.get("troubles") or ():
        yield _notice(f"error {trouble['phase']}", trouble["message"])
    if told.get("unrun"):
        yield _notice("not run", f"{told['unrun']} trials {told.get('stopped') or ''}".rstrip())
    for race in told.get("races") or ():
        yield _notice("race", f"session {race['sessionId']} was used at the same time by", _raced(race, numbers))
    for leak in told.get("leaks") or ():
        yield _notice("leak", leak, _leaked(leak))
    for test in told.get("unsteady") or ():
        yield _notice("unsteady", test)
    for group in told.get("repeats") or ():
        if not group["judged"]:
            continue
        came = "enough" if group["enough"] else "too few"
        which = f"{group['test']}{_column(document, group['promptIdx'])}"
        yield _notice("repeats", f"{which}: {group['passed']} of {group['judged']} passed, {came}")
    for text in told.get("printed") or ():
        yield _notice("printed", text[:2_000])


def _column(document: Told, place: int) -> str:
    """Name a column, where there are several."""
    prompts = document["results"]["prompts"]
    if not 0 <= place < len(prompts) or len(prompts) == 1:
        return ""
    return f" [{prompts[place].get('provider')}] {prompts[place].get('label')}"


def _notice(kind: str, text: str, trials: list[int] | None = None) -> Told:
    return {"kind": kind, "text": str(text), "trials": trials or []}


def _raced(race: Told, numbers: Numbers) -> list[int]:
    places = [(place["testIdx"], place["promptIdx"]) for place in race["trials"]]
    return [numbers[place] for place in places if place in numbers]


def _leaked(leak: str) -> list[int]:
    found = _LEAK.search(leak)
    return [int(found[1]) - 1] if found else []


def flags(document: Told, numbers: Numbers) -> dict[int, list[str]]:
    """Return the races and leaks of each trial that has one."""
    told = document.get("sojourn") or {}
    found: dict[int, list[str]] = {}
    for race in told.get("races") or ():
        raced = _raced(race, numbers)
        for number, other in zip(raced, reversed(raced), strict=True):
            said = f"race: session {race['sessionId']} was used by trial {other + 1} at the same time"
            found.setdefault(number, []).append(said)
    for leak in told.get("leaks") or ():
        for number in _leaked(leak):
            found.setdefault(number, []).append(f"leak: {leak}")
    return found
