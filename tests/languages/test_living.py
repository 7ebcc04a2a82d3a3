"""Users' sessions where they live: in the process of their language, through the runner that every run uses."""

import asyncio
import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from sojourn.errors import CodeError
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


Play = Callable[[str, Callable[[House], Awaitable[None]]], House]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Let something be done in a house of a language, then end its process."""
    assert shutil.which("node"), "the tests of JavaScript need Node.js on the PATH"

    @contextlib.asynccontextmanager
    async def lived_in(language: str) -> AsyncIterator[House]:
        name, text = FILES[language]
        (tmp_path / name).write_text(text, encoding="utf-8")
        printed: list[str] = []
        house = House(CodeRunner(dict(os.environ), printed.append), tmp_path / name, printed)
        try:
            yield house
        finally:
            await house.runner.close()

    async def main(language: str, act: Callable[[House], Awaitable[None]]) -> House:
        async with asyncio.timeout(60), lived_in(language) as house:
            await act(house)
        return house

    return lambda language, act: asyncio.run(main(language, act))


@pytest.mark.parametrize("language", LANGUAGES)
def test_sessions_open_and_close_when_they_are_told_to(play: Play, language: str) -> None:
    """A child is given its live parent and its tag; each is closed when it is its turn, by its own code."""

    async def act(house: House) -> None:
        assert await house.open("account", "run/1", user="ada") == {"id": "acc", "user": "ada"}
        assert await house.open("thread", "run/2", {"account": marker("run/1")}) == "t1"
        assert house.story == ["open account", "open thread in acc, run/2"]
        await house.close("thread", "run/2")
        assert house.story[2:] == ["close thread"]
        await house.close("account", "run/1")

    assert play(language, act).story[3:] == ["close account"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_closing_twice_or_what_never_was_is_nothing(play: Play, language: str) -> None:
    """Whoever closes what is closed already has succeeded."""

    async def act(house: House) -> None:
        await house.open("account")
        await house.close("account")
        await house.close("account")
        await house.close("account", "never opened")

    assert len(play(language, act).story) == 2


def test_an_async_generator_is_closed_by_the_task_that_opened_it(play: Play) -> None:
    """A session may hold a task group and a timeout around its yield."""

    async def act(house: House) -> None:
        await house.open("grouped")
        await house.close("grouped")

    assert play("python", act).story == ["same task: True"]


def test_a_plain_generator_has_a_thread_and_context_of_its_own(play: Play) -> None:
    """What is bound to a thread or to context variables can be closed by whoever opened it, and off the event loop."""

    async def act(house: House) -> None:
        assert await house.open("threaded") is False
        await house.close("threaded")

    assert play("python", act).story == ["same thread: True"]


def test_a_function_that_returns_is_a_session_that_needs_no_closing(play: Play) -> None:
    """Plain functions, coroutines and empty generators open sessions too."""

    async def act(house: House) -> None:
        assert await house.open("plain", x=1) == [{"x": 1}]
        assert await house.open("later", x=1) == {"x": 1}
        assert await house.open("nothing") is None
        for name in ("plain", "later", "nothing"):
            await house.close(name)

    play("python", act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_class_says_what_it_can_do(play: Play, language: str) -> None:
    """Its methods are its abilities; a generator or a function has none."""

    async def act(house: House) -> None:
        able = ["begin", "check", "fingerprint", "fork", "reclaim", "reset", "rollback"]
        assert await house.abilities("Thing") == able
        assert await house.abilities("Maker") == ["fork"]
        assert await house.abilities("plain") == ["attach"]

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_live_object_is_lent_to_calls_and_looked_after(play: Play, language: str) -> None:
    """Calls are given the object itself, so what one leaves in it the next finds, until it is reset or rolled back."""

    async def act(house: House) -> None:
        assert await house.open("Thing") == {"number": 1}
        assert await house.use("one", thing=marker("Thing")) == ["one"]
        assert await house.use("two", thing=marker("Thing")) == ["one", "two"]
        assert await house.do("Thing", "fingerprint") == 2
        assert await house.do("Thing", "check") is False
        await house.do("Thing", "reset")
        assert await house.do("Thing", "check") is True
        await house.do("Thing", "begin")
        assert await house.use("three", thing=marker("Thing")) == ["begun", "three"]
        await house.do("Thing", "rollback")
        assert await house.do("Thing", "fingerprint") == 0

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_session_of_a_class_is_an_instance_of_its_own(play: Play, language: str) -> None:
    """Two sessions of one class share nothing."""

    async def act(house: House) -> None:
        assert await house.open("Thing", "a") == {"number": 1}
        assert await house.open("Thing", "b") == {"number": 2}
        await house.use("one", thing=marker("a"))
        assert await house.use("two", thing=marker("b")) == ["two"]
        await house.close("Thing", "a")
        await house.close("Thing", "b")

    assert play(language, act).story == ["open 1", "open 2", "close 1", "close 2"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fork_is_a_session_of_its_own(play: Play, language: str) -> None:
    """A child of the same class looks after itself: closing it does not close its parent."""

    async def act(house: House) -> None:
        await house.open("Thing", "warm")
        assert (await house.do("Thing", "fork", "child", of="warm"))["handle"] == {"child": 1}
        await house.use("one", thing=marker("warm"))
        assert await house.use("two", thing=marker("child")) == ["two"]
        await house.close("Thing", "child")
        assert await house.use("three", thing=marker("warm")) == ["one", "three"]
        await house.close("Thing", "warm")

    assert play(language, act).story == ["open 1", "close child of 1", "close 1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fork_of_another_type_is_closed_by_its_parents_close(play: Play, language: str) -> None:
    """Where a kind opens values and forks values, its close is handed the one to close."""

    async def act(house: House) -> None:
        await house.open("Maker", "warm")
        await house.do("Maker", "fork", "child", of="warm")
        await house.close("Maker", "child")
        await house.close("Maker", "warm")

    assert play(language, act).story == ["close 2", "close 1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_session_of_another_process_is_reclaimed_by_tag_and_handle(play: Play, language: str) -> None:
    """Reclaiming opens nothing; a session whose handle was never told is reclaimed by its tag alone."""

    async def act(house: House) -> None:
        await house.do("Thing", "reclaim", "dead/1", handle={"n": 1})
        await house.do("Thing", "reclaim", "dead/2", handle=None)

    told = [line.replace("'", '"').replace("None", "null").replace(" ", "") for line in play(language, act).story]
    assert told == ['reclaimdead/1{"n":1}', "reclaimdead/2null"]


@pytest.mark.parametrize(
    ("language", "name", "handle"),
    [
        ("python", "handled", {"url": "u"}),
        ("python", "unjson", None),
        ("python", "objects", None),
        ("python", "nan", None),
        ("python", "plain", [{}]),
        ("javascript", "handled", {"url": "u"}),
        ("javascript", "objects", None),
        ("javascript", "plain", [1]),
    ],
)
def test_a_handle_is_what_can_be_told(play: Play, language: str, name: str, handle: Any) -> None:
    """It is the session's own `handle`, or the session itself where that is plain data, else nothing."""

    async def act(house: House) -> None:
        assert await house.open(name) == handle

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_elsewhere_a_session_is_its_handle(play: Play, language: str) -> None:
    """A marker of a session that does not live in this process gives the call its handle."""

    async def act(house: House) -> None:
        told = await house.use("one", other=marker("of another process", {"url": "u"}))
        assert json.loads(str(told["other"]).replace("'", '"')) == {"url": "u"}

    play(language, act)


