"""What came of each column (a provider with a prompt), in promptfoo's `metrics`."""

from __future__ import annotations

from typing import Any

from sojourn.model.plan import Column
from sojourn.model.redaction import redacted
from sojourn.model.run_result import RunResult


def prompts(result: RunResult) -> list[dict[str, Any]]:
    """Return the columns as promptfoo's completed prompts, each with its metrics."""
    tally = result.results.tally
    return [
        {**_prompt(column), "metrics": tally.column(column.index).metrics(result.derived.get(column.index, {}))}
        for column in result.columns
    ]


def _prompt(column: Column) -> dict[str, Any]:
    prompt = column.prompt
    made: dict[str, Any] = {"id": prompt.id, "raw": prompt.raw, "label": prompt.label, "provider": column.provider.name}
    if prompt.config is not None:
        made["config"] = redacted(prompt.config)
    return made
