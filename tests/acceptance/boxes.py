"""A suite's own sessions, and the real command line that runs them: what opens and closes is told in a story."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

PYTHON = """
import asyncio, collections, os, pathlib, threading
HERE = pathlib.Path(__file__).parent
lock, made, now = threading.Lock(), collections.Counter(), collections.Counter()
def tell(word):
    with open(HERE / "story", "a") as story:
        story.write(word + "\\n")

class Box:
    # what users' kinds can be: it remembers marks, and which of its kind it is
    def open(self, config):
        with lock:
            made[config.get("name", "box")] += 1
            now["open"] += 1
            now["most"] = max(now["most"], now["open"])
            self.number = made[config.get("name", "box")]
        self.config, self.marks, self.broken = config, [], False
        self.handle = {"id": f"{config.get('name', 'box')}-{self.number}"}
        tell(f"open {self.handle['id']}")
    def check(self): return not self.broken
    def reset(self): self.marks.clear()
    def begin(self): self.kept = list(self.marks)
    def rollback(self): self.marks = self.kept
    def fork(self):
        child = Box.__new__(Box)
        child.config, child.marks, child.handle = self.config, list(self.marks), {"id": "fork of " + self.handle["id"]}
        return child
    def close(self):
        if self.config.get("slow"): gate.wait(0.3)
        now["open"] -= 1
        tell(f"close {self.handle['id']}")
gate = threading.Event()

async def child(box, config):
    tell(f"open child in {box.handle['id']}")
    yield {"id": "child", "in": box.handle["id"]}
    tell(f"close child in {box.handle['id']}")
def value(): yield "plain"
async def loud():
    print("hello from the session")
    yield 1
    print("goodbye from the session")

def raises():
    tell("opening")
    raise ConnectionError("the server is down")
async def hangs():
    tell("opening")
    await asyncio.Event().wait()
    yield 1
def blocks():
    tell("opening")
    threading.Event().wait()
    yield 1
def close_raises():
    yield {"id": 1}
    raise ConnectionError("the server is down")
async def close_hangs():
    yield {"id": 1}
    await asyncio.Event().wait()

async def call_api(prompt, options, context):
    tell(f"call {prompt}")
    lent = context.get("sessions") or {}
    box = lent.get("box")
    seen = len(box.marks) if box else 0
    if box: box.marks.append(prompt)
    if prompt == "fail": raise ValueError("no answer")
    if prompt == "exit": os._exit(3)
    if prompt == "break": box.broken = True
    ids = {name: getattr(one, "handle", one) for name, one in lent.items()}
    return {"output": f"{prompt}; seen {seen}; most {now['most']}; {ids}"}
meeting = {}
async def meet(prompt, options, context):
    # answers when as many are here as vars say: they are let in at once, or this never ends
    box, wanted = context["sessions"]["box"], context["vars"]["together"]
    here = meeting.setdefault(id(box), {"now": 0, "most": 0, "full": asyncio.Event()})
    here["now"] += 1
    here["most"] = max(here["most"], here["now"])
    if here["now"] == wanted: here["full"].set()
    await here["full"].wait()
    here["now"] -= 1
    return {"output": f"most {here['most']}"}
def hook(name, context):
    if name == "beforeEach": tell(f"hook finds {context['sessions']['box'].handle['id']}")
def finds(output, context): return context["sessions"]["box"].handle["id"] in output
"""
NODE = """
const fs = require('node:fs');
const tell = (word) => fs.appendFileSync(`${__dirname}/story`, word + '\\n');
exports.raises = () => { tell('opening'); throw new Error('the server is down'); };
exports.hangs = { open: () => { tell('opening'); return new Promise(() => {}); } };
exports.close_raises = { open: () => ({ id: 1 }), close: () => { throw new Error('the server is down'); } };
exports.close_hangs = { open: () => ({ id: 1 }), close: () => new Promise(() => {}) };
exports.box = { open: () => ({ id: 'js', marks: [] }), close: () => tell('close js') };
exports.finds = (output, context) => output.includes(context.sessions.box.id);
"""


class Played(msgspec.Struct, frozen=True):
    """A run that is over: its exit code, what it showed, its rows in the order of the file, what its code told."""

    code: int
    shown: str
    rows: list[dict[str, Any]]
    story: list[str]

    @property
    def outcomes(self) -> list[str]:
        """What came of each trial."""
        return [row["outcome"] for row in self.rows]

    @property
    def outputs(self) -> list[str]:
        """What each was answered; nothing where there was no answer."""
        return [row.get("response", {}).get("output", "") for row in self.rows]

    def count(self, word: str) -> int:
        """Count the lines of the story that begin so."""
        return sum(line.startswith(word) for line in self.story)


Play = Callable[..., Played]


def begin(folder: Path, verb: str, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    """Start the command line in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "sojourn", verb, *arguments],
        cwd=folder,
        env={**os.environ, "SOJOURN_HOME": str(folder / "home")},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def ended(process: subprocess.Popen[str], folder: Path, results: str) -> Played:
    """Wait for a run, and read what came of it."""
    shown, _ = process.communicate(timeout=120)
    out, story = folder / results, folder / "story"
    rows = json.loads(out.read_text(encoding="utf-8"))["results"]["results"] if out.exists() else []
    rows.sort(key=lambda row: (row["testIdx"], row["promptIdx"], row["repeatIndex"]))
    lines = story.read_text(encoding="utf-8").splitlines() if story.exists() else []
    return Played(process.returncode, shown, rows, lines)


def player(folder: Path) -> Play:
    """Return what runs a suite, given as text, with the sessions of this file beside it."""
    (folder / "s.py").write_text(PYTHON, encoding="utf-8")
    (folder / "s.js").write_text(NODE, encoding="utf-8")

    def play(suite: str, *arguments: str, verb: str = "eval") -> Played:
        (folder / "promptfooconfig.yaml").write_text(suite, encoding="utf-8")
        (folder / "story").unlink(missing_ok=True)
        out = ("-o", "out.json") if verb == "eval" else ()
        return ended(begin(folder, verb, *arguments, *out), folder, "out.json")

    return play


def asked(*prompts: str) -> str:
    """Write a test for each prompt."""
    return "tests: [" + ", ".join(f"{{vars: {{q: '{prompt}'}}}}" for prompt in prompts) + "]\n"


BOT = "prompts: ['{{q}}']\nproviders: [{id: 'file://s.py', sessions: [box]}]\n"
BOX = "sessions: {box: {kind: 'file://s.py:Box'}}\n"
