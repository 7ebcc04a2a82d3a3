"""Suites run by the real command line, in real processes that tell through a pipe what they do."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

PATIENCE = 60.0
"""Seconds after which a test gives up waiting; none is ever waited for in vain."""

TELL_PYTHON = """
import os
def tell(line):
    with open(os.environ["STORY"], "a") as story:
        story.write(line + "\\n")
def wait_at_the_gate():
    with open(os.environ["GATE"]) as gate:
        gate.readline()
"""
TELL_JAVASCRIPT = """
const fs = require('node:fs');
exports.tell = (line) => fs.appendFileSync(process.env.STORY, line + '\\n');
exports.waitAtTheGate = () => fs.promises.readFile(process.env.GATE);
"""


class Ended(msgspec.Struct, frozen=True):
    """A run that is over: its exit code, what it showed, its rows, what its code told, and what it took in seconds."""

    code: int
    shown: str
    document: dict[str, Any] | None
    story: list[str]
    seconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the output file, in the order of the tests."""
        assert self.document is not None, f"no output was written:\n{self.shown}"
        return sorted(self.document["results"]["results"], key=lambda row: (row["testIdx"], row["promptIdx"]))

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each row."""
        return [row["outcome"] for row in self.rows]


class Running:
    """A run under way."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._mark = uuid.uuid4().hex
        self._temporary = folder / "temporary"
        self._temporary.mkdir()
        for pipe in ("story", "gate"):
            os.mkfifo(folder / pipe)
        self._texts: dict[int, str] = {}
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            ["sh", "-c", environ.get("BEFORE", "") + 'exec "$@"', "sh", sys.executable, "-m", "sojourn", *arguments],
            cwd=folder,
            env={
                **os.environ,
                "RUN_MARK": self._mark,
                "STORY": str(folder / "story"),
                "GATE": str(folder / "gate"),
                "TMPDIR": str(self._temporary),
                "SOJOURN_HOME": str(folder / "home"),
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        self._screen = self.process.stdout.fileno()
        self._story = os.open(folder / "story", os.O_RDWR | os.O_NONBLOCK)

    def until(self, line: str) -> None:
        """Wait until the suite's code has told a line."""
        self._until(lambda: line in self._text(self._story).split("\n")[:-1], f"told: {line}")

    def until_many(self, count: int) -> None:
        """Wait until the suite's code has told so many lines."""
        self._until(lambda: self._text(self._story).count("\n") >= count, f"told {count} lines")

    def until_shown(self, text: str) -> None:
        """Wait until the run has shown a text."""
        self._until(lambda: text in self._text(self._screen), f"shown: {text}")

    def _until(self, seen: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not seen():
            going = self._read(deadline - time.monotonic())
            assert going or seen(), f"never {what}\ntold: {self._text(self._story)}\nshown: {self._text(self._screen)}"

    def _read(self, seconds: float) -> bool:
        """Read what comes within so many seconds; return False when there is nothing, or the run has ended."""
        ready, _, _ = select.select([self._story, self._screen], [], [], max(seconds, 0))
        going = bool(ready)
        for descriptor in ready:
            with contextlib.suppress(BlockingIOError):
                chunk = os.read(descriptor, 1 << 16)
                going = going and bool(chunk)
                self._texts[descriptor] = self._text(descriptor) + chunk.decode("utf-8", "replace")
        return going

    def _text(self, descriptor: int) -> str:
        return self._texts.get(descriptor, "")

    def open_the_gate(self) -> None:
        """Let whoever waits at the gate go on."""
        with (self._folder / "gate").open("w", encoding="utf-8") as gate:
            gate.write("go\n")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the runner, and measure its time from now."""
        self._began = time.monotonic()
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Wait for the end; nothing of the run is left then: no process, no temporary file."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline - time.monotonic()):
            pass
        code = self.process.wait(max(deadline - time.monotonic(), 0))
        seconds = time.monotonic() - self._began
        self._read(0)
        results = self._folder / "out.json"
        document = json.loads(results.read_text(encoding="utf-8")) if results.exists() else None
        _, alive = psutil.wait_procs(self._processes(), timeout=10)
        self._read(0)
        assert not alive, f"still there: {[(each.pid, each.cmdline()) for each in alive]}"
        assert not list(self._temporary.iterdir())
        return Ended(code, self._text(self._screen), document, self._text(self._story).splitlines(), seconds)

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("RUN_MARK") == self._mark:
                    found.append(process)
        return found

    def kill(self) -> None:
        """End all that is left, after a test that failed."""
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        os.close(self._story)


Start = Callable[..., Running]
Evaluate = Callable[..., Ended]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Write a suite's files and start `sojourn eval` on them; the output goes to out.json."""
    started: list[Running] = []

    def begin(files: Mapping[str, str], *arguments: str, **environ: str) -> Running:
        for name, text in {"telling.py": TELL_PYTHON, "telling.js": TELL_JAVASCRIPT, **files}.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        running = Running(tmp_path, ("eval", "-o", "out.json", *arguments), environ)
        started.append(running)
        return running

    yield begin
    for running in started:
        running.kill()


@pytest.fixture
def evaluate(start: Start) -> Evaluate:
    """Write a suite's files, run it to its end, and see that nothing is left of it."""

    def ended(files: Mapping[str, str], *arguments: str, **environ: str) -> Ended:
        return start(files, *arguments, **environ).end()

    return ended
