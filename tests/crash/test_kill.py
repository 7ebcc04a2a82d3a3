"""kill -9 at any moment: what was open is closed by the last will or the watchdog, and if these die too, by `reap`."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

TESTS = 60
EVENTS = 200
"""Kills fall somewhere among the first so many things that the suite's code tells; it tells more."""
PATIENCE = 30.0
TICK = 0.01

PYTHON = """
import asyncio, os, pathlib, sqlite3
HERE = pathlib.Path(__file__).parent
def tell(word):
    with open(os.environ["STORY"], "a") as story:
        story.write(word + "\\n")
def note(file, word):
    with open(HERE / file, "a") as out:
        out.write(word + "\\n")
def path_of(tag): return HERE / "open" / tag.replace("/", "_").replace(":", "-")
def remove(path, order="child"):
    if os.environ.get("TELL_CLOSES"): tell("closing")
    try: path.unlink()
    except FileNotFoundError: return
    note("closed", path.name)
    note("order", order)
def rows(statement, *values):
    with sqlite3.connect(HERE / "rows.db", timeout=60) as database:
        changed = database.execute(statement, values).rowcount
    database.close()
    return changed

class Shared:
    def open(self, tag):
        path_of(tag).write_text("")
        self.tag = tag
        tell("open shared")
    def close(self): self.reclaim(self.tag)
    def reclaim(self, tag): remove(path_of(tag), "shared")
class File:
    async def open(self, shared, tag):
        self.path = path_of(tag)
        self.path.write_text("")
        self.handle = {"path": str(self.path)}
        tell("open file")
    async def close(self): self.reclaim(self.path.name, self.handle)
    def reclaim(self, tag, handle):
        remove(pathlib.Path(handle["path"]) if handle else path_of(tag))
class Row:
    def open(self, shared, tag):
        rows("INSERT INTO rows VALUES (?)", tag)
        self.tag = tag
        tell("open row")
    def close(self): self.reclaim(self.tag)
    def reclaim(self, tag):
        if rows("DELETE FROM rows WHERE tag = ?", tag):
            note("closed", tag)
            note("order", "child")
async def living(tag):
    path = path_of(tag)
    path.write_text("")
    tell("open living")
    yield 1
    remove(path, "parentless")

def hook(name, context):
    if name in ("beforeAll", "afterAll"):
        note("hooks", name)
        tell(name)
async def call_api(prompt, options, context):
    tell("call")
    if os.environ.get("GATE"): await asyncio.to_thread(lambda: open(os.environ["GATE"]).close())
    await asyncio.sleep(0.02)
    return {"output": prompt}
"""
NODE = """
const fs = require('node:fs'), path = require('node:path');
const place = (tag) => path.join(__dirname, 'open', tag.replaceAll('/', '_').replaceAll(':', '-'));
const remove = (tag) => {
  if (!fs.existsSync(place(tag))) return;
  fs.unlinkSync(place(tag));
  fs.appendFileSync(path.join(__dirname, 'closed'), path.basename(place(tag)) + '\\n');
};
exports.File = class {
  open(config, parents, { tag }) {
    fs.writeFileSync(place(tag), '');
    this.tag = tag;
    fs.appendFileSync(process.env.STORY, 'open js\\n');
  }
  close() { remove(this.tag); }
  reclaim(tag) { remove(tag); }
};
"""


