"""Whole runs in which much goes wrong at random: nothing stays open, nothing is closed twice, no process is left."""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
LANGUAGES = {"python": "py", "javascript": "js"}
PYTHON = """
import asyncio, os, pathlib, signal, subprocess, sys, threading, time
from telling import tell
HERE = pathlib.Path(__file__).parent
def note(word):
    with open(HERE / "log", "a") as log: log.write(word + "\\n")
def place(tag): return HERE / "open" / tag.replace("/", "_").replace(":", "-")
def gone(tag):
    try: place(tag).unlink()
    except FileNotFoundError: return
    note("gone " + tag)
class Thing:
    async def open(self, config, tag):
        self.tag, self.fate = tag, config.get("fate")
        place(tag).write_text("")
        note("open " + tag)
        tell("open")
        if self.fate == "open raises": raise RuntimeError("will not open")
        if self.fate == "open hangs": await asyncio.Event().wait()
        return {"of": tag}
    async def close(self):
        note("close " + self.tag)
        gone(self.tag)
        if self.fate == "close raises": raise RuntimeError("will not close")
        if self.fate == "close hangs": await asyncio.Event().wait()
    def reclaim(self, tag): gone(tag)
def hook(name, context):
    note(f"hook {name} {context['test']['vars']['n'] if 'test' in context else ''}".strip())
    tell(name)
def child():
    if HERE.joinpath("spawns").exists():
        subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600 & wait; sleep 600"])
async def call_api(prompt, options, context):
    tell("call")
    if prompt == "raises": raise ValueError("odd")
    if prompt == "exits": os._exit(3)
    if prompt == "segfaults": os.kill(os.getpid(), signal.SIGSEGV)
    if prompt == "hangs":
        child()
        await asyncio.Event().wait()
    if prompt == "thread":
        child()
        await asyncio.to_thread(threading.Event().wait)
    if prompt == "blocks":
        child()
        time.sleep(600)
    if prompt == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            try: await asyncio.Event().wait()
            except asyncio.CancelledError: pass
    if prompt == "odd": return {1, 2}
    await asyncio.sleep(0.01)
    return {"output": prompt}
"""
JAVASCRIPT = """
const fs = require('node:fs'), path = require('node:path');
const { tell } = require('./telling.js');
const note = (word) => fs.appendFileSync(path.join(__dirname, 'log'), word + '\\n');
const place = (tag) => path.join(__dirname, 'open', tag.replaceAll('/', '_').replaceAll(':', '-'));
const gone = (tag) => {
  if (!fs.existsSync(place(tag))) return;
  fs.unlinkSync(place(tag));
  note('gone ' + tag);
};
module.exports = async (prompt) => {
  tell('call');
  if (prompt === 'raises') throw new Error('odd');
  if (prompt === 'exits') process.exit(3);
  if (prompt === 'segfaults') process.kill(process.pid, 'SIGSEGV');
  if (prompt === 'hangs' || prompt === 'thread') await new Promise(() => {});
  if (prompt === 'blocks' || prompt === 'stubborn') for (;;);
  if (prompt === 'odd') return 7n;
  await new Promise((done) => setTimeout(done, 10));
  return { output: prompt };
};
module.exports.hook = (name, context) => {
  note(`hook ${name} ${context.test ? context.test.vars.n : ''}`.trim());
  tell(name);
};
module.exports.Thing = class {
  async open(config, parents, { tag }) {
    this.tag = tag;
    this.fate = config.fate;
    fs.writeFileSync(place(tag), '');
    note('open ' + tag);
    tell('open');
    if (this.fate === 'open raises') throw new Error('will not open');
    if (this.fate === 'open hangs') await new Promise(() => {});
    return { of: tag };
  }
  async close() {
    note('close ' + this.tag);
    gone(this.tag);
    if (this.fate === 'close raises') throw new Error('will not close');
    if (this.fate === 'close hangs') await new Promise(() => {});
  }
  reclaim(tag) { gone(tag); }
};
"""
FAULTS = ("raises", "exits", "segfaults", "hangs", "blocks", "stubborn", "odd")
CUT_OFF = {"timed out after 300 ms", "it was stopped, for a call held it up"}
FATES = ("open raises", "open hangs", "close raises", "close hangs")


def suite(tests: list[dict[str, Any]], language: str, **more: Any) -> dict[str, str]:
    """Write the files of a suite whose every trial has a session of its own in each language."""
    code = f"file://bot.{LANGUAGES[language]}"
    short = {"open_timeout": "1s", "close_timeout": "1s"}
    things = {
        f"{name}-{suffix}": {"kind": f"file://bot.{suffix}:Thing", "config": {"fate": fate}, "scope": scope, **short}
        for name, fate, scope in (("fine", "", "trial"), *((fate.replace(" ", "-"), fate, "trial") for fate in FATES))
        for suffix in LANGUAGES.values()
    }
    document = {
        "prompts": ["{{q}}"],
        "providers": [{"id": code}],
        "extensions": [f"{code}:hook"],
        "sessions": {**things, "shared": {"kind": f"{code}:Thing", "capacity": 50}},
        "tests": tests,
        **more,
    }
    return {"promptfooconfig.yaml": json.dumps(document), "bot.py": PYTHON, "bot.js": JAVASCRIPT}


