from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.config.expected import finite, read_expected
from sojourn.errors import ConfigError
from sojourn.model.suite import JsonDict


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("Paris", {"type": "equals", "value": "Paris"}),
        ("note: something", {"type": "equals", "value": "note: something"}),
        ("contains: Paris ", {"type": "contains", "value": "Paris"}),
        ("not-contains:x: y", {"type": "not-contains", "value": "x: y"}),
        ("not-contains(0.5): x", {"type": "not-contains", "value": "x"}),
        ("fn:output.x", {"type": "javascript", "value": "output.x"}),
        ("javascript: a", {"type": "javascript", "value": "a"}),
        ("eval: a", {"type": "javascript", "value": "a"}),
        ("python: len(output)", {"type": "python", "value": "len(output)"}),
        ("file://check.py", {"type": "python", "value": "file://check.py"}),
        ("file://check.mjs:fn", {"type": "javascript", "value": "file://check.mjs:fn"}),
        ("grade: be kind", {"type": "llm-rubric", "value": " be kind"}),
        ("empty", {"type": "equals", "value": "empty"}),
        ("session", {"type": "equals", "value": "session"}),
        ("moderation: hate", {"type": "moderation", "value": "hate"}),
    ],
)
def test_a_cell_is_an_assertion(cell: str, assertion: JsonDict) -> None:
    """A known type with or without a threshold, code, a rubric; anything else must be equal."""
    assert read_expected(cell) == assertion


@pytest.mark.parametrize(
    ("cell", "value"), [("0.5", 0.5), (" 3 ", 3), ("1e2", 100), ("", None), ("x", None), ("1e999", None)]
)
def test_a_number_in_a_cell(cell: str, value: float | None) -> None:
    """A whole cell is a number, or it is none."""
    assert finite(cell) == value


@given(st.text(max_size=60))
def test_any_cell_is_read_or_refused(cell: str) -> None:
    """No cell makes the reader fail in any other way than with a ConfigError."""
    with contextlib.suppress(ConfigError):
        assert "type" in read_expected(cell)
