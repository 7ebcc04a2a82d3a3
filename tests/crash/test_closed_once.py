"""What the last will did is written down: nobody does it again, whatever else the suite has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.conftest import Running, Start

CODE = """
from telling import tell, wait_at_the_gate
class LogIn:
    def open(self): tell("open")
    def close(self): tell("close")
    def reclaim(self):
        tell("reclaim")
        raise ValueError("nobody is logged in")
def after_all(results, context): tell("after all")
def call_api(prompt, options, context):
    tell("asked")
    wait_at_the_gate()
    return {"output": "x"}
"""
SESSION = "sessions: {login: {kind: 'file://code.py:LogIn'}}\n"
SUITE = "prompts: [hi]\nproviders: [{id: 'file://code.py', sessions: [login]}]\n" + SESSION
HOOKED = "prompts: [hi]\nproviders: ['file://code.py']\nextensions: ['file://code.py:afterAll']\n"


def killed(start: Start, suite: str, code: str = CODE) -> Running:
    """Run a suite and kill its runner in the middle of a trial."""
    running = start({"promptfooconfig.yaml": suite, "code.py": code})
    running.until("asked")
    running.signal(signal.SIGKILL)
    running.open_the_gate()
    return running


def sessions(folder: Path, verb: str) -> tuple[int, str]:
    """Look after what dead runs left."""
    done = subprocess.run(
        [sys.executable, "-m", "sojourn", "sessions", verb],
        cwd=folder,
        env={**os.environ, "SOJOURN_HOME": str(folder / "home"), "STORY": str(folder / "later")},
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_session_that_the_last_will_closed_is_not_reclaimed(start: Start, tmp_path: Path) -> None:
    """A suite without hooks leaves its language processes the ledger, too: what they close is closed."""
    ended = killed(start, SUITE).end()

    assert ended.story == ["open", "asked", "close"]
    assert sessions(tmp_path, "list") == (0, "nothing is open\n")


def test_an_after_all_alone_is_part_of_the_last_will(start: Start, tmp_path: Path) -> None:
    """It needs no beforeAll to be run when the runner is killed."""
    code = CODE.replace("def after_all(results, context)", "def afterAll(context, more)")
    ended = killed(start, HOOKED, code).end()

    assert ended.story == ["asked", "after all"]
    assert sessions(tmp_path, "list") == (0, "nothing is open\n")


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_what_cannot_be_undone_can_be_given_up(start: Start, tmp_path: Path, how: str) -> None:
    """What fails again and again is told with what to do, until somebody says that it is not to be tried again."""
    running = start({"promptfooconfig.yaml": SUITE, "code.py": CODE.replace('tell("close")', "1 / 0")})
    running.until("asked")
    if how == "killed":
        running.signal(signal.SIGKILL)
    running.open_the_gate()
    running.end()

    for _ in range(2):
        code, told = sessions(tmp_path, "reap")
        assert code == 1
        assert ("had died" if how == "killed" else "has ended") in told
        assert "not undone: login (" in told
        assert "nobody is logged in" in told
        assert "sojourn sessions forget" in told
    assert ("(dead" if how == "killed" else "(ended") in sessions(tmp_path, "list")[1]
    assert sessions(tmp_path, "forget")[0] == 0
    assert sessions(tmp_path, "list") == (0, "nothing is open\n")
    assert sessions(tmp_path, "forget") == (0, "no dead run has left anything\n")
