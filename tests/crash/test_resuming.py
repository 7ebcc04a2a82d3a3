"""A run that was killed goes on: lane by lane, with nothing lost, nothing twice, and no conversation half old."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import Start

CODE = """
import itertools
from telling import tell
calls = itertools.count(1)

class Thread:
    def open(self): self.said = []
    def close(self): pass

def call_api(prompt, options, context):
    number = next(calls)
    tell(f"call {number}")
    said = context["sessions"]["thread"].said
    said.append(prompt)
    return {"output": " ".join(said)}
"""
TURNS = 5
TALKS = 6
WHOLE = [
    {
        "turns": [
            {
                "vars": {"q": f"{talk}.{turn}"},
                "assert": [{"type": "equals", "value": " ".join(f"{talk}.{n}" for n in range(turn + 1))}],
            }
            for turn in range(TURNS)
        ]
    }
    for talk in range(TALKS)
]
SUITE = {
    "prompts": ["{{q}}"],
    "providers": [{"id": "file://bot.py", "sessions": ["thread"]}],
    "sessions": {"thread": {"kind": "file://bot.py:Thread", "scope": "conversation"}},
    "tests": WHOLE,
}


def again(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line once more, where the run was that has ended."""
    return subprocess.run(
        [sys.executable, "-m", "sojourn", "eval", "-o", "out.json", *arguments],
        cwd=folder,
        env={**os.environ, "STORY": str(folder / "later"), "SOJOURN_HOME": str(folder / "home")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the output file."""
    found: list[dict[str, Any]] = json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"]["results"]
    return found


def stored(folder: Path, asked: str) -> list[tuple[Any, ...]]:
    """Ask the store."""
    with sqlite3.connect(folder / "home" / "runs.sqlite") as store:
        found = store.execute(asked).fetchall()
    store.close()
    return found


@pytest.mark.seeds(5)
def test_resume_equals_never_interrupted(start: Start, tmp_path: Path, seed: int) -> None:
    """Killed at any moment, a run that goes on has every row once, each conversation in one session, and passes."""
    moment = random.Random(seed).randrange(1, TURNS * TALKS)
    running = start({"promptfooconfig.yaml": json.dumps(SUITE), "bot.py": CODE}, "-j", "3")
    running.until(f"call {moment}")
    running.signal(signal.SIGKILL)
    running.end()
    before = stored(tmp_path, "SELECT number, row FROM rows")

    resumed = again(tmp_path, "--resume")

    assert resumed.returncode == 0, resumed.stdout
    assert sorted(row["testIdx"] for row in rows(tmp_path)) == list(range(TURNS * TALKS))
    assert {row["outcome"] for row in rows(tmp_path)} == {"passed"}
    assert [number for [number] in stored(tmp_path, "SELECT number FROM trials")] == list(range(TURNS * TALKS))
    assert stored(tmp_path, "SELECT state, expected, passed FROM runs") == [("done", 30, 30)]
    after = dict(stored(tmp_path, "SELECT number, row FROM rows"))
    finished = [talk for talk, turns in Counter(n // TURNS for n, _ in before).items() if turns == TURNS]
    assert all(after[n] == row for n, row in before if n // TURNS in finished)
    calls = (tmp_path / "later").read_text(encoding="utf-8").splitlines()
    assert len(calls) == (TALKS - len(finished)) * TURNS


def test_a_run_that_was_stopped_goes_on(start: Start, tmp_path: Path) -> None:
    """After Ctrl-C as after a kill, what had finished stands; the newest run of the folder is meant, or a named one."""
    running = start({"promptfooconfig.yaml": json.dumps(SUITE), "bot.py": CODE}, "-j", "1")
    running.until("call 7")
    running.signal(signal.SIGINT)
    running.end()
    [(name, state)] = stored(tmp_path, "SELECT id, state FROM runs")
    assert state == "stopped"
    assert again(tmp_path, "--resume", name).returncode == 0
    assert len(rows(tmp_path)) == 30
    complete = again(tmp_path, "--resume", name)
    assert complete.returncode == 1
    assert complete.stdout == f"error: the run {name} is complete (`sojourn show` shows it)\n"


def test_a_run_under_way_is_left_alone(start: Start, tmp_path: Path) -> None:
    """Nobody goes on with a run that is going on."""
    code = CODE.replace("    said =", "    import telling; telling.wait_at_the_gate()\n    said =")
    running = start({"promptfooconfig.yaml": json.dumps(SUITE), "bot.py": code}, "-j", "1", "--filter-first-n", "1")
    running.until("call 1")
    refused = again(tmp_path, "--resume", "latest")
    assert refused.returncode == 1
    assert "is still going on (wait for it, or stop it)" in refused.stdout
    for number in range(1, TURNS + 1):
        running.until(f"call {number}")
        running.open_the_gate()
    assert running.end().code == 0