class Storm:
    """A suite that holds many sessions open, the runner that is going to be killed, and what is left of it."""

    def __init__(self, folder: Path, sessions: list[str], **environ: str) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        (folder / "open").mkdir()
        (folder / "temporary").mkdir()
        os.mkfifo(folder / "story")
        self.environ = {
            **os.environ,
            "RUN_MARK": self.mark,
            "STORY": str(folder / "story"),
            "TMPDIR": str(folder / "temporary"),
            "SOJOURN_HOME": str(folder / "home"),
            **environ,
        }
        self._write(sessions)
        self._story = os.open(folder / "story", os.O_RDWR | os.O_NONBLOCK)
        self.runner = self.start("eval", "--no-table")

    def _write(self, sessions: list[str]) -> None:
        kinds = {"file": "File", "row": "Row", "living": "living"}
        described: dict[str, object] = {
            name: {"kind": f"file://s.py:{kind}", "scope": "trial"} for name, kind in kinds.items()
        }
        for name in ("file", "row"):
            described[name] = {"kind": f"file://s.py:{kinds[name]}", "scope": "trial", "parent": "shared"}
        described["shared"] = {"kind": "file://s.py:Shared", "capacity": 100}
        described["js"] = {"kind": "file://s.js:File", "scope": "trial"}
        suite = {
            "prompts": ["{{q}}"],
            "providers": [{"id": "file://s.py", "sessions": sessions}],
            "extensions": ["file://s.py:hook"],
            "sessions": described,
            "evaluateOptions": {"maxConcurrency": 20},
            "tests": [{"vars": {"q": number}} for number in range(TESTS)],
        }
        files = {"s.py": PYTHON, "s.js": NODE, "promptfooconfig.yaml": json.dumps(suite)}
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        with contextlib.closing(sqlite3.connect(self.folder / "rows.db")) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE rows (tag TEXT)")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command line in the suite's folder."""
        return subprocess.Popen(
            [sys.executable, "-m", "sojourn", *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def reap(self) -> tuple[int, str]:
        """Run `sojourn sessions reap`; returns its exit code and what it said."""
        reaping = self.start("sessions", "reap")
        told, _ = reaping.communicate(timeout=PATIENCE)
        return reaping.returncode, told

    def until_told(self, count: int) -> None:
        """Wait until the suite's code has told so many things, or nothing more will come."""
        told = 0
        while told < count:
            ready, _, _ = select.select([self._story], [], [], PATIENCE)
            assert ready, f"only {told} of {count} events were told"
            told += os.read(self._story, 1 << 16).count(b"\n")

    @property
    def left(self) -> list[str]:
        """What is open: files, rows, and ledgers of runs."""
        with contextlib.closing(sqlite3.connect(self.folder / "rows.db", timeout=60)) as database:
            rows = [tag for (tag,) in database.execute("SELECT tag FROM rows")]
        runs = self.folder / "home" / "runs"
        return [*os.listdir(self.folder / "open"), *rows, *(os.listdir(runs) if runs.exists() else [])]

    def until_nothing_is_left(self) -> float:
        """Wait until nothing is open any more; returns how many seconds that took."""
        began = time.monotonic()
        while left := self.left:
            assert time.monotonic() - began < PATIENCE, f"still open: {left}"
            time.sleep(TICK)
        return time.monotonic() - began

    def lines(self, name: str) -> list[str]:
        """Read what the suite's code wrote down."""
        file = self.folder / name
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def processes(self) -> list[psutil.Process]:
        """Find every process of the run."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("RUN_MARK") == self.mark:
                    found.append(process)
        return found

    def kill_all(self) -> None:
        """Kill the runner and everything that it started, its watchdog too, before any of them can react."""
        runner = psutil.Process(self.runner.pid)
        runner.suspend()
        for process in [*runner.children(recursive=True), runner]:
            process.kill()
        self.runner.wait()

    def settled(self) -> None:
        """See that all is well: hooks are paired, nothing closed twice or in wrong order, no process is left."""
        assert not self.left
        hooks = self.lines("hooks")
        assert hooks in ([], ["beforeAll", "afterAll"])
        closed = self.lines("closed")
        assert len(closed) == len(set(closed))
        order = [each for each in self.lines("order") if each != "parentless"]
        assert "shared" not in order[:-1]
        _, alive = psutil.wait_procs(self.processes(), timeout=PATIENCE)
        assert not alive, [process.cmdline() for process in alive]
        assert not list((self.folder / "temporary").iterdir())

    def end(self) -> None:
        """End all that is left, after a test that failed."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.runner.wait()
        assert self.runner.stdout is not None
        self.runner.stdout.close()
        os.close(self._story)


Begin = Callable[..., Storm]
RECLAIMABLE = ["file", "row", "js", "shared"]


@pytest.fixture
def storm(tmp_path: Path) -> Iterator[Begin]:
    begun: list[Storm] = []

    def begin(sessions: list[str], **environ: str) -> Storm:
        begun.append(Storm(tmp_path, sessions, **environ))
        return begun[0]

    yield begin
    for each in begun:
        each.end()


def moment(seed: int) -> int:
    """Choose after how many events to kill; the first seed kills before there is any."""
    return random.Random(seed).randrange(EVENTS) if seed else 0


def test_a_runner_that_is_killed_leaves_nothing_open(
    storm: Begin, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """Whenever it dies, within seconds all is closed, children before parents, and afterAll has run exactly once."""
    running = storm([*RECLAIMABLE, "living"])
    running.until_told(moment(seed))
    running.runner.kill()
    running.runner.wait()

    record_property("seconds", running.until_nothing_is_left())
    running.settled()


def test_when_all_are_killed_reap_leaves_nothing_open(storm: Begin, seed: int) -> None:
    """With the watchdog and the language processes dead as well, the ledger is enough."""
    running = storm(RECLAIMABLE)
    running.until_told(moment(seed + 10_000))
    running.kill_all()
    code, told = running.reap()

    assert code == 0, told
    running.settled()
    assert running.reap() == (0, "no dead run has left anything\n")


def test_a_runner_that_is_killed_in_the_middle_of_a_close(storm: Begin, seed: int) -> None:
    """Runner, last will and watchdog may all be at the same session: each is closed once, and nobody complains."""
    running = storm(["file", "shared"], TELL_CLOSES="1")
    running.until_told(2 * TESTS + 1 + random.Random(seed).randrange(TESTS))
    running.runner.kill()
    running.runner.wait()

    running.until_nothing_is_left()
    running.settled()


def test_the_next_run_closes_what_a_dead_one_left(storm: Begin, tmp_path: Path) -> None:
    """Every eval looks whether an earlier run was killed, undoes what it left, and says so in a line."""
    running = storm(RECLAIMABLE)
    running.until_told(100)
    running.kill_all()
    assert running.left
    (tmp_path / "other.yaml").write_text("{prompts: [x], providers: [echo], tests: [{vars: {q: x}}]}", encoding="utf-8")
    next_run = running.start("eval", "-c", "other.yaml", "--no-table")
    told, _ = next_run.communicate(timeout=PATIENCE)

    assert next_run.returncode == 0, told
    assert "had died: " in told
    assert "1 afterAll hook run" in told
    running.settled()


@pytest.mark.parametrize("paused", [False, True])
def test_reap_never_touches_a_living_run(storm: Begin, tmp_path: Path, paused: bool) -> None:  # noqa: FBT001  a parameter
    """A run with sessions open stays as it is while others reap, paused or not; then it ends as if nothing had been."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    running = storm(["file", "row", "shared"], GATE=str(gate))
    running.until_told(62)
    open_now = sorted(running.left)
    if paused:
        running.runner.send_signal(signal.SIGSTOP)

    assert running.reap() == (0, "no dead run has left anything\n")
    listing = running.start("sessions", "list").communicate(timeout=PATIENCE)[0]
    assert f"(running, pid {running.runner.pid}, since " in listing
    assert listing.count("  open: ") == 41
    assert sorted(running.left) == open_now

    running.runner.send_signal(signal.SIGCONT)
    with gate.open("w", encoding="utf-8"):
        told, _ = running.runner.communicate(timeout=PATIENCE)
    assert running.runner.returncode == 0, told
    assert f"{TESTS} passed" in told
    running.settled()


def test_a_run_that_closes_itself_after_its_death_is_named(storm: Begin, tmp_path: Path) -> None:
    """While language processes still finish what is under way, nobody says that the run goes on or all is gone."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    running = storm(["file", "row", "shared"], GATE=str(gate))
    running.until_told(62)
    running.runner.kill()
    running.runner.wait()

    listing = running.start("sessions", "list").communicate(timeout=PATIENCE)[0]
    assert "(its runner has died, what it had started is closing its sessions, since " in listing
    assert running.reap() == (
        0,
        "no dead run has left anything; still closing by themselves after their runner died: 1\n",
    )

    with gate.open("w", encoding="utf-8"):
        running.until_nothing_is_left()
    running.settled()
