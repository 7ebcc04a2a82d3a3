"""A household in two languages: sessions of every sort, and a house to open them in."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from sojourn.languages.runner import CodeRunner
from sojourn.model.reference import Reference, Role

PYTHON = """
import asyncio, contextvars, os, threading
told = []
def tell(word):
    told.append(word)
    with open(os.path.join(os.path.dirname(__file__), "story"), "a") as story:
        story.write(word + "\\n")
def story(*_): return {"output": list(told)}

async def account(config):
    tell("open account")
    yield {"id": "acc", "user": config.get("user")}
    tell("close account")
def thread(account, tag):
    tell(f"open thread in {account['id']}, {tag}")
    yield "t1"
    tell("close thread")
def nothing(): yield
def plain(config): return [config]
async def later(config): return config

async def grouped():
    owner = asyncio.current_task()
    async with asyncio.TaskGroup() as group:
        asleep = group.create_task(asyncio.sleep(600))
        async with asyncio.timeout(600):
            yield {"id": 1}
            asleep.cancel()
    tell(f"same task: {asyncio.current_task() is owner}")
mood = contextvars.ContextVar("mood")
def threaded():
    owner, token = threading.get_ident(), mood.set("calm")
    yield threading.current_thread() is threading.main_thread()
    mood.reset(token)
    tell(f"same thread: {threading.get_ident() == owner}")

class Thing:
    made = 0
    def open(self, config):
        Thing.made += 1
        self.number, self.marks, self.child = Thing.made, [], False
        self.handle = {"number": self.number}
        tell(f"open {self.number}")
    def check(self): return not self.marks
    async def reset(self, live): live.marks.clear()
    def fingerprint(self, thing): return len(thing.marks)
    def begin(self): self.marks.append("begun")
    def rollback(self): self.marks.clear()
    def fork(self):
        child = Thing()
        child.number, child.marks, child.child, child.handle = self.number, [], True, {"child": self.number}
        return child
    def close(self): tell(f"close {'child of ' * self.child}{self.number}")
    def reclaim(self, tag, handle): tell(f"reclaim {tag} {handle}")
class Maker:
    def open(self): return {"made": 1}
    def fork(self, live): return {"made": live["made"] + 1}
    def close(self, live): tell(f"close {live['made']}")
class Bare: pass
class Handled:
    handle = {"url": "u"}
class Unjson:
    handle = {1, 2}
def handled(): yield Handled()
def unjson(): yield Unjson()
def objects(): yield object()
def nan(): yield float("nan")

def stranger(account, planet): yield
def wants_default(planet="earth"): yield planet
class Strange:
    def open(self): pass
    def close(self, live, moon): pass
def twice():
    yield 1
    yield 2
async def twice_async():
    yield 1
    yield 2
def never():
    if False: yield
def refuses(): raise ValueError("no room")
async def breaks():
    yield 1
    raise ValueError("stuck")
begun, gate = threading.Event(), threading.Event()
def is_begun(*_): return {"output": begun.wait(30)}
def let_go(*_): return {"output": gate.set()}
async def slow():
    try:
        begun.set()
        await asyncio.sleep(600)
    finally: tell("gave up opening")
    yield 1
def late():
    begun.set()
    gate.wait(30)
    yield 1
    tell("closed late")
class Steady:
    async def open(self):
        begun.set()
        try: await asyncio.sleep(600)
        except asyncio.CancelledError: tell("opened all the same")
    def close(self): tell("closed at once")
class Splits:
    def open(self): pass
    def fork(self):
        begun.set()
        gate.wait(30)
        return 2
    def close(self, live): tell(f"closed {live if live == 2 else 'the first'}")
async def chatty(config):
    print("opening")
    yield 1
    print("closing")
def chatty_thread():
    print("opening")
    yield 1
    print("closing")

async def use(prompt, options, context):
    sessions = context["sessions"]
    if "thing" in sessions and hasattr(sessions["thing"], "marks"):
        sessions["thing"].marks.append(prompt)
        return {"output": sessions["thing"].marks}
    return {"output": {name: str(live) for name, live in sessions.items()}}
