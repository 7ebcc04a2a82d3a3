"""Ctrl-C and its kin while sessions load, open, are used and close: whatever is open is closed, and nothing is left."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
SUITE = """
prompts: ['{{q}}']
providers: [{id: 'file://bot.py', sessions: [thread]}]
sessions:
  account: {kind: 'file://bot.py:account', capacity: 4}
  thread: {kind: 'file://bot.py:thread', scope: trial, parent: account}
tests: [{vars: {q: 1}}, {vars: {q: 2}}, {vars: {q: 3}}, {vars: {q: 4}}]
"""
PYTHON = """
import asyncio, os
from telling import tell, wait_at_the_gate
AT = os.environ["AT"]
if AT == "loading":
    tell("loading")
    wait_at_the_gate()
async def account():
    tell("open account")
    yield {"id": 1}
    tell("close account")
class thread:
    async def open(self, account):
        tell("opening")
        if AT == "opening": await asyncio.Event().wait()
        tell("open thread")
    async def close(self):
        if AT == "closing":
            tell("closing")
            await asyncio.to_thread(wait_at_the_gate)
        tell("close thread")
async def call_api(prompt, options, context):
    tell("asked")
    if AT == "asked": await asyncio.Event().wait()
    return {"output": prompt}
"""


def begin(start: Start, at: str, *arguments: str) -> Any:
    """Start the suite and wait until it is where the signal is to meet it."""
    run = start({"promptfooconfig.yaml": SUITE, "bot.py": PYTHON}, *arguments, AT=at, SOJOURN_STOP_TIMEOUT_MS="1000")
    run.until(at)
    return run


@pytest.mark.parametrize("number", CODES)
def test_while_users_code_loads_it_just_ends(start: Start, number: signal.Signals) -> None:
    """Nothing is open yet; the run says that it was stopped, not that something could not be loaded."""
    run = begin(start, "loading")
    run.signal(number)

    ended = run.end()
    assert ended.code == CODES[number]
    assert f"{number.name}: stopped before anything was run\n" in ended.shown
    assert ended.story == ["loading"]


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("at", ["opening", "asked"])
def test_what_is_open_is_closed(start: Start, number: signal.Signals, at: str, times: int) -> None:
    """An opening or a call that would last for ever is cut short; sessions are closed, children before parents."""
    run = begin(start, at, "-j", "2")
    for _ in range(times):
        run.signal(number)

    ended = run.end()
    assert ended.code == CODES[number]
    assert ended.story.count("open thread") == ended.story.count("close thread")
    assert ended.story[-1] == "close account"
    assert ended.seconds < 5


@pytest.mark.parametrize("number", CODES)
def test_a_close_under_way_is_not_cut(start: Start, number: signal.Signals) -> None:
    """What is being closed is closed to its end, its parent after it, and the finished test is kept."""
    run = begin(start, "closing", "-j", "1")
    run.signal(number)
    run.until_shown(f"{number.name}: no more tests begin")
    run.open_the_gate()

    ended = run.end()
    assert ended.code == CODES[number]
    assert ended.outcomes == ["passed"]
    assert ended.story == [
        "open account",
        "opening",
        "open thread",
        "asked",
        "closing",
        "close thread",
        "close account",
    ]
