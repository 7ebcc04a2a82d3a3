"""What a run tells of its sessions and hooks, for whoever draws it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import sojourn


def asked(_prompt: str, _options: Any, context: dict[str, Any]) -> dict[str, Any]:
    """Answer which thread is used."""
    return {"output": context["sessions"]["thread"]}


async def thread() -> AsyncIterator[str]:
    """Open a thread."""
    yield "a thread"


def around(_hook: str, _context: Any) -> None:
    """Do nothing around the run."""


def test_a_session_is_told_of_from_waiting_to_closed() -> None:
    """A run tells in order what its hooks and sessions went through, and by which trial each session was used."""
    result = sojourn.run(
        {
            "prompts": ["hello"],
            "providers": [{"id": asked, "sessions": ["thread"]}],
            "sessions": {"thread": {"kind": thread, "scope": "conversation"}},
            "extensions": [around],
            "tests": [{"turns": [{"vars": {"n": 1}}, {"vars": {"n": 2}}]}],
        }
    )
    [tag] = {event.tag for event in result.events if event.tag}
    assert [(event.what, event.trial, event.tag == tag) for event in result.events] == [
        ("begun", None, False),
        ("ended", None, False),
        ("waiting", 0, False),
        ("opening", None, True),
        ("open", None, True),
        ("lent", 0, True),
        ("returned", 0, True),
        ("lent", 1, True),
        ("returned", 1, True),
        ("closing", None, True),
        ("closed", None, True),
        ("begun", None, False),
        ("ended", None, False),
    ]
    times = [event.at for event in result.events]
    assert times == sorted(times)
    assert times[0] >= result.began
