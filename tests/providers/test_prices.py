from __future__ import annotations

import pytest

from sojourn.providers.prices import cost_of


@pytest.mark.parametrize(
    ("model", "read", "written", "cost"),
    [
        ("gpt-4.1-2025-04-14", 4, 0, 54e-6),
        ("gpt-4", 4, 0, 600e-6),
        ("claude-sonnet-4-5", 4, 2, 95.7e-6),
    ],
)
def test_what_a_service_had_in_its_cache_costs_less(model: str, read: int, written: int, cost: float) -> None:
    """Tokens that are read from it or written to it have prices of their own; a price that is given holds for all."""
    details = {"cacheReadInputTokens": read, "cacheCreationInputTokens": written}
    tokens = {"prompt": 10, "completion": 5, "completionDetails": details}

    assert cost_of(model, {}, tokens) == pytest.approx(cost, rel=1e-9)
    assert cost_of(model, {"cost": 1}, tokens) == 15
