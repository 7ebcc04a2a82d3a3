"""Rows and documents that promptfoo wrote, told in our words, so that its runs can be stored beside ours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sojourn.errors import StoreError
from sojourn.model.grading import Row
from sojourn.model.result import Outcome

_ID = re.compile(r"[A-Za-z0-9][\w.:\-]{0,120}", re.ASCII)
_WORDS = frozenset(outcome.value for outcome in Outcome)
_OUTCOMES = {0: "passed", 1: "failed", 2: "error"}


def adopted(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[Row]]:
    """Split an output file into its document and its rows; raises StoreError where it is none that we know."""
    results = document.get("results")
    if not isinstance(results, dict) or not isinstance(results.get("results"), list) or "prompts" not in results:
        raise StoreError("this is no output of an evaluation", todo="give a JSON file that `eval -o` wrote")
    if not document.get("evalId"):
        raise StoreError("this output has no evalId", todo="give one of version 3 (promptfoo 0.100 or newer)")
    if not isinstance(document["evalId"], str) or not _ID.fullmatch(document["evalId"]):
        raise StoreError("the evalId of this output is none", todo="ids have letters, digits, '-', '_', '.' and ':'")
    seen: Counter[tuple[int, int]] = Counter()
    try:
        rows = [_row(row, seen) for row in results["results"]]
        whole = {**document, "results": {**results, "results": []}}
        whole["results"]["timestamp"] = _moment(results.get("timestamp"))
        whole["results"].setdefault("stats", {})
        _check(rows, len(results["prompts"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreError(f"a row of this output cannot be read: {error!r}") from error
    return whole, rows


def _moment(told: Any) -> str:
    """Return a moment as it is written, or an empty text where it is none."""
    try:
        datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return ""
    return str(told)


def _check(rows: list[Row], columns: int) -> None:
    """Raise ValueError where a row is none: its numbers are no numbers, or its prompt is not there."""
    for row in rows:
        if not all(isinstance(row[name], int | float) for name in ("score", "latencyMs", "testIdx", "promptIdx")):
            raise ValueError("a number is missing")
        if not (0 <= row["promptIdx"] < columns and row["testIdx"] >= 0 and row["outcome"] in _WORDS):
            raise ValueError("it names a prompt or an outcome that is not there")


def _row(row: Row, seen: Counter[tuple[int, int]]) -> Row:
    place = (row["testIdx"], row["promptIdx"])
    seen[place] += 1
    provider = row["provider"]
    graded = row.get("gradingResult")
    made: Row = {
        **row,
        "outcome": row.get("outcome") or ("passed" if row["success"] else _OUTCOMES[row["failureReason"] or 1]),
        "repeatIndex": row.get("repeatIndex", seen[place] - 1),
        "provider": provider if isinstance(provider, dict) else {"id": str(provider), "label": ""},
        "prompt": {"raw": row["prompt"]["raw"], "label": row["prompt"].get("label", ""), "config": {}},
        "testCase": row.get("testCase") or {},
        "vars": row.get("vars") or {},
        "namedScores": row.get("namedScores") or {},
        "metadata": row.get("metadata") or {},
        "latencyMs": row.get("latencyMs") or 0,
        "gradingResult": _grading(graded) if graded else None,
    }
    if made.get("response"):
        made["response"] = {"cached": False, **made["response"]}
    else:
        made.pop("response", None)
    if made["outcome"] != "passed":
        made.setdefault("error", (graded or {}).get("reason") or "")
    if made["testCase"].get("description"):
        made["description"] = made["testCase"]["description"]
    return made


def _grading(graded: Row) -> Row:
    parts = [part for part in graded.get("componentResults") or () if part]
    return {
        **graded,
        "reason": graded.get("reason") or "",
        "namedScoreWeights": graded.get("namedScoreWeights") or {},
        "componentResults": [{"reason": "", "score": 0, **part} for part in parts],
    }
