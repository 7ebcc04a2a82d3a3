"""A run that was killed goes on: lane by lane, with nothing lost, nothing twice, and no conversation half old."""

from __future__ import annotations

import json
import os
import random
import re
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


@pytest.mark.seeds(3)
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


def test_a_run_that_was_killed_lasted_as_long_as_is_known(start: Start, tmp_path: Path) -> None:
    """What is shown of it has the time until its last trial, not none."""
    running = start({"promptfooconfig.yaml": json.dumps(SUITE), "bot.py": CODE}, "-j", "1")
    running.until("call 9")
    running.signal(signal.SIGKILL)
    running.end()
    [(ended,)] = stored(tmp_path, "SELECT max(ended) FROM trials")
    shown = subprocess.run(
        [sys.executable, "-m", "sojourn", "show"],
        env={**os.environ, "SOJOURN_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    ).stdout
    assert "killed" in shown
    told = re.search(r"skipped in ([0-9.]+) s", shown)
    assert told
    assert float(told[1]) >= round(ended, 2) > 0


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


UNCLEAN = """
import asyncio, os, sqlite3
from telling import tell, wait_at_the_gate
meeting = asyncio.Barrier(2)

class Box:
    def open(self): self.items = []
    def fingerprint(self): return len(self.items)
    def close(self): pass

class Lid:
    def open(self): pass
    def close(self): raise RuntimeError("it is stuck")

async def meet(prompt, options, context):
    if prompt in ("one", "two"):
        await asyncio.wait_for(meeting.wait(), 30)
        return {"output": prompt, "sessionId": "shared"}
    if prompt == "last":
        await asyncio.to_thread(be_last)
    return {"output": prompt}

def be_last():
    with sqlite3.connect(os.environ["SOJOURN_HOME"] + "/runs.sqlite") as store:
        while store.execute("SELECT count(*) FROM trials").fetchone()[0] < 4:
            pass
    tell("last")
    wait_at_the_gate()

def fill(prompt, options, context):
    context["sessions"]["box"].items.append(prompt)
    return {"output": prompt}

def open_lid(prompt, options, context):
    return {"output": prompt}
"""
FAULTY = {
    "prompts": ["{{q}}"],
    "providers": [
        "file://bot.py:meet",
        {"id": "file://bot.py:fill", "sessions": ["box"]},
        {"id": "file://bot.py:open_lid", "sessions": ["lid"]},
    ],
    "sessions": {
        "box": {"kind": "file://bot.py:Box"},
        "lid": {"kind": "file://bot.py:Lid", "scope": "trial"},
    },
    "tests": [{"vars": {"q": word}, "providers": ["file://bot.py:meet"]} for word in ("one", "two")]
    + [{"vars": {"q": "full"}, "providers": ["file://bot.py:fill"]}]
    + [{"vars": {"q": "lid"}, "providers": ["file://bot.py:open_lid"]}]
    + [{"vars": {"q": "last"}, "providers": ["file://bot.py:meet"]}],
}


def test_what_was_wrong_before_the_end_is_told_in_the_end(start: Start, tmp_path: Path) -> None:
    """Races, leaks and closings that failed are those of all parts of a run, each told once."""
    running = start({"promptfooconfig.yaml": json.dumps(FAULTY), "bot.py": UNCLEAN}, "-j", "5")
    running.until("last")
    running.signal(signal.SIGKILL)
    running.open_the_gate()
    running.end()
    (tmp_path / "bot.py").write_text(UNCLEAN.replace("    wait_at_the_gate()\n", ""), encoding="utf-8")

    resumed = again(tmp_path, "--resume")

    assert "5 passed" in resumed.stdout
    assert resumed.stdout.count("Session race: test ") == 1, resumed.stdout
    assert resumed.stdout.count("Session leak: test 3 (trial 3) changed the shared session box") == 1
    assert resumed.stdout.count("close of lid (trial 4): ") == 1, resumed.stdout
    assert "session lid" not in resumed.stdout
    assert resumed.returncode == 1
