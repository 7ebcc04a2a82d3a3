"""Whoever cancels an evaluation in Python gets it back when everything is cleaned up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import sojourn
from sojourn.engine.listeners import Listeners
from sojourn.model.result import TrialResult

HOOKS = """
from pathlib import Path
def hook(name, context):
    with (Path(__file__).parent / "story").open("a") as story: story.write(name + "\\n")
"""
BOT = """
import asyncio
async def call_api(prompt, options, context):
    if prompt == "2": await asyncio.Event().wait()
    return {"output": prompt}
"""
SUITE = """prompts: ['{{n}}']
providers: [file://bot.py]
extensions: ['file://hooks.py:hook']
tests: [{vars: {n: 1}}, {vars: {n: 2}}, {vars: {n: 3}}]
"""


def test_a_cancelled_evaluation_runs_its_after_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cancellation arrives after afterEach of what was begun and afterAll; nothing more is begun."""
    monkeypatch.setenv("SOJOURN_STOP_TIMEOUT_MS", "400")
    monkeypatch.setenv("SOJOURN_HOME", str(tmp_path / "home"))
    for name, text in {"hooks.py": HOOKS, "bot.py": BOT, "suite.yaml": SUITE}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    async def main() -> None:
        def after_the_first(_: TrialResult) -> None:
            asyncio.get_running_loop().call_soon(work.cancel)

        work = asyncio.create_task(
            sojourn.evaluate(tmp_path / "suite.yaml", listeners=Listeners(on_result=after_the_first))
        )
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(main())
    story = (tmp_path / "story").read_text(encoding="utf-8").split()
    assert story[:3] == ["beforeAll", "beforeEach", "afterEach"]
    assert story[3:] in (["afterAll"], ["beforeEach", "afterEach", "afterAll"])