def use_plainly(prompt, options, context): return {"output": str(context["sessions"]["account"])}
"""

NODE = """
const fs = require('node:fs'), path = require('node:path');
const tell = (word) => fs.appendFileSync(path.join(__dirname, 'story'), word + '\\n');
exports.story = async () => ({});
let made = 0;
exports.account = {
  async open(config) { tell('open account'); return { id: 'acc', user: config.user }; },
  async close() { tell('close account'); },
};
exports.thread = async function* (config, parents, { tag }) {
  tell(`open thread in ${parents.account.id}, ${tag}`);
  yield 't1';
  tell('close thread');
};
exports.plain = function* () { yield [1]; tell('close plain'); };
exports.returned = (config) => config;
exports.Thing = class {
  open() { made += 1; this.number = made; this.marks = []; this.handle = { number: made }; tell(`open ${made}`); }
  check() { return this.marks.length === 0; }
  reset(live) { live.marks.length = 0; }
  fingerprint() { return this.marks.length; }
  begin() { this.marks.push('begun'); }
  rollback() { this.marks.length = 0; }
  fork() {
    const child = new exports.Thing();
    return Object.assign(child, { number: `child of ${this.number}`, marks: [], handle: { child: this.number } });
  }
  close() { tell(`close ${this.number}`); }
  reclaim(tag, handle) { tell(`reclaim ${tag} ${JSON.stringify(handle)}`); }
};
exports.Maker = {
  open: () => ({ made: 1 }),
  fork: (live) => ({ made: live.made + 1 }),
  close: (live) => tell(`close ${live.made}`),
};
exports.objects = () => new Map();
exports.handled = () => Object.assign(new Map(), { handle: { url: 'u' } });
exports.twice = function* () { yield 1; yield 2; };
exports.refuses = () => { throw new RangeError('no room'); };
exports.breaks = { open: () => 1, close: () => { throw new RangeError('stuck'); } };
exports.chatty = async function* () { console.log('opening'); yield 1; console.log('closing'); };
exports.use = class {
  id() { return 'use'; }
  async callApi(prompt, { sessions }) {
    if (sessions.thing && sessions.thing.marks) {
      sessions.thing.marks.push(prompt);
      return { output: sessions.thing.marks };
    }
    return { output: sessions };
  }
};
"""
LANGUAGES = ["python", "javascript"]
FILES = {"python": ("household.py", PYTHON), "javascript": ("household.js", NODE)}


@dataclasses.dataclass
class House:
    """Sessions of one language's file, opened and treated as the engine does."""

    runner: CodeRunner
    file: Path
    printed: list[str]

    def reference(self, name: str, role: Role = "session") -> Reference:
        """Name something of the file."""
        found = Reference.parse(f"{self.file.name}:{name}", base=str(self.file.parent), role=role)
        assert found is not None
        return found

    async def abilities(self, name: str) -> list[str]:
        """Load a kind and tell what it can do."""
        return sorted((await self.runner.load(self.reference(name)))["abilities"])

    async def do(self, name: str, what: str, key: str = "", **more: Any) -> Any:
        """Have a session treated; its key is its name unless told."""
        request = {"do": what, "key": key or name, **more}
        return (await self.runner.session(self.reference(name), request)).value

    async def open(self, name: str, key: str = "", parents: dict[str, Any] | None = None, **config: Any) -> Any:
        """Open a session; returns its handle."""
        return (await self.do(name, "open", key, parents=parents or {}, config=config))["handle"]

    async def close(self, name: str, key: str = "") -> None:
        """Close a session."""
        await self.do(name, "close", key)

    async def use(self, prompt: str, **sessions: Any) -> Any:
        """Call a provider that is lent sessions; returns its output."""
        return await self.call("use", prompt, sessions)

    async def call(self, name: str, prompt: str, sessions: dict[str, Any]) -> Any:
        """Call any provider; returns its output."""
        context: dict[str, Any] = {"sessions": sessions}
        asked = ("callApi", {}, prompt, context) if self.file.suffix == ".js" else (prompt, {}, context)
        return (await self.runner.call(self.reference(name, "provider"), *asked)).value["output"]

    @property
    def story(self) -> list[str]:
        """What the sessions told, in order."""
        story = self.file.parent / "story"
        return story.read_text(encoding="utf-8").splitlines() if story.exists() else []


def marker(key: str, handle: Any = None) -> dict[str, Any]:
    """Stand for a session that lives in a language's process."""
    return {"$session": key, "handle": handle}
