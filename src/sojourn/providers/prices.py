"""What well-known models cost, in US dollars for a million tokens: of prompts, and of what is answered.

Prices change: `cost` (or `inputCost` and `outputCost`) in a provider's config, for one token each, comes first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MILLION = 1_000_000
_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")

PRICES: dict[str, tuple[float, float]] = {
    "gpt-3.5-turbo": (0.5, 1.5),
    "gpt-3.5-turbo-instruct": (1.5, 2),
    "gpt-4": (30, 60),
    "gpt-4-turbo": (10, 30),
    "gpt-4.1": (2, 8),
    "gpt-4.1-mini": (0.4, 1.6),
    "gpt-4.1-nano": (0.1, 0.4),
    "gpt-4o": (2.5, 10),
    "gpt-4o-mini": (0.15, 0.6),
    "gpt-5": (1.25, 10),
    "gpt-5-mini": (0.25, 2),
    "gpt-5-nano": (0.05, 0.4),
    "gpt-5-pro": (15, 120),
    "gpt-5.1": (1.25, 10),
    "gpt-5.2": (1.75, 14),
    "gpt-5.4": (2.5, 15),
    "gpt-5.5": (5, 30),
    "o1": (15, 60),
    "o3": (2, 8),
    "o3-mini": (1.1, 4.4),
    "o3-pro": (20, 80),
    "o4-mini": (1.1, 4.4),
    "claude-3-haiku": (0.25, 1.25),
    "claude-3-5-haiku": (0.8, 4),
    "claude-3-5-sonnet": (3, 15),
    "claude-3-7-sonnet": (3, 15),
    "claude-3-opus": (15, 75),
    "claude-haiku-4-5": (1, 5),
    "claude-opus-4": (15, 75),
    "claude-opus-4-1": (15, 75),
    "claude-opus-4-5": (5, 25),
    "claude-sonnet-4": (3, 15),
    "claude-sonnet-4-5": (3, 15),
}

_CACHED: dict[str, float] = {
    "gpt-4.1": 0.5,
    "gpt-4.1-mini": 0.1,
    "gpt-4.1-nano": 0.025,
    "gpt-4o": 1.25,
    "gpt-4o-mini": 0.075,
    "gpt-5": 0.125,
    "gpt-5-mini": 0.025,
    "gpt-5-nano": 0.005,
    "gpt-5.1": 0.125,
    "gpt-5.2": 0.175,
    "gpt-5.4": 0.25,
    "gpt-5.5": 0.5,
    "o1": 7.5,
    "o3": 0.5,
    "o3-mini": 0.55,
    "o4-mini": 0.275,
}
"""Of prompts that a service finds in its own cache, as far as that is another price."""

_READ, _WRITTEN = 0.1, 1.25
"""What Anthropic takes for reading from its cache and for writing to it, of the price of a prompt."""


def cost_of(model: str, config: Mapping[str, Any], tokens: Mapping[str, Any]) -> float | None:
    """Return what tokens cost that are told as promptfoo's tokenUsage, or None where nobody knows."""
    name = model if model in PRICES else _DATE.sub("", model)
    each = [price / _MILLION for price in PRICES[name]] if name in PRICES else [None, None]
    said = config.get("cost")
    into = config.get("inputCost", said if said is not None else each[0])
    out = config.get("outputCost", said if said is not None else each[1])
    if into is None or out is None:
        return None
    prompt = tokens.get("prompt", 0) if into != each[0] else _weighed(name, tokens)
    return float(into) * prompt + float(out) * float(tokens.get("completion", 0))


def _weighed(name: str, tokens: Mapping[str, Any]) -> float:
    """Return as how many tokens of a prompt those count which a service read from its cache or wrote to it."""
    details = tokens.get("completionDetails") or {}
    share = _READ if name.startswith("claude") else _CACHED.get(name, PRICES[name][0]) / PRICES[name][0]
    spared = (1 - share) * details.get("cacheReadInputTokens", 0)
    return float(tokens.get("prompt", 0) - spared + (_WRITTEN - 1) * details.get("cacheCreationInputTokens", 0))
