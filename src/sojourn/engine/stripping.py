"""What a suite's owner keeps out of stored and exported results: the switches PROMPTFOO_STRIP_*."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import structs

from sojourn.model.plan import Column
from sojourn.model.result import TrialResult
from sojourn.model.suite import Prompt

OUTPUT, PROMPT = "[output stripped]", "[prompt stripped]"


def stripped(result: TrialResult, parts: Collection[str]) -> TrialResult:
    """Return a trial's result without these parts; its verdict, its score and what went wrong stay."""
    if not parts:
        return result
    reply, changes = result.reply, dict[str, Any]()
    if reply is not None and "output" in parts and reply.output is not None:
        extra = {key: value for key, value in reply.extra.items() if key != "raw"}
        reply = structs.replace(reply, output=OUTPUT, extra=extra)
    if reply is not None and "metadata" in parts:
        reply = structs.replace(reply, metadata={})
    case: dict[str, Any] = {part: {} for part in ("vars", "metadata") if part in parts}
    raw = {key: value for key, value in result.case.raw.items() if key not in case}
    if "prompt" in parts:
        changes["prompt"] = PROMPT
    if "metadata" in parts:
        changes["metadata"] = {}
    if "grading" in parts:
        changes |= {"verdicts": (), "grading": None}
    return structs.replace(result, reply=reply, case=structs.replace(result.case, raw=raw, **case), **changes)


def without_prompts(columns: tuple[Column, ...], parts: Collection[str]) -> tuple[Column, ...]:
    """Return columns whose prompts are not told where these parts are left out; their labels are."""
    if "prompt" not in parts:
        return columns
    return tuple(structs.replace(each, prompt=_untold(each)) for each in columns)


def _untold(column: Column) -> Prompt:
    return structs.replace(column.prompt, raw=PROMPT)
