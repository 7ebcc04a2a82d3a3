"""A session that will not close, and somebody who has no time."""

from __future__ import annotations

import signal

import pytest

from tests.crash.conftest import Start

CODE = """
import asyncio, threading
from telling import tell
def blocking():
    yield 1
    tell("closing")
    threading.Event().wait()
async def waiting():
    yield 1
    tell("closing")
    await asyncio.Event().wait()
def call_api(prompt, options, context): return {"output": prompt}
"""


@pytest.mark.parametrize(("kind", "scope"), [("blocking", "run"), ("waiting", "trial")])
def test_who_asks_again_waits_for_no_closing(start: Start, kind: str, scope: str) -> None:
    """The second Ctrl-C leaves a closing two seconds, however long it may take otherwise; it is told as unclean."""
    session = f"{{kind: 'file://code.py:{kind}', scope: {scope}, close_timeout: 600}}"
    suite = f"prompts: [hi]\nproviders: [{{id: 'file://code.py', sessions: [s]}}]\nsessions: {{s: {session}}}\n"
    running = start({"promptfooconfig.yaml": suite, "code.py": CODE})
    running.until("closing")
    running.signal(signal.SIGINT)
    running.until_shown("sessions are closed")
    running.signal(signal.SIGINT)
    ended = running.end()

    assert ended.code == 130
    assert "it was still being closed when the run had to end" in ended.shown
