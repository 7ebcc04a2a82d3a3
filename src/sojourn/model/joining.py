"""The shards of a run made one run again, from what each of them wrote down."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sojourn.encoding import encode_sorted
from sojourn.errors import StoreError
from sojourn.model.grading import Row

Document = dict[str, Any]
Shard = tuple[str, Document, list[Row]]
"""A file's name, its document, its rows."""

_LISTS = ("lanes", "races", "leaks", "unsteady", "troubles", "printed")
_WORDS = ("learnt", "stopped")
_NUMBERED = re.compile(r".*-(\d{1,9})", re.ASCII | re.DOTALL)
_UNTOUCHED = "give the file as `sojourn eval --shard K/N -o FILE.json` wrote it"


def joined(shards: Sequence[Shard]) -> tuple[Document, list[tuple[int, Row]]]:
    """Return the run's document, in which nothing is counted yet, and its rows with their numbers in the plan.

    Raises StoreError where the files are not the shards of one run, each of them once.
    """
    ordered = sorted(shards, key=_number)
    _check_whole(ordered)
    _check_alike(ordered)
    documents = [document for _, document, _ in ordered]
    whole = _document(documents)
    rows = _rows(ordered, is_complete=not whole["sojourn"]["unrun"])
    return whole, [(number, {**row, "id": f"{whole['evalId']}-{number}"}) for number, row in sorted(rows.items())]


def _told(document: Document) -> Document:
    told = document.get("sojourn")
    return told if isinstance(told, dict) else {}


def _number(shard: Shard) -> int:
    path, document, _ = shard
    told = _told(document).get("shard")
    if not told:
        raise StoreError(f"{path} is no shard", todo="give what `sojourn eval --shard K/N -o FILE.json` wrote")
    match told:
        case [int(number), int(count)] if 1 <= number <= count:
            return number
    raise StoreError(f"{path} says that it is shard {told!r}", todo=_UNTOUCHED)


def _check_whole(shards: Sequence[Shard]) -> None:
    """Raise StoreError unless there is every shard, and none twice."""
    [count, *others] = {_told(document)["shard"][1] for _, document, _ in shards}
    if others:
        raise StoreError(f"these are shards of {count} and of {others[0]}", todo="give those of one run")
    paths: dict[int, str] = {}
    for shard in shards:
        if (number := _number(shard)) in paths:
            raise StoreError(
                f"{paths[number]} and {shard[0]} are both shard {number} of {count}", todo="give one of them"
            )
        paths[number] = shard[0]
    missing = [str(number) for number in range(1, count + 1) if number not in paths]
    if missing:
        raise StoreError(f"of {count} shards {', '.join(missing)} is missing", todo="give the files of all")


def _check_alike(shards: Sequence[Shard]) -> None:
    """Raise StoreError where two shards are not of one suite, or say what no suite says."""
    first = shards[0]
    config = first[1].get("config") or {}
    metrics = (config.get("derivedMetrics") or []) if isinstance(config, dict) else None
    if not isinstance(metrics, list) or not all(isinstance(metric, dict) for metric in metrics):
        raise StoreError(f"{first[0]} has a config or derivedMetrics that are none", todo=_UNTOUCHED)
    for other in shards[1:]:
        if _suite(first[1]) != _suite(other[1]):
            what = f"{first[0]} and {other[0]} are not of the same suite"
            raise StoreError(what, todo="give shards of one configuration, unchanged between them")


def _suite(document: Document) -> bytes:
    prompts = [[each.get(name) for name in ("provider", "label", "raw")] for each in document["results"]["prompts"]]
    return encode_sorted([document.get("config"), prompts])


def _rows(shards: Iterable[Shard], *, is_complete: bool) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    found_in: dict[int, str] = {}
    todo = "give shards of one suite that did not change between them"
    for path, _, own in shards:
        for row in own:
            number = _trial(row, path)
            if number in rows:
                raise StoreError(f"trial {number + 1} is in {found_in[number]} and in {path}", todo=todo)
            rows[number], found_in[number] = row, path
    missing = next((number for number in range(len(rows)) if number not in rows), None)
    if is_complete and missing is not None:
        raise StoreError(f"trial {missing + 1} is in no shard", todo=todo)
    return rows


def _trial(row: Row, path: str) -> int:
    found = _NUMBERED.fullmatch(str(row.get("id")))
    if not found:
        raise StoreError(f"a row of {path} has no id that ends in its number", todo=_UNTOUCHED)
    return int(found[1])


def _document(documents: Sequence[Document]) -> Document:
    first, told = documents[0], [_told(document) for document in documents]
    created = min(str(document["results"]["timestamp"]) for document in documents)
    own = hashlib.blake2b("".join(document["evalId"] for document in documents).encode(), digest_size=3).hexdigest()
    stats = [document["results"]["stats"] for document in documents]
    more: Document = {name: [one for each in told for one in each.get(name) or ()] for name in _LISTS}
    more |= {name: "; ".join(dict.fromkeys(each[name] for each in told if each.get(name))) for name in _WORDS}
    more["interrupted"] = next((each["interrupted"] for each in told if each.get("interrupted")), "")
    more["unrun"] = sum(each.get("unrun") or 0 for each in told)
    columns = [{**each, "metrics": {}} for each in first["results"]["prompts"]]
    results = {**first["results"], "timestamp": created, "prompts": columns, "results": []}
    results["stats"] = {"durationMs": max(each.get("durationMs") or 0 for each in stats)}
    return {**first, "evalId": f"eval-{own}-{created[:19]}", "results": results, "sojourn": more}
