"""What lists show of a trial, what is searched in, and what tells whether two runs answered alike: from its row."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from sojourn.encoding import encode_sorted
from sojourn.model.grading import Row
from sojourn.model.repeats import passes_of

SHOWN = 300
SEARCHED = 4_000
MOST_VARS = 20
"""More characters of a text, and more vars, are not shown in a list, nor searched: the row itself has them all."""


class Gist(msgspec.Struct, frozen=True):
    """`shown` is for lists; `searched` is folded for comparing without regard to case.

    `twin` is the same for the same test in another run, `answer` for the same answer. In `shown` of repeats that count
    as one are `whole`, which they have in common, and `wanted`, how many must pass.
    """

    shown: Row
    searched: str
    twin: str
    answer: str


def gist(row: Row) -> Gist:
    """Return the gist of a row; what is redacted in the row is redacted here."""
    output = text_of((row.get("response") or {}).get("output"))
    why = str(row.get("error") or "")
    variables = {str(name): text_of(value) for name, value in list(row["vars"].items())[:MOST_VARS]}
    said = text_of(row["prompt"]["raw"])
    searched = (row.get("description") or "", *variables.values(), said, output, why)
    shown = {
        "vars": {name: value[:SHOWN] for name, value in variables.items()},
        "output": output[:SHOWN],
        "length": len(output),
        "reason": why[:SHOWN],
        "notes": len(row.get("notes", ())),
        "cost": row.get("cost") or 0,
        "tokens": (row.get("tokenUsage") or {}).get("total", 0),
    }
    if "testKey" in row:
        shown |= {"whole": row["testKey"], "wanted": passes_of(row["testCase"].get("options"))}
    folded = "\n".join([text[:SEARCHED] for text in searched]).casefold().replace("\0", " ")  # SQLite stops at NUL
    twin = encode_sorted([row["vars"], row.get("description")])
    return Gist(shown, folded, _mark(twin), _mark(output.encode("utf-8", "replace")))


def text_of(value: Any) -> str:
    """Return a value as people read it: a text as it is, anything else as JSON, nothing as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2, default=repr)


def _mark(told: bytes) -> str:
    return hashlib.blake2b(told, digest_size=8).hexdigest()