def check_the_log(folder: Path) -> int:
    """See that whatever was opened is gone, by one closing, and that hooks are paired; returns how many were opened."""
    assert not os.listdir(folder / "open")
    log = folder / "log"
    told = Counter(log.read_text(encoding="utf-8").splitlines() if log.exists() else [])
    opened = {line.removeprefix("open ") for line in told if line.startswith("open ")}
    assert {line.removeprefix("gone ") for line in told if line.startswith("gone ")} >= opened
    assert {line: count for line, count in told.items() if count > 1 and not line.startswith("hook ")} == {}
    assert told["hook beforeAll"] == told["hook afterAll"] <= 1
    begun = {line: count for line, count in told.items() if "beforeEach" in line}
    assert not {line: count for line, count in begun.items() if told[line.replace("before", "after")] < count}
    return len(opened)


@pytest.mark.seeds(3)
def test_whatever_happens_each_session_is_closed_once(start: Start, tmp_path: Path, seed: int) -> None:
    """26 trials with sessions in both languages; of some, the provider or a session fails in every way there is."""
    chance = random.Random(seed)
    (tmp_path / "open").mkdir()
    lent = ["fine-py", "fine-js", "shared"]
    tests: list[dict[str, Any]] = [{"vars": {"q": "says", "n": n}, "sessions": lent} for n in range(26)]
    for broken in chance.sample(tests, 5):
        broken["vars"] = {**broken["vars"], "q": chance.choice(FAULTS)}
    for broken in chance.sample(tests, 4):
        broken["sessions"] = ["fine-py", f"{chance.choice(FATES).replace(' ', '-')}-{chance.choice(['py', 'js'])}"]
    language = chance.choice([*LANGUAGES])
    options = {"maxConcurrency": chance.choice([1, 4, 20]), "timeoutMs": 2000}
    ended = start(suite(tests, language, evaluateOptions=options), "--no-table").end()

    assert len(ended.rows) == 26, ended.shown
    for row, test in zip(ended.rows, tests, strict=True):
        opens = not any(name.startswith("open-") for name in test["sessions"])
        assert row["outcome"] == ("passed" if test["vars"]["q"] == "says" and opens else "error"), row
    assert "Traceback" not in ended.shown
    assert check_the_log(tmp_path) >= 40


@pytest.mark.seeds(3)
def test_what_a_timeout_cut_off_is_dead(start: Start, tmp_path: Path, seed: int) -> None:
    """Ten calls time out, with children that ignore SIGTERM, in every way: no process and no temporary file stays."""
    chance = random.Random(seed)
    (tmp_path / "open").mkdir()
    (tmp_path / "spawns").touch()
    tests = [{"vars": {"q": chance.choice(["hangs", "thread", "blocks", "stubborn"]), "n": n}} for n in range(10)]
    language = chance.choice([*LANGUAGES])
    ended = start(suite(tests, language, evaluateOptions={"maxConcurrency": 5, "timeoutMs": 300}), "--no-table").end()

    assert ended.outcomes == ["error"] * 10, ended.shown
    assert {row["error"].split(": ")[-1] for row in ended.rows} <= CUT_OFF, [row["error"] for row in ended.rows]
    check_the_log(tmp_path)


@pytest.mark.seeds(4)
def test_a_signal_at_any_moment(start: Start, tmp_path: Path, seed: int) -> None:
    """SIGINT, SIGTERM or SIGHUP, once or twice: all is closed, afterAll runs once, what was finished is written."""
    chance = random.Random(seed)
    (tmp_path / "open").mkdir()
    number = chance.choice([*CODES])
    fault = chance.choice(["says", "says", "hangs", "blocks", "stubborn"])
    faults = ["says"] * 12 + [fault]
    tests = [{"vars": {"q": chance.choice(faults), "n": n}, "sessions": ["fine-py", "fine-js"]} for n in range(60)]
    files = suite(tests, chance.choice([*LANGUAGES]), evaluateOptions={"maxConcurrency": chance.choice([2, 8])})
    run = start(files, "--no-table", SOJOURN_STOP_TIMEOUT_MS="2000")
    run.until_many(chance.randrange(1, 60 if fault == "says" else 10))  # what hangs may keep the rest from coming
    run.signal(number)
    if seed % 2:
        run.signal(number)

    ended = run.end()
    assert ended.code == CODES[number], ended.shown
    assert "Traceback" not in ended.shown
    assert ended.seconds < 10
    check_the_log(tmp_path)
    if "beforeAll" in ended.story:
        assert set(ended.outcomes) <= {"passed"}, ended.shown
        assert len(ended.rows) + ended.document["sojourn"]["unrun"] == 60
