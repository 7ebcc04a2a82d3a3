"""Features that are none of promptfoo's, or rarely tried: each through the real command line, as users write them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.suites import Evaluate, asked

# --- workers ---------------------------------------------------------------------------------------------------------

WORKING = {
    "counts.py": """
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
    config = asked("", providers=[{"id": "file://counts.py", "config": {"workers": 3}}])
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


def test_each_entry_has_as_many_workers_as_it_says(evaluate: Evaluate) -> None:
    """Two entries of one file, one with a single worker and one with three, are spread over one and three."""
    entries = [{"id": "file://counts.py", "config": {"workers": number}} for number in (1, 3)]
    run = evaluate(asked(*"abcdef", providers=entries), WORKING)

    assert run.code == 0, run.shown
    assert len({output["worker"] for output in run.outputs[0::2]}) == 1
    assert len({output["worker"] for output in run.outputs[1::2]}) == 3


def test_a_provider_may_have_an_interpreter_of_its_own(evaluate: Evaluate, tmp_path: Path) -> None:
    """An interpreter given as pythonExecutable starts this provider's process, and no other's."""
    mine = tmp_path / "mine"
    mine.write_text(f'#!/bin/sh\nINTERPRETER=mine exec {sys.executable} "$@"\n', encoding="utf-8")
    mine.chmod(0o755)
    own = {"id": "file://counts.py", "config": {"pythonExecutable": str(mine)}}
    run = evaluate(asked("hello", providers=[own, "file://counts.py"]), WORKING)

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


@pytest.mark.parametrize("language", sorted(BOX))
def test_a_test_that_changes_a_shared_session_is_named(evaluate: Evaluate, language: str) -> None:
    """A session with a fingerprint tells which test left it otherwise than it found it; verdicts stay as they are."""
    kind, provider = BOX[language]
    providers = [{"id": provider, "sessions": ["box"]}]
    run = evaluate(asked("a", "leak", "b", providers=providers, sessions={"box": {"kind": kind}}), BOXES)

    assert run.code == 0, run.shown
    leaks = [line for line in run.shown.splitlines() if line.startswith("Session leak:")]
    assert len(leaks) == 1
    assert leaks[0].startswith("Session leak: leak (trial 2) changed the shared session box")


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


def test_what_cannot_be_a_number_is_refused_before_anything_runs(evaluate: Evaluate) -> None:
    """A pass rate, an exit code or a number of workers that is none is named, and no test is run."""
    config = asked("yes", providers=["echo"], env={"PROMPTFOO_PASS_RATE_THRESHOLD": "most"})
    rate = evaluate(config, {})
    code = evaluate(asked("yes", providers=["echo"]), {}, PROMPTFOO_FAILED_TEST_EXIT_CODE="256")
    workers = evaluate(asked("yes", providers=[{"id": "file://counts.py", "config": {"workers": "many"}}]), WORKING)

    assert [run.code for run in (rate, code, workers)] == [1, 1, 1]
    assert "PROMPTFOO_PASS_RATE_THRESHOLD must be a number from 0 to 100, not 'most'" in rate.shown
    assert "PROMPTFOO_FAILED_TEST_EXIT_CODE must be a number from 0 to 255, not '256'" in code.shown
    assert "workers must be a number, not the text 'many'" in workers.shown
    assert not any(run.rows for run in (rate, code, workers))


def test_judging_may_end_at_the_first_failure(evaluate: Evaluate) -> None:
    """What decides a test already spares the assertions after it; where a threshold decides, all are judged."""

    def says(kind: str) -> dict[str, Any]:
        return {"type": kind, "value": "a"}

    both = {"type": "assert-set", "assert": [says("not-contains"), says("contains")]}
    suite = {
        "prompts": ["a"],
        "providers": ["echo"],
        "tests": [
            {"assert": [says("contains"), says("not-contains"), says("contains")]},
            {"assert": [both, says("contains")]},
            {"assert": [{**both, "threshold": 0.5}, says("contains")]},
            {"assert": [says("not-contains"), says("contains")], "threshold": 0.5},
            {"assert": [says("not-contains"), says("contains")], "assertScoringFunction": "file://whole.py:whole"},
        ],
    }
    whole = "def whole(scores, context): return {'pass': True, 'score': 1, 'reason': ''}\n"
    run = evaluate(suite, {"whole.py": whole}, PROMPTFOO_SHORT_CIRCUIT_TEST_FAILURES="true")

    assert run.outcomes == ["failed", "failed", "passed", "passed", "passed"], run.shown
    assert [len(row["gradingResult"]["componentResults"]) for row in run.rows] == [2, 2, 4, 2, 2]
