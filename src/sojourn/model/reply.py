"""What a provider answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sojourn.model.empty import nothing


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's answer: `output` (any JSON value) or `error`, and what it told besides.

    `extra` holds every further field of promptfoo's ProviderResponse as it came (tokenUsage, logProbs, finishReason,
    guardrails, raw, ...). `latency_ms` is what the provider reported, or None. `printed` is what users' code wrote to
    its standard streams during the call.
    """

    output: Any = None
    error: str = ""
    session_id: str = ""
    cost: float | None = None
    cached: bool = False
    latency_ms: float | None = None
    metadata: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    extra: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    printed: str = ""

    @property
    def tokens(self) -> Mapping[str, Any]:
        """The token usage as reported, or empty."""
        usage = self.extra.get("tokenUsage") if self.extra else None
        return usage if isinstance(usage, Mapping) else nothing()
