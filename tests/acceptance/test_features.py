"""Features that promptfoo files do not have, through the real command line, as a user would write them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest


@dataclasses.dataclass(frozen=True)
class Ended:
    """A run that is over: its exit code, what it showed, its rows in the order of the tests, and its folder."""

    code: int
    shown: str
    rows: list[dict[str, Any]]
    folder: Path

    @property
    def outputs(self) -> list[Any]:
        """What the providers answered."""
        return [(row["response"] or {}).get("output") for row in self.rows]

    @property
    def outcomes(self) -> list[str]:
        """What became of each test."""
        return [row["outcome"] for row in self.rows]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file that the suite's own code wrote."""
        return (self.folder / name).read_text(encoding="utf-8").splitlines()


Evaluate = Callable[..., Ended]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Write a suite's files (the configuration as data), run it to its end, and read what came of it."""
    home = tmp_path / "home"

    def ended(config: dict[str, Any], files: Mapping[str, str], *arguments: str, **environ: str) -> Ended:
        folder = tmp_path / "suite"
        folder.mkdir(exist_ok=True)
        for name, text in {"promptfooconfig.yaml": json.dumps(config), **files}.items():
            (folder / name).write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "sojourn", "eval", "-o", "out.json", *arguments],
            cwd=folder,
            env={**os.environ, "SOJOURN_HOME": str(home), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        out = folder / "out.json"
        rows = json.loads(out.read_text(encoding="utf-8"))["results"]["results"] if out.exists() else []
        rows.sort(key=lambda row: (row["testIdx"], row["promptIdx"]))
        return Ended(done.returncode, done.stdout, rows, folder)

    return ended


def asked(*prompts: str, **more: Any) -> dict[str, Any]:
    """Make a configuration that asks each prompt as a test of its own."""
    tests = [{"description": prompt, "vars": {"q": prompt}} for prompt in prompts]
    return {"prompts": ["{{q}}"], "tests": tests, **more}


# --- context["state"] ------------------------------------------------------------------------------------------------

STATE = {
    "hooks.py": """
import threading
def begin(hook_name, context):
    if hook_name == "beforeAll":
        context["state"].update(order=["python hook"], lock=threading.Lock(), dropped=1)
""",
    "hooks.js": """
const fs = require('node:fs');
class Client { constructor() { this.url = 'somewhere'; } ask() { return 'the live client'; } }
module.exports = async (hookName, context) => {
  if (hookName === 'beforeAll') {
    context.state.order.push('javascript hook');
    context.state.client = new Client();
    context.state.ask = () => 'the live function';
    context.state.names = new Map([['a', 1]]);
  }
  if (hookName === 'afterAll') fs.writeFileSync('order.log', context.state.order.join('\\n'));
};
""",
    "ask.py": """
def call_api(prompt, options, context):
    state = context["state"]
    state["order"].append("python provider")
    state.pop("dropped", None)
    lock = state["lock"]
    with lock:
        return {"output": {"keys": sorted(state)}}
""",
    "ask.js": """
module.exports = class {
  id() { return 'js'; }
  async callApi(prompt, context) {
    const { state } = context;
    state.order.push('javascript provider');
    const live = [state.client.ask(), state.ask(), state.names.get('a')];
    return { output: { keys: Object.keys(state).sort(), live } };
  }
};
""",
}


def test_state_is_one_dictionary_for_hooks_and_providers_of_both_languages(evaluate: Evaluate) -> None:
    """What a hook or provider puts into the state, or takes out of it, every later one sees, in either language."""
    hooks = ["file://hooks.py:begin", "file://hooks.js"]
    run = evaluate(asked("one", providers=["file://ask.py", "file://ask.js"], extensions=hooks), STATE, "-j", "1")

    assert run.code == 0, run.shown
    assert run.lines("order.log") == ["python hook", "javascript hook", "python provider", "javascript provider"]
    assert "dropped" not in run.outputs[1]["keys"]


def test_a_live_value_of_the_state_stays_in_its_language(evaluate: Evaluate) -> None:
    """What JSON cannot carry whole is the same object for all of its own language, and no half of it goes elsewhere."""
    hooks = ["file://hooks.py:begin", "file://hooks.js"]
    run = evaluate(asked("one", providers=["file://ask.py", "file://ask.js"], extensions=hooks), STATE, "-j", "1")

    assert run.code == 0, run.shown
    assert run.outputs[0]["keys"] == ["lock", "order"]
    assert run.outputs[1]["keys"] == ["ask", "client", "names", "order"]
    assert run.outputs[1]["live"] == ["the live client", "the live function", 1]


# --- a session of a provider's own -----------------------------------------------------------------------------------

AGENTS = {
    "agent.py": """
def log(line):
    with open("agents.log", "a") as file:
        file.write(line + "\\n")

class Agent:
    made = 0

    async def open(self, config):
        if config.get("refuse"):
            raise RuntimeError("no agent today")
        Agent.made += 1
        self.name, self.turns = f"{config['who']} {Agent.made}", 0
        log(f"open {self.name}")

    async def call_api(self, prompt, options, context):
        self.turns += 1
        return {"output": f"{self.name}, turn {self.turns}: {prompt}"}

    async def close(self):
        log(f"close {self.name} after {self.turns}")

def call_api(prompt, options, context):
    return {"output": f"{context['sessions']['session'].name} lent"}
""",
    "agent.js": """
const fs = require('node:fs');
const log = (line) => fs.appendFileSync('agents.log', line + '\\n');
let made = 0;
module.exports = class Agent {
  id() { return 'agent'; }
  async open(config) {
    if (config.refuse) throw new Error('no agent today');
    made += 1;
    this.name = `${config.who} ${made}`;
    this.turns = 0;
    log(`open ${this.name}`);
  }
  async callApi(prompt, context) {
    this.turns += 1;
    return { output: `${this.name}, turn ${this.turns}: ${prompt}` };
  }
  async close() { log(`close ${this.name} after ${this.turns}`); }
};
""",
}
IDS = {"python": "file://agent.py:Agent", "javascript": "file://agent.js"}
TALKS = [
    {"turns": [{"vars": {"q": "one"}}, {"vars": {"q": "two"}}]},
    {"turns": [{"vars": {"q": "uno"}}, {"vars": {"q": "due"}}]},
]
each_language = pytest.mark.parametrize("language", sorted(IDS))


def agent(language: str, who: str = "agent", **session: Any) -> dict[str, Any]:
    """Make a provider's entry that has a session of its own."""
    return {"id": IDS[language], "label": f"{language} {who}", "config": {"who": who}, "session": session}


@each_language
def test_a_provider_is_opened_for_each_conversation(evaluate: Evaluate, language: str) -> None:
    """With scope conversation every conversation has an instance of the class to itself, closed when it is over."""
    config = {"prompts": ["{{q}}"], "providers": [agent(language, scope="conversation")], "tests": TALKS}
    run = evaluate(config, AGENTS, "-j", "1")

    assert run.code == 0, run.shown
    assert run.outputs == [
        "agent 1, turn 1: one",
        "agent 1, turn 2: two",
        "agent 2, turn 1: uno",
        "agent 2, turn 2: due",
    ]
    assert run.lines("agents.log") == [
        "open agent 1",
        "close agent 1 after 2",
        "open agent 2",
        "close agent 2 after 2",
    ]


@each_language
def test_a_provider_is_opened_once_for_all_its_tests(evaluate: Evaluate, language: str) -> None:
    """With scope provider, which is the default, all tests of the provider go through one instance, in order."""
    config = {"prompts": ["{{q}}"], "providers": [agent(language)], "tests": TALKS}
    run = evaluate(config, AGENTS)

    assert run.code == 0, run.shown
    assert run.outputs == [f"agent 1, turn {n}: {q}" for n, q in enumerate(("one", "two", "uno", "due"), 1)]
    assert run.lines("agents.log") == ["open agent 1", "close agent 1 after 4"]


@each_language
def test_two_entries_of_one_file_have_a_session_each(evaluate: Evaluate, language: str) -> None:
    """Each entry opens its own session with its own configuration, even where neither has a label."""
    entries = [agent(language, who) for who in ("ada", "bob")]
    for entry in entries:
        del entry["label"]
    run = evaluate(asked("hello", "again", providers=entries), AGENTS, "-j", "1")

    assert run.code == 0, run.shown
    assert [output[:3] for output in run.outputs] == ["ada", "bob", "ada", "bob"]
    assert [output[-13:] for output in run.outputs] == [
        "turn 1: hello",
        "turn 1: hello",
        "turn 2: again",
        "turn 2: again",
    ]


@each_language
def test_a_provider_that_cannot_be_opened_is_not_asked(evaluate: Evaluate, language: str) -> None:
    """Its tests are errors with the cause; the other providers' tests are run; the exit code says: not all was run."""
    broken = {**agent(language, "broken"), "config": {"refuse": True}}
    run = evaluate(asked("hello", providers=[broken, agent(language, "good")]), AGENTS)

    assert run.code == 1, run.shown
    assert run.outcomes == ["error", "passed"]
    assert "no agent today" in run.rows[0]["error"]


def test_a_provider_may_have_a_session_of_another_kind(evaluate: Evaluate) -> None:
    """A session block that names a kind opens that, and a call finds it as the session named session."""
    entry = {"id": "file://agent.py", "session": {"kind": "file://agent.py:Agent", "config": {"who": "lodger"}}}
    run = evaluate(asked("hello", providers=[entry]), AGENTS)

    assert run.code == 0, run.shown
    assert run.outputs == ["lodger 1 lent"]


# --- workers ---------------------------------------------------------------------------------------------------------

WORKING = {
    "work.py": """
import os
calls = 0
def call_api(prompt, options, context):
    global calls
    calls += 1
    return {"output": {"worker": os.getpid(), "calls": calls, "interpreter": os.environ.get("INTERPRETER")}}
"""
}


def test_a_lane_keeps_its_worker(evaluate: Evaluate) -> None:
    """With three workers lanes are spread over three processes, and all tests of a lane find the globals of one."""
    config = asked("", providers=[{"id": "file://work.py", "config": {"workers": 3}}])
    lanes = [f"lane {number}" for number in range(6) for _ in range(3)]
    config["tests"] = [{"vars": {"q": lane}, "metadata": {"conversationId": lane}} for lane in lanes]
    run = evaluate(config, WORKING, "-j", "6")

    assert run.code == 0, run.shown
    seen: dict[str, list[dict[str, Any]]] = {}
    for row in run.rows:
        seen.setdefault(row["vars"]["q"], []).append(row["response"]["output"])
    workers = {lane: {output["worker"] for output in outputs} for lane, outputs in seen.items()}
    assert all(len(each) == 1 for each in workers.values())
    assert len(set.union(*workers.values())) == 3
    calls = [[output["calls"] for output in outputs] for outputs in seen.values()]
    assert all(each == sorted(set(each)) for each in calls)


def test_a_provider_may_have_an_interpreter_of_its_own(evaluate: Evaluate, tmp_path: Path) -> None:
    """An interpreter given as pythonExecutable starts this provider's process, and no other's."""
    mine = tmp_path / "mine"
    mine.write_text(f'#!/bin/sh\nINTERPRETER=mine exec {sys.executable} "$@"\n', encoding="utf-8")
    mine.chmod(0o755)
    own = {"id": "file://work.py", "config": {"pythonExecutable": str(mine)}}
    run = evaluate(asked("hello", providers=[own, "file://work.py"]), WORKING)

    assert run.code == 0, run.shown
    assert [output["interpreter"] for output in run.outputs] == ["mine", None]
    assert [output["calls"] for output in run.outputs] == [1, 1]


# --- leaks, races, order ---------------------------------------------------------------------------------------------

BOXES = {
    "box.py": """
class Box:
    def open(self):
        self.items = []
    def fingerprint(self):
        return len(self.items)
    def close(self):
        pass

def call_api(prompt, options, context):
    if prompt == "leak":
        context["sessions"]["box"].items.append(prompt)
    return {"output": prompt}
""",
    "box.js": """
exports.Box = class {
  open() { this.items = []; }
  fingerprint() { return this.items.length; }
  close() {}
};
exports.Asker = class {
  id() { return 'asker'; }
  async callApi(prompt, context) {
    if (prompt === 'leak') context.sessions.box.items.push(prompt);
    return { output: prompt };
  }
};
""",
}
BOX = {
    "python": ("file://box.py:Box", "file://box.py"),
    "javascript": ("file://box.js:Box", "file://box.js:Asker"),
}


@each_language
def test_a_test_that_changes_a_shared_session_is_named(evaluate: Evaluate, language: str) -> None:
    """A session with a fingerprint tells which test left it otherwise than it found it; verdicts stay as they are."""
    kind, provider = BOX[language]
    providers = [{"id": provider, "sessions": ["box"]}]
    run = evaluate(asked("a", "leak", "b", providers=providers, sessions={"box": {"kind": kind}}), BOXES)

    assert run.code == 0, run.shown
    leaks = [line for line in run.shown.splitlines() if line.startswith("Session leak:")]
    assert len(leaks) == 1
    assert leaks[0].startswith("Session leak: leak (trial 1) changed the shared session box")


RACING = {
    "race.py": """
import asyncio
both = asyncio.Barrier(2)
async def call_api(prompt, options, context):
    async with asyncio.timeout(20):
        await both.wait()
    return {"output": prompt, "sessionId": "one for all"}
"""
}


@pytest.mark.parametrize(("races", "code"), [("warn", 0), ("error", 100)])
def test_a_session_race_may_be_a_failure(evaluate: Evaluate, races: str, code: int) -> None:
    """Two tests that used one session at the same time are named; with --races error the run has failed."""
    run = evaluate(asked("a", "b", providers=["file://race.py"]), RACING, "--races", races)

    assert run.code == code, run.shown
    assert run.outcomes == ["passed", "passed"]
    assert "Session race: " in run.shown


ORDERED = {
    "order.py": """
spoilt = False
def call_api(prompt, options, context):
    global spoilt
    if prompt in ("spoil", "mend"):
        spoilt = prompt == "spoil"
    with open("order.log", "a") as file:
        file.write(prompt + "\\n")
    return {"output": "spoilt" if spoilt and prompt == "look" else "fine"}
"""
}


def test_shuffled_repeats_name_the_test_that_depends_on_the_order(evaluate: Evaluate) -> None:
    """A seed gives the same order every time, another than the file's; whose verdict changes with it is named."""
    config = asked("spoil", "mend", "look", providers=["file://order.py"])
    config["defaultTest"] = {"assert": [{"type": "equals", "value": "fine"}]}
    arguments = ("-j", "1", "--shuffle", "5", "--repeat", "4")
    run = evaluate(config, ORDERED, *arguments)
    again = evaluate(config, ORDERED, *arguments)

    order = run.lines("order.log")
    assert order[:12] == order[12:]
    assert order[:12] != ["spoil", "mend", "look"] * 4
    named = [line for line in run.shown.splitlines() if line.startswith("Depends on the order")]
    assert named == ["Depends on the order, or on chance: look: failed and passed"]
    assert (run.code, again.code) == (100, 100)
    assert "--shuffle 5" in run.shown


# --- template filters, the environment block -------------------------------------------------------------------------

FILTERS = {
    "shout.js": "module.exports = (text, mark = '!') => text.toUpperCase() + mark;",
    "whisper.py": "def whisper(text):\n    return f'({text.lower()})'\n",
    "broken.py": "def broken(text):\n    raise ValueError('no such words')\n",
}


def test_template_filters_may_be_written_in_both_languages(evaluate: Evaluate) -> None:
    """A filter under nunjucksFilters, in JavaScript or Python, works in prompts, with arguments, and in assertions."""
    config = asked("Hello", providers=["echo"])
    config["nunjucksFilters"] = {"shout": "./shout.js", "whisper": "file://whisper.py:whisper"}
    config["prompts"] = ["{{ q | shout('?!') }} {{ q | whisper }}"]
    config["tests"][0]["assert"] = [{"type": "contains", "value": "{{ q | shout }}"}]
    run = evaluate(config, FILTERS)

    assert run.outputs == ["HELLO?! (hello)"]
    assert run.code == 100, run.shown
    assert "HELLO!" in run.shown


def test_a_template_filter_that_breaks_is_that_tests_error(evaluate: Evaluate) -> None:
    """The test is an error that names the filter and what it said; tests which do not use it are run."""
    config = asked("{{ 'x' | broken }}", "plain", providers=["echo"])
    config["nunjucksFilters"] = {"broken": "file://broken.py:broken"}
    run = evaluate(config, FILTERS)

    assert run.outcomes == ["error", "passed"], run.shown
    assert "broken" in run.rows[0]["error"]
    assert "no such words" in run.rows[0]["error"]


@pytest.mark.parametrize(("threshold", "code"), [("50", 0), ("51", 100)])
def test_the_pass_rate_may_stand_in_the_suite(evaluate: Evaluate, threshold: str, code: int) -> None:
    """PROMPTFOO_PASS_RATE_THRESHOLD in the suite's env block says how many per cent must pass."""
    config = asked("yes", "no", providers=["echo"], env={"PROMPTFOO_PASS_RATE_THRESHOLD": threshold})
    config["defaultTest"] = {"assert": [{"type": "equals", "value": "yes"}]}
    run = evaluate(config, {})

    assert run.outcomes == ["passed", "failed"]
    assert run.code == code, run.shown
