"""Every packaged example, as a newcomer runs it: copied by `init`, run by `eval`; nothing to set up, nothing left."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sojourn

EXAMPLES = Path(sojourn.__file__).parent / "examples"
SUITES = sorted(
    f"{path.parent.name}/{path.name}" for path in EXAMPLES.glob("*/*.yaml") if path.name.startswith("promptfooconfig")
)
ONE_SCREEN = 50
SHOWN = {
    "sessions-pool": r"12 tests, 4 connections opened, at most [123] of them at a time, 1 replaced",
    "sessions-fork": r"built once, 8 forks of [\d.]+ ms each; a fork costs 1/\d+",
    "sessions-turns": r"20 turns of 50 ms took [\d.]+ s",
    "sessions-hierarchy": r"(?m)^open   account ada\n(.*\n)+^close  account ada$",
    "sessions-provider-level": r"analyst [12] closes after 3 statements\n",
    "sessions-two-languages": r"the service is closed after 5 messages",
}
"""What an example shows of its point, besides passing."""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with a data folder of its own and no way out through a proxy."""
    environ = {**os.environ, "SOJOURN_HOME": str(folder / "data"), "HTTP_PROXY": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "sojourn", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def test_every_example_has_a_suite() -> None:
    """No folder below examples is empty or forgotten."""
    assert {suite.partition("/")[0] for suite in SUITES} == {path.name for path in EXAMPLES.iterdir() if path.is_dir()}


@pytest.mark.parametrize("suite", SUITES)
def test_an_example_passes_as_it_is(tmp_path: Path, suite: str) -> None:
    """Copied into an empty folder and run, all its tests pass, its point is shown, and no session is left open."""
    name, _, config = suite.partition("/")
    made = run(tmp_path, "init", "--example", name)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / name

    ended = run(folder, "eval", "-c", config, "-o", "out.json")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not ended.stderr.replace("written: out.json\n", "")
    rows: list[dict[str, Any]] = json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"]["results"]
    assert {row["outcome"] for row in rows} == {"passed"}
    assert re.search(SHOWN.get(name, ""), ended.stdout)
    assert not list((folder / "data").glob("runs/*"))


@pytest.mark.parametrize("name", sorted({suite.partition("/")[0] for suite in SUITES}))
def test_an_example_explains_itself_on_one_screen(name: str) -> None:
    """Its README begins with one line for the list, tells what to type, and is no longer than a screen."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert re.match(rf"# {name}: \S", lines[0])
    assert "    sojourn eval" in text
    assert len(lines) <= ONE_SCREEN


@pytest.mark.parametrize("suite", [suite for suite in SUITES if suite.startswith("sessions-")])
@pytest.mark.parametrize("jobs", ["1", "16"])
def test_an_example_of_sessions_passes_at_any_concurrency(tmp_path: Path, suite: str, jobs: str) -> None:
    """One at a time or sixteen, the verdicts are the same."""
    name, _, config = suite.partition("/")
    run(tmp_path, "init", "--example", name)
    ended = run(tmp_path / name, "eval", "-c", config, "-j", jobs)
    assert ended.returncode == 0, ended.stdout + ended.stderr