def test_plain_functions_are_lent_sessions_as_coroutines_are(play: Play) -> None:
    """A provider that is no coroutine runs in a thread and finds the same object."""

    async def act(house: House) -> None:
        await house.open("account", user="ada")
        assert await house.call("use_plainly", "x", {"account": marker("account")}) == "{'id': 'acc', 'user': 'ada'}"

    play("python", act)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stranger", "stranger wants 'account', which is no parent of it; there is: base, config, parents, tag"),
        ("refuses", "ValueError: no room"),
        ("missing", "has no function 'missing'"),
        ("never", "the session's generator yields nothing"),
    ],
)
def test_an_opening_that_fails_says_why(play: Play, name: str, told: str) -> None:
    """A parameter that is no parent is named with what there is; what users' code raised is passed on."""

    async def act(house: House) -> None:
        with pytest.raises(CodeError) as caught:
            await house.open(name)
        assert told in str(caught.value)

    play("python", act)


def test_a_parameter_with_a_default_may_stay_unknown(play: Play) -> None:
    """Only what has no default must be known; the first unknown parameter of a method is the session itself."""

    async def act(house: House) -> None:
        assert await house.open("wants_default") == "earth"
        await house.open("Strange")
        with pytest.raises(
            CodeError, match="close wants 'moon', which is no parent of it; there is: base, config, live, parents, tag"
        ):
            await house.close("Strange")

    play("python", act)


