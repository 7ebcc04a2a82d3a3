"""A session of a provider's own: its class is opened, asked, and closed, as often as its scope says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.suites import Evaluate, asked

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


THREADED = {
    "desk.py": """
import sqlite3
class Desk:
    def open(self):
        print("the desk opens")
        self.database = sqlite3.connect(":memory:")
    def call_api(self, prompt, options, context):
        print(f"asked {prompt}")
        return {"output": self.database.execute("select " + prompt).fetchone()[0]}
    def close(self):
        self.database.close()
        print("the desk closes")
"""
}


def test_plain_methods_of_a_class_run_in_one_thread(evaluate: Evaluate) -> None:
    """What may only be used in the thread that opened it works; what a call prints is shown once, beside its test."""
    config = asked("6 * 7", "nonsense", providers=[{"id": "file://desk.py:Desk", "session": {}}])
    run = evaluate(config, THREADED, "--no-table")

    assert run.outcomes == ["passed", "error"], run.shown
    assert run.outputs[0] == 42
    assert [row["printed"] for row in run.rows] == ["asked 6 * 7\n", "asked nonsense\n"]
    assert run.shown.count("asked nonsense") == 1
    assert run.shown.count("the desk opens\n") == run.shown.count("the desk closes\n") == 1
    assert "no such column: nonsense" in run.rows[1]["error"]
    assert "futures" not in run.rows[1]["error"]


def test_a_provider_that_is_no_class_has_no_session_of_its_own(evaluate: Evaluate) -> None:
    """A session block on a plain function is refused, with what to write instead, before anything runs."""
    run = evaluate(asked("hello", providers=[{"id": "file://agent.py", "session": {}}]), AGENTS)

    assert run.code == 1
    assert "'file://agent.py' is no class that could be opened (write id: file://agent.py:Agent" in run.shown
    assert not run.rows
