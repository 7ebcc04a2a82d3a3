"""Signals sent to a running suite: what still runs, what is written, how soon and with what code it ends."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]

LANGUAGES = {"python": "py", "javascript": "js"}
HOOKED = """
prompts: ['say {{{{n}}}}']
providers: [file://bot.{suffix}]
extensions: [file://a.{suffix}:hook, file://b.{suffix}:hook]
tests:
  - {{vars: {{n: 1}}, assert: [{{type: equals, value: say 1}}]}}
  - {{vars: {{n: 2}}, assert: [{{type: equals, value: say 2}}]}}
  - {{vars: {{n: 3}}, assert: [{{type: equals, value: say 3}}]}}
  - {{vars: {{n: 4}}, assert: [{{type: equals, value: say 4}}]}}
"""
PYTHON = {
    "bot.py": """
import asyncio, os, threading, time
from telling import tell, wait_at_the_gate
async def call_api(prompt, options, context):
    n = context["vars"]["n"]
    tell(f"call {n}")
    how = os.environ.get("HOW") if n >= 2 else ""
    if how == "gate": await asyncio.to_thread(wait_at_the_gate)
    if how == "hangs": await asyncio.Event().wait()
    if how == "thread": await asyncio.to_thread(threading.Event().wait)
    if how == "blocks": time.sleep(600)
    if how == "stubborn":
        while True:
            try: await asyncio.Event().wait()
            except asyncio.CancelledError: pass
    return {"output": prompt}
""",
    "hooks.py": """
import os, threading
from telling import tell
def hook(who, name, context):
    n = context["test"]["vars"]["n"] if "test" in context else 0
    tell(f"{who} {name} {n}")
    if os.environ.get("WHERE") == f"{who} {name} {n}":
        tell(f"{who} hangs")
        threading.Event().wait()
""",
    "a.py": "import hooks\\ndef hook(name, context): hooks.hook('a', name, context)\n",
    "b.py": "import hooks\\nasync def hook(name, context): hooks.hook('b', name, context)\n",
}
PYTHON = {name: text.replace("\\n", "\n") for name, text in PYTHON.items()}
JAVASCRIPT = {
    "bot.js": """
const { tell, waitAtTheGate } = require('./telling.js');
module.exports = async (prompt, context) => {
  const n = context.vars.n;
  tell(`call ${n}`);
  const how = n >= 2 ? process.env.HOW : '';
  if (how === 'gate') await waitAtTheGate();
  if (how === 'hangs') await new Promise(() => {});
  if (how === 'blocks') for (;;);
  return { output: prompt };
};
""",
    "hooks.js": """
const { tell } = require('./telling.js');
module.exports = (who, name, context) => {
  const n = context.test ? context.test.vars.n : 0;
  tell(`${who} ${name} ${n}`);
  if (process.env.WHERE !== `${who} ${name} ${n}`) return undefined;
  tell(`${who} hangs`);
  return new Promise(() => {});
};
""",
    "a.js": "exports.hook = (name, context) => require('./hooks.js')('a', name, context);\n",
    "b.js": "exports.hook = (name, context) => require('./hooks.js')('b', name, context);\n",
}
FILES = {"python": PYTHON, "javascript": JAVASCRIPT}
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def begin(start: Start, language: str, *, seconds: float = 1, **environ: str) -> Any:
    """Start the suite with the four tests; once stopped it has so many seconds."""
    files = {"promptfooconfig.yaml": HOOKED.format(suffix=LANGUAGES[language]), **FILES[language]}
    return start(files, SOJOURN_STOP_TIMEOUT_MS=str(seconds * 1000), **environ)


def check_the_end(ended: Any, *, code: int, rows: int) -> None:
    """See that the run ended as one that was stopped: rows of what was finished only, each hook's partner run once."""
    assert ended.code == code, ended.shown
    assert ended.outcomes == ["passed"] * rows, ended.shown
    assert ended.document["sojourn"]["unrun"] == 4 - rows
    assert "Traceback" not in ended.shown
    told = Counter(ended.story)
    assert set(told.values()) == {1}, ended.story
    for line in ended.story:
        who, _, rest = line.partition(" ")
        if rest.startswith("before"):
            assert f"{who} {rest.replace('before', 'after')}" in told, ended.story


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_under_way_may_end(start: Start, language: str) -> None:
    """After the first Ctrl-C no test begins; the one under way ends in its own time and has its row."""
    run = begin(start, language, seconds=60, HOW="gate")
    run.until("call 2")
    run.signal(signal.SIGINT)
    run.until_shown("SIGINT: no more tests begin")
    run.open_the_gate()

    ended = run.end()
    check_the_end(ended, code=130, rows=2)
    assert "Not run: 2 trials, stopped by SIGINT" in ended.shown


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_call_that_hangs_is_cut_after_the_grace(start: Start, language: str, number: signal.Signals) -> None:
    """Half of the time is for what is under way; then it is cut, leaves no row, and its after-hooks run."""
    run = begin(start, language, HOW="hangs")
    run.until("call 2")
    run.signal(number)

    ended = run.end()
    check_the_end(ended, code=CODES[number], rows=1)
    assert ended.story[-5:] == ["call 2", "a afterEach 2", "b afterEach 2", "a afterAll 0", "b afterAll 0"]
    assert 0.5 <= ended.seconds < 10


@pytest.mark.parametrize(
    ("language", "how"), [("python", "thread"), ("python", "blocks"), ("python", "stubborn"), ("javascript", "blocks")]
)
def test_a_call_that_cannot_be_cancelled_is_cut(start: Start, language: str, how: str) -> None:
    """A thread, an endless loop or a coroutine that ignores its cancellation holds up nothing."""
    run = begin(start, language, HOW=how)
    run.until("call 2")
    run.signal(signal.SIGINT)

    ended = run.end()
    check_the_end(ended, code=130, rows=1)
    assert ended.seconds < 10


@pytest.mark.parametrize(
    ("where", "rows"), [("beforeAll 0", 0), ("beforeEach 2", 1), ("afterEach 2", 2), ("afterAll 0", 4)]
)
@pytest.mark.parametrize(("language", "who"), [("python", "b"), ("javascript", "a")])
def test_a_hook_that_hangs_is_cut(start: Start, language: str, who: str, where: str, rows: int) -> None:
    """A hook in the way of the end is given up; the others run, and what was finished is written."""
    run = begin(start, language, WHERE=f"{who} {where}")
    run.until(f"{who} hangs")
    run.signal(signal.SIGINT)

    ended = run.end()
    ended.story.remove(f"{who} hangs")
    check_the_end(ended, code=130, rows=rows)
    assert ended.seconds < 10
    if where != "beforeEach 2":  # its trial leaves no row, and so nothing to say
        moment, suffix = where.split(maxsplit=1)[0], LANGUAGES[language]
        assert f"{moment} of file://{who}.{suffix}:hook broke: it was still running" in ended.shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_signal_cuts_at_once(start: Start, language: str) -> None:
    """Who asks twice does not wait for the grace, and the after-hooks still run."""
    run = begin(start, language, seconds=600, HOW="hangs")
    run.until("call 2")
    run.signal(signal.SIGINT)
    run.until_shown("SIGINT: no more tests begin")
    run.signal(signal.SIGINT)

    ended = run.end()
    check_the_end(ended, code=130, rows=1)
    assert ended.seconds < 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_signal_leaves_hooks_two_seconds(start: Start, language: str) -> None:
    """After the second signal a hook that hangs is waited for two seconds, the next one for half of what is left."""
    run = begin(start, language, seconds=600, WHERE="a afterEach 2")
    run.until("a hangs")
    run.signal(signal.SIGINT)
    run.until_shown("SIGINT: no more tests begin")
    run.signal(signal.SIGINT)

    ended = run.end()
    ended.story.remove("a hangs")
    check_the_end(ended, code=130, rows=2)
    assert 1.9 <= ended.seconds < 6


def test_by_default_the_end_comes_within_ten_seconds(start: Start) -> None:
    """With nothing set, a run whose call hangs is over ten seconds after Ctrl-C."""
    files = {"promptfooconfig.yaml": HOOKED.format(suffix="py"), **PYTHON}
    run = start(files, HOW="blocks")
    run.until("call 2")
    run.signal(signal.SIGINT)

    ended = run.end()
    check_the_end(ended, code=130, rows=1)
    assert ended.seconds < 10


def test_calls_in_parallel_are_all_cut(start: Start) -> None:
    """Four calls that hang cost no more time than one, and what had passed before them stands."""
    suite = "prompts: ['{{n}}']\nproviders: [file://bot.py]\ntests:\n"
    suite += "".join(f"  - vars: {{n: {n}}}\n" for n in (1, 1, 1, 2, 3, 4, 5, 6, 7))
    run = start({"promptfooconfig.yaml": suite, **PYTHON}, SOJOURN_STOP_TIMEOUT_MS="1000", HOW="hangs")
    for n in (2, 3, 4, 5):
        run.until(f"call {n}")
    run.signal(signal.SIGTERM)

    ended = run.end()
    assert ended.code == 143
    assert ended.outcomes == ["passed"] * 3
    assert "call 6" not in ended.story
    assert ended.seconds < 5


@pytest.mark.parametrize(
    "suite",
    [
        "prompts: [hi]\nproviders: ['exec: sh program.sh']\n",
        "prompts: ['exec:sh program.sh']\nproviders: [echo]\n",
    ],
    ids=["provider", "prompt"],
)
def test_a_program_that_hangs_is_ended_with_its_children(start: Start, suite: str) -> None:
    """An `exec:` provider or prompt is stopped as a whole group of processes."""
    program = '#!/bin/sh\necho begun > "$STORY"\nsleep 600 &\nwait\n'
    run = start({"promptfooconfig.yaml": suite, "program.sh": program}, SOJOURN_STOP_TIMEOUT_MS="400")
    run.until("begun")
    run.signal(signal.SIGINT)

    assert run.end().code == 130


@pytest.mark.parametrize("number", CODES)
def test_before_anything_is_opened_it_just_ends(start: Start, number: signal.Signals) -> None:
    """While the configuration loads there is nothing to clean up: the end comes at once, with no output."""
    suite = "prompts: [hi]\nproviders: [echo]\ntests: file://tests.py:make\n"
    slow = "from telling import tell\nimport threading\ndef make():\n    tell('making')\n    threading.Event().wait()\n"
    run = start({"promptfooconfig.yaml": suite, "tests.py": slow})
    run.until("making")
    run.signal(number)

    ended = run.end()
    assert ended.code == CODES[number]
    assert ended.document is None
    assert ended.shown == f"{number.name}: stopped before anything was run\n"
    assert ended.seconds < 5


def test_a_background_job_is_interrupted_too(start: Start) -> None:
    """A shell has its background jobs ignore SIGINT, meant for the terminal; one that is sent to a run is heard."""
    run = begin(start, "python", HOW="hangs", BEFORE='trap "" INT; ')
    run.until("call 2")
    run.signal(signal.SIGINT)

    check_the_end(run.end(), code=130, rows=1)


def test_nohup_is_respected(start: Start) -> None:
    """A run that was started to outlive its terminal does."""
    run = begin(start, "python", HOW="gate", BEFORE='trap "" HUP; ')
    run.until("call 2")
    run.signal(signal.SIGHUP)
    for n in (2, 3, 4):
        run.until(f"call {n}")
        run.open_the_gate()

    ended = run.end()
    assert ended.code == 0, ended.shown
    assert ended.outcomes == ["passed"] * 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_time_limit_is_hard(start: Start, language: str) -> None:
    """When the time of the run is up every test has a row: passed, cut short, or not run; after-hooks run."""
    suite = HOOKED.format(suffix=LANGUAGES[language]) + "evaluateOptions: {maxEvalTimeMs: 1500}\n"
    files = {"promptfooconfig.yaml": suite, **FILES[language]}
    ended = start(files, HOW="blocks", SOJOURN_STOP_TIMEOUT_MS="2000").end()

    assert ended.code == 1, ended.shown
    assert ended.outcomes == ["passed", "error", "error", "error"]
    assert [row.get("error") for row in ended.rows][1:] == [
        "cut short: the time limit of the run",
        *["not run: the time limit of the run was reached"] * 2,
    ]
    assert ended.story[-4:] == ["a afterEach 2", "b afterEach 2", "a afterAll 0", "b afterAll 0"]
    assert ended.seconds < 10