@pytest.mark.parametrize(
    ("language", "name"), [("python", "twice"), ("python", "twice_async"), ("javascript", "twice")]
)
def test_a_generator_that_yields_twice_is_refused(play: Play, language: str, name: str) -> None:
    """A second yield in the place of an end is a mistake that is told at closing."""

    async def act(house: House) -> None:
        await house.open(name)
        with pytest.raises(CodeError, match="yields more than once"):
            await house.close(name)

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_close_that_breaks_is_told_and_over(play: Play, language: str) -> None:
    """The engine hears what was raised; the session is not closed again at the end of the process."""

    async def act(house: House) -> None:
        await house.open("breaks")
        with pytest.raises(CodeError, match="Error: stuck"):
            await house.close("breaks")
        await house.close("breaks")

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_left_is_closed_at_the_end_newest_first(play: Play, language: str) -> None:
    """A process that is told to end closes what still lives in it."""

    async def act(house: House) -> None:
        await house.open("Thing", "a")
        await house.open("Thing", "b")
        await house.open("account")

    assert play(language, act).story[-3:] == ["close account", "close 2", "close 1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_sessions_print_is_passed_on_in_order(play: Play, language: str) -> None:
    """It belongs to no trial, so it is shown at once, at opening and at closing."""

    async def act(house: House) -> None:
        for name in ("chatty", "chatty_thread") if language == "python" else ("chatty",):
            await house.open(name)
            await house.close(name)

    printed = "".join(play(language, act).printed)
    assert printed in ("opening\nclosing\n", "opening\nclosing\n" * 2)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("slow", ["gave up opening"]),
        ("Steady", ["opened all the same", "closed at once"]),
        ("late", ["closed late"]),
    ],
)
def test_what_is_given_up_while_it_opens_is_not_left_open(play: Play, name: str, told: list[str]) -> None:
    """A coroutine is cancelled; what opens all the same, and what a thread opens, is closed as soon as it is open."""

    async def act(house: House) -> None:
        await given_up(house, house.open(name))

    assert play("python", act).story == told


def test_a_fork_that_is_given_up_is_not_left_open(play: Play) -> None:
    """What is forked after its taker has gone is closed, and its parent stays."""

    async def act(house: House) -> None:
        await house.open("Splits")
        await given_up(house, house.do("Splits", "fork", "child", of="Splits"))

    assert play("python", act).story == ["closed 2", "closed the first"]


async def given_up(house: House, opening: Coroutine[Any, Any, Any]) -> None:
    """Wait until an opening has begun, give it up, and let it end if it still wants to."""
    task = asyncio.create_task(opening)
    assert await house.call("is_begun", "", {})
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await house.call("let_go", "", {})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_session_that_went_with_its_process_is_named_as_gone(play: Play, language: str) -> None:
    """Nobody is handed a stranger in its place, and no key error."""

    async def act(house: House) -> None:
        for request in ({"do": "check"}, {"do": "fork", "of": "lost"}):
            with pytest.raises(CodeError, match="it is gone: the process that it lived in has ended"):
                await house.do("Thing", request.pop("do"), "lost", **request)

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_closing_what_went_with_its_process_reclaims_it(play: Play, language: str) -> None:
    """What a lost session had outside is undone by its tag and handle; one that cannot reclaim is closed as it is."""

    async def act(house: House) -> None:
        await house.do("Thing", "close", "lost", handle={"n": 1})
        await house.do("account", "close", "lost", handle=None)

    assert [line.replace("'", '"').replace(" ", "") for line in play(language, act).story] == ['reclaimlost{"n":1}']
