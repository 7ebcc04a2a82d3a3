"""From what a user's provider returned to a Reply, by promptfoo's rules of shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sojourn.model.reply import Reply

_OWN = ("output", "error", "sessionId", "cost", "cached", "latencyMs", "metadata")


def read_answer(value: Any, printed: str = "") -> Reply:
    """Read a provider's return value: a dictionary that has `output` or `error` of its own; else an error reply."""
    if not isinstance(value, Mapping) or not ("output" in value or "error" in value):
        got = "a dictionary without them" if isinstance(value, Mapping) else _named(value)
        return Reply(
            error=f"the provider must return a dictionary with 'output' or 'error', not {got}", printed=printed
        )
    error = value.get("error")
    metadata = value.get("metadata")
    return Reply(
        output=value.get("output"),
        error="" if not error else error if isinstance(error, str) else repr(error),
        session_id=session_text(value.get("sessionId")),
        cost=_number(value.get("cost")),
        cached=value.get("cached") is True,
        latency_ms=_number(value.get("latencyMs")),
        metadata=metadata if isinstance(metadata, Mapping) else {},
        extra={key: item for key, item in value.items() if key not in _OWN},
        printed=printed,
    )


def session_text(value: Any) -> str:
    """Return a session id as text: numbers become digits, objects JSON."""
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, separators=(",", ":"))


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _named(value: Any) -> str:
    return "None" if value is None else f"{type(value).__name__} ({str(value)[:60]!r})"
