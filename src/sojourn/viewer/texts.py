"""The texts of a trial, by name: what a page shows of each at first, and what it may ask for besides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sojourn.model.gist import text_of
from sojourn.model.grading import Row

SHOWN = 20_000
"""Characters of a text that come with the page."""


def texts(row: Row) -> dict[str, str]:
    """Return every text of a trial that is not empty, the most looked at first."""
    return {name: text for name, text in _all(row) if text}


def _all(row: Row) -> Iterator[tuple[str, str]]:
    response = row.get("response") or {}
    yield "output", text_of(response.get("output"))
    yield "why", text_of(row.get("error"))
    yield "prompt", text_of(row["prompt"]["raw"])
    for name, value in row["vars"].items():
        yield f"var {name}", text_of(value)
    yield "printed", text_of(row.get("printed"))
    yield "metadata", _json(row.get("metadata"))
    yield "response", _json({key: value for key, value in response.items() if key not in ("output", "metadata")})
    yield "test", _json(row.get("testCase"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""


def cut(text: str, most: int = SHOWN) -> dict[str, Any]:
    """Return the beginning of a text, and how long it is."""
    return {"text": text[:most], "length": len(text)}


def verdicts(row: Row) -> list[dict[str, Any]]:
    """Return what each assertion said, each followed by its parts, which are one deeper."""
    graded = row.get("gradingResult") or {}
    return list(_verdicts(graded.get("componentResults") or (), 0))


def _verdicts(flat: Any, depth: int) -> Iterator[dict[str, Any]]:
    place = 0
    while place < len(flat):
        own = flat[place]
        parts = own.get("componentResults") or ()
        yield _verdict(own, depth)
        yield from _verdicts(parts, depth + 1)
        place += 1 + len(parts)  # the parts stand once more behind it


def _verdict(own: Row, depth: int) -> dict[str, Any]:
    claim = own.get("assertion") or (own.get("metadata") or {}).get("assertionSet") or {}
    return {
        "type": str(claim.get("type") or "part"),
        "value": cut(text_of(claim.get("value")), 2_000),
        "metric": text_of(claim.get("metric")),
        "passed": bool(own.get("pass")),
        "score": own.get("score"),
        "reason": cut(text_of(own.get("reason"))),
        "depth": depth,
    }
