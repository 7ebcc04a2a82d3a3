"""Promises that no other file keeps: whole runs that break, side by side, and in random shapes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

CODE = """
import os, pathlib, random
HERE = pathlib.Path(__file__).parent
def note(word):
    with open(HERE / "log", "a") as log: log.write(word + "\\n")
class Node:
    def open(self, config, tag, parents):
        self.name, self.path = config["name"], place(tag)
        self.path.write_text(self.name)
        self.handle = {"name": self.name}
        note(f"open {self.name} {self.path.name}")
    def close(self): gone(self.path, self.name)
    def reclaim(self, tag, handle): gone(place(tag), (handle or {}).get("name"))
def place(tag): return HERE / "open" / tag.replace("/", "_").replace(":", "-")
def gone(path, name):
    try: name = path.read_text() or '-'; path.unlink()  # killed before its name was in it
    except FileNotFoundError: return
    note(f"close {name} {path.name}")
def call_api(prompt, options, context):
    if prompt.startswith("die"): os._exit(3)
    if prompt == "gate": open(HERE / "gate").close()
    return {"output": prompt + " " + " ".join(sorted(context.get("sessions") or {}))}
"""


def start(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start the command line there."""
    return subprocess.Popen(
        [sys.executable, "-m", "sojourn", *arguments],
        cwd=folder,
        env={**os.environ, "SOJOURN_HOME": str(folder / "home"), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def write(folder: Path, suite: dict[str, Any]) -> None:
    """Write a suite and its code."""
    (folder / "open").mkdir(parents=True)
    (folder / "code.py").write_text(CODE, encoding="utf-8")
    (folder / "promptfooconfig.yaml").write_text(json.dumps({"prompts": ["{{q}}"], **suite}), encoding="utf-8")


def node(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "file://code.py:Node", "config": {"name": name}, **more}


def log(folder: Path) -> list[list[str]]:
    """Return what was opened and closed, in order: the word, the name, the place."""
    file = folder / "log"
    return [line.split() for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_what_a_dying_provider_had_open_is_closed_by_somebody_else(tmp_path: Path, jobs: str) -> None:
    """Every second call ends the process: each session that it had is closed once all the same."""
    tests = [{"vars": {"q": f"{'die' if n % 2 else 'say'} {n}"}} for n in range(24)]
    sessions = {"mine": node("mine", scope="trial", parent="all"), "all": node("all", capacity=9)}
    write(
        tmp_path, {"providers": [{"id": "file://code.py", "sessions": ["mine"]}], "sessions": sessions, "tests": tests}
    )
    run = start(tmp_path, "eval", "-j", jobs, "-o", "out.json")
    told, _ = run.communicate(timeout=120)

    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"]["results"]
    outcomes = [row["outcome"] for row in sorted(rows, key=lambda row: row["testIdx"])]
    assert outcomes == ["passed", "error"] * 12, told
    assert not os.listdir(tmp_path / "open")
    opened = [place for word, _, place in log(tmp_path) if word == "open"]
    closed = [place for word, _, place in log(tmp_path) if word == "close"]
    assert len(set(closed)) == len(closed)
    assert set(opened) <= set(closed)  # and what was struck while it opened, before it could tell


def test_runs_side_by_side_give_the_same(tmp_path: Path) -> None:
    """Ten runs of one suite at once, each in lanes and sessions of its own, come to the same but for ids and times."""
    tests = [{"vars": {"q": f"say {n}"}, "metadata": {"conversationId": f"c{n % 3}"}} for n in range(12)]
    sessions = {"thread": node("thread", scope="conversation")}
    claim = {"assert": [{"type": "contains", "value": "thread"}, {"type": "contains", "value": "7"}]}
    entry = {"id": "file://code.py", "sessions": ["thread"]}
    write(tmp_path, {"providers": [entry], "sessions": sessions, "tests": tests, "defaultTest": claim})
    runs = [start(tmp_path, "eval", "-o", f"{number}.json") for number in range(10)]
    told = [run.communicate(timeout=240)[0] for run in runs]

    assert [run.returncode for run in runs] == [100] * 10, told
    found = {told_apart((tmp_path / f"{number}.json").read_text(encoding="utf-8")) for number in range(10)}
    assert len(found) == 1
    assert not os.listdir(tmp_path / "open")


STATE = """
import json, os
def hook(name, context):
    if name == "beforeAll": context["state"]["mine"] = os.environ["MINE"]
def call_api(prompt, options, context):
    told = {"mine": context["state"]["mine"], "tag": context["sessions"]["thread"]["of"], "vars": prompt}
    return {"output": json.dumps(told)}
class Thread:
    def open(self, tag): return {"of": tag}
"""


@pytest.mark.seeds(3)
def test_runs_side_by_side_see_only_what_is_theirs(tmp_path: Path, seed: int) -> None:
    """Two runs at once from one folder, whose hooks, sessions and state hand on ids: each sees only its own."""
    sessions = {"thread": {"kind": "file://state.py:Thread", "scope": "conversation"}}
    entry = {"id": "file://state.py", "sessions": ["thread"]}
    tests = [{"vars": {"q": n}, "metadata": {"conversationId": f"c{n % 2}"}} for n in range(6)]
    write(
        tmp_path, {"providers": [entry], "sessions": sessions, "tests": tests, "extensions": ["file://state.py:hook"]}
    )
    (tmp_path / "state.py").write_text(STATE, encoding="utf-8")
    runs = [start(tmp_path, "eval", "-o", f"{mine}.json", MINE=f"{seed} {mine}") for mine in "ab"]
    told = [run.communicate(timeout=240)[0] for run in runs]

    for mine, shown in zip("ab", told, strict=True):
        document = json.loads((tmp_path / f"{mine}.json").read_text(encoding="utf-8"))
        outputs = [json.loads(row["response"]["output"]) for row in document["results"]["results"]]
        assert {each["mine"] for each in outputs} == {f"{seed} {mine}"}, shown
        assert {each["tag"].rpartition("/")[0] for each in outputs} == {document["evalId"]}, shown
        assert sorted(each["vars"] for each in outputs) == list("012345")


def test_reap_never_touches_the_living_among_the_dead(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Of many runs at once half are killed and some paused: what they left is closed, the others go on as if alone."""
    count = 6 * request.config.getoption("--times")
    chance = random.Random(count)
    suite = {
        "providers": [{"id": "file://code.py", "sessions": ["box"]}],
        "sessions": {"box": node("box")},
        "tests": [{"vars": {"q": "gate"}}, {"vars": {"q": "say more"}}],
    }
    folders = [tmp_path / str(number) for number in range(count)]
    for folder in folders:
        write(folder, suite)
        os.mkfifo(folder / "gate")
    home = str(tmp_path / "home")
    runs = {folder: start(folder, "eval", "--no-table", SOJOURN_HOME=home) for folder in folders}
    until(lambda: all(len(log(folder)) == 1 for folder in folders))
    dead = set(chance.sample(folders, count // 2))
    paused = set(chance.sample([each for each in folders if each not in dead], max(count // 10, 1)))
    for folder in paused:
        runs[folder].send_signal(signal.SIGSTOP)
    for folder in dead:
        kill_all(runs[folder])
    told = [start(tmp_path, "sessions", "reap", SOJOURN_HOME=home).communicate(timeout=120)[0] for _ in range(5)]

    left = {folder for folder in folders if os.listdir(folder / "open")}
    assert left == {*folders} - dead, told
    for folder in paused:
        runs[folder].send_signal(signal.SIGCONT)
    for folder in left:
        with (folder / "gate").open("w", encoding="utf-8"):
            shown = runs[folder].communicate(timeout=120)[0]
        assert runs[folder].returncode == 0, shown
        assert "2 passed" in shown
    assert [len(log(folder)) for folder in folders] == [2] * count


def told_apart(text: str) -> str:
    """Return results without what is every run's own: ids, moments, durations, and the order of finishing."""
    rows = json.loads(text)["results"]["results"]
    rows.sort(key=lambda row: row["testIdx"])
    kept = json.dumps([{key: value for key, value in row.items() if key not in OWN} for row in rows])
    return re.sub(r"eval-[0-9a-f]+-[0-9T:.Z-]+", "RUN", kept)


OWN = ("id", "latencyMs", "started", "ended")


def forest(seed: int) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """Return random sessions, at most 40 and five deep, and who lives in whom."""
    chance = random.Random(seed)
    parents: dict[str, tuple[str, ...]] = {}
    depth: dict[str, int] = {}
    for number in range(chance.randrange(5, 40)):
        above = [name for name in parents if depth[name] < 4]
        chosen = tuple(chance.sample(above, min(len(above), chance.choice([0, 1, 1, 1, 2]))))
        name = f"s{number}"
        parents[name] = chosen
        depth[name] = 1 + max((depth[each] for each in chosen), default=-1)
    scopes = {name: chance.choice(["run", "run", "test", "trial"]) for name in parents}
    sessions = {name: node(name, scope=scopes[name], capacity=50, parent=list(parents[name])) for name in parents}
    return sessions, parents


def test_a_killed_forest_is_closed_leaves_first(tmp_path: Path, seed: int) -> None:
    """Random families, killed at a random moment and reaped: children before parents, each once, nothing stays."""
    sessions, parents = forest(seed)
    tests = [{"vars": {"q": f"say {n}"}} for n in range(6)]
    entry = {"id": "file://code.py", "sessions": list(sessions)}
    write(tmp_path, {"providers": [entry], "sessions": sessions, "tests": tests})
    run = start(tmp_path, "eval", "-j", "3", "--no-table")
    until(lambda: len(log(tmp_path)) >= random.Random(seed).randrange(2 * len(sessions)) or run.poll() is not None)
    kill_all(run)
    reaping = start(tmp_path, "sessions", "reap")
    told, _ = reaping.communicate(timeout=120)

    assert reaping.returncode == 0, told
    assert not os.listdir(tmp_path / "open")
    assert not list((tmp_path / "home" / "runs").glob("*"))
    events = log(tmp_path)
    closes = [(name, place) for word, name, place in events if word == "close"]
    assert len(closes) == len(set(closes))
    last = {name: max(n for n, (word, other, _) in enumerate(events) if word == "close" and other == name)
            for name in {name for name, _ in closes if name in parents}}  # fmt: skip
    shared = {name for name in last if sessions[name]["scope"] == "run" and all_run(name, sessions, parents)}
    for name, when in last.items():
        for parent in shared.intersection(parents[name]):
            assert when < last[parent], (name, parent)


def all_run(name: str, sessions: dict[str, Any], parents: dict[str, tuple[str, ...]]) -> bool:
    """Whether there is one instance of a session: it and all above it live for the run."""
    return all(sessions[each]["scope"] == "run" and all_run(each, sessions, parents) for each in parents[name])


def until(done: Any) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        os.sched_yield()


def kill_all(run: subprocess.Popen[str]) -> None:
    """Kill a runner and all that it started, before any of them can react."""
    with contextlib.suppress(psutil.Error):
        runner = psutil.Process(run.pid)
        runner.suspend()
        for process in [*runner.children(recursive=True), runner]:
            process.kill()
    run.communicate(timeout=60)
