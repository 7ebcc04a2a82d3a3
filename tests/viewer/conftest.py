"""Real runs in a store of the tests' own, and the real viewer that shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

AGENT = '''
import asyncio, os
import sojourn

meeting = asyncio.Barrier(2)

@sojourn.session(scope="conversation")
async def thread():
    yield {"said": []}

async def answer(prompt, options, context):
    said = context["sessions"]["thread"]["said"]
    said.append(prompt)
    print("asked", prompt[:20])
    if prompt == "break":
        raise RuntimeError("the order service answered 503")
    if prompt == "hostile":
        return {"output": "<script>document.title = 'taken'</script><img src=x onerror=alert(1)> "
                "\\x1b[31mred\\x1b[0m \\u202egnp.exe =cmd|' /C calc'!A0 nul:\\x00 end"}
    if prompt == "long":
        return {"output": "0123456789" * 1_000_000 + "the end"}
    return {"output": f"{os.environ['WORDING']} {len(said)}: {prompt}", "cost": 0.001}

async def meet(prompt, options, context):
    """Nobody answers before both are asked, in one session."""
    await asyncio.wait_for(meeting.wait(), 20)
    return {"output": prompt, "sessionId": "shared"}
'''
CONFIG: dict[str, Any] = {
    "description": "Refunds <b>bold</b>",
    "prompts": ["{{say}}"],
    "providers": [{"id": "file://agent.py:answer", "label": "assistant", "sessions": ["thread"]}],
    "sessions": "file://agent.py",
    "tests": [
        {
            "description": "refund in turns",
            "turns": [
                {"vars": {"say": "money back"}, "assert": [{"type": "contains", "value": "1: money"}]},
                {"vars": {"say": "it is A-17"}, "assert": [{"type": "contains", "value": "2: it is"}]},
            ],
        },
        {"description": "wording", "vars": {"say": "hello"}, "assert": [{"type": "contains", "value": "Dear"}]},
        {"description": "the service is down", "vars": {"say": "break"}},
        {"description": "hostile <i>name</i>", "vars": {"say": "hostile"}},
        {"description": "a long answer", "vars": {"say": "long"}},
    ],
}
RACE = {
    "description": "Racing",
    "prompts": ["{{say}}"],
    "providers": ["file://agent.py:meet"],
    "tests": [{"description": word, "vars": {"say": word}} for word in ("one", "two")],
}


def run(folder: Path, config: dict[str, Any], **environ: str) -> None:
    """Run a suite by the command line; its record goes into the folder's home."""
    (folder / "promptfooconfig.yaml").write_text(json.dumps(config), encoding="utf-8")
    (folder / "agent.py").write_text(AGENT, encoding="utf-8")
    command = [sys.executable, "-m", "sojourn", "eval", "--no-table"]
    place = {**os.environ, "SOJOURN_HOME": str(folder / "home"), **environ}
    done = subprocess.run(command, cwd=folder, env=place, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode in (0, 100, 1), done.stderr


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three runs: a race, then a suite in two wordings."""
    folder = tmp_path_factory.mktemp("viewed")
    run(folder, RACE)
    run(folder, CONFIG, WORDING="Dear customer")
    run(folder, CONFIG, WORDING="Hi")
    return folder / "home"


@pytest.fixture(scope="session")
def site(home: Path) -> Iterator[str]:
    """Serve the store by the command line; the address."""
    command = [sys.executable, "-m", "sojourn", "view", "--port", "0", "--no-open"]
    environ = {**os.environ, "SOJOURN_HOME": str(home)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0]
        process.terminate()
