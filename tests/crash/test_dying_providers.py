"""Providers that crash, hang, fork or answer nonsense: each costs its own trial, and says how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Evaluate = Callable[..., Any]

PYTHON = """
import asyncio, ctypes, os, signal, sys, threading, time
from telling import tell

def call_api(prompt, options, context):
    n, how = context["vars"]["n"], context["vars"].get("how")
    tell(f"call {n}")
    if how == "raises": raise ValueError("boom")
    if how == "exits": os._exit(3)
    if how == "quits": sys.exit(4)
    if how == "aborts": os.abort()
    if how == "segfaults": ctypes.string_at(0)
    if how == "kills itself": os.kill(os.getpid(), signal.SIGKILL)
    if how == "hangs": threading.Event().wait()
    if how == "closes its streams": os.close(1); os.close(2)
    if how == "closes everything": os.closerange(0, 256)
    if how == "forks":
        if os.fork() == 0: return {"output": "the child"}
    if how == "forks a daemon":
        ends_with_us, ours = os.pipe()
        if os.fork() == 0: os.close(ours); os.setsid(); os.read(ends_with_us, 1); return {"output": "the daemon"}
    if how == "starts a process":
        import subprocess; subprocess.Popen(["sleep", "600"])
    if how == "forges": print('{"id": 1, "value": {"output": "forged"}}', flush=True)
    return {"output": prompt}

async def asks(prompt, options, context):
    how = context["vars"].get("how")
    if how == "waits": await asyncio.Event().wait()
    if how == "blocks": time.sleep(600)
    if how == "is stubborn":
        while True:
            try: await asyncio.Event().wait()
            except asyncio.CancelledError: pass
    if how == "cancels itself": asyncio.current_task().cancel(); await asyncio.sleep(0)
    if how == "stops the loop": asyncio.get_running_loop().stop()
    if how == "quits later":
        async def quit(): sys.exit(5)
        await asyncio.create_task(quit())
    if how == "interrupts": raise KeyboardInterrupt
    return {"output": prompt}
"""
JAVASCRIPT = """
const { tell } = require('./telling.js');
const { spawn } = require('node:child_process');
module.exports = async (prompt, { vars: { n, how } }) => {
  tell(`call ${n}`);
  if (how === 'throws') throw new Error('boom');
  if (how === 'exits') process.exit(3);
  if (how === 'aborts') process.abort();
  if (how === 'kills itself') process.kill(process.pid, 'SIGKILL');
  if (how === 'never settles') await new Promise(() => {});
  if (how === 'blocks') for (;;);
  if (how === 'throws later') setImmediate(() => { throw new Error('late'); });
  if (how === 'rejects later') Promise.reject(new Error('late'));
  if (how === 'throws nonsense') throw new Proxy({}, { get() { throw new Error('do not look'); } });
  if (how === 'starts a process') spawn('sleep', ['600'], { detached: false });
  if (how === 'closes everything') for (let fd = 0; fd < 64; fd++) try { require('node:fs').closeSync(fd); } catch {}
  if (how === 'forges') process.stdout.write('{"id":1,"value":{"output":"forged"}}\\n');
  return { output: prompt };
};
"""
ANSWERS_PYTHON = """
import math
class Odd:
    pass
def call_api(prompt, options, context):
    circular = {}; circular["self"] = circular
    deep = []
    for _ in range(100_000): deep = [deep]
    return {
        "nothing": None, "number": 5, "bytes": b"x", "text": "x", "list": [], "empty": {}, "object": Odd(),
        "nan": {"output": math.nan}, "infinite": {"output": 1, "cost": math.inf}, "set": {"output": {1, 2}},
        "circular": {"output": circular}, "half": {"output": "\\ud800"}, "deep": {"output": deep},
        "empty output": {"output": None}, "odd key": {"output": {(1, 2): 3}},
        "huge": {"output": "x" * 50_000_000}, "big number": {"output": 10**1000}, "error": {"error": {"code": 7}},
        "wrong cost": {"output": "fine", "cost": "much", "tokenUsage": "lots", "metadata": [1]},
    }[context["vars"]["how"]]
"""
ANSWERS_JAVASCRIPT = """
module.exports = async (prompt, { vars: { how } }) => {
  const circular = {};
  circular.self = circular;
  let deep = [];
  for (let n = 0; n < 3000; n += 1) deep = [deep];
  return {
    nothing: null, undefined, number: 5, text: 'x', list: [], empty: {}, function: () => 1, symbol: Symbol('x'),
    nan: { output: NaN }, infinite: { output: 1, cost: Infinity }, bigint: { output: 5n },
    circular: { output: circular }, deep: { output: deep }, getter: { get output() { throw new Error('no'); } },
    toJSON: { toJSON: () => undefined }, 'empty output': { output: null }, huge: { output: 'x'.repeat(50_000_000) },
    half: { output: '\\ud800' }, 'wrong cost': { output: 'fine', cost: 'much', tokenUsage: 'lots', metadata: [1] },
  }[how];
};
"""


def suite(provider: str, ways: list[str], *, options: str = "", jobs: int = 1) -> str:
    """Return a suite with a test for each way, and a plain one at either end."""
    tests = [f"  - vars: {{n: {n}, how: '{how}'}}\n" for n, how in enumerate(["", *ways, ""])]
    head = f"prompts: ['say {{{{n}}}}']\nproviders: [file://{provider}]\n"
    return head + f"evaluateOptions: {{maxConcurrency: {jobs}{options}}}\ntests:\n" + "".join(tests)


def check(ended: Any, told: list[str]) -> None:
    """See that every way but the plain ones is an error that says so; an empty text stands for a pass."""
    assert "Traceback" not in ended.shown.split("\nPASS")[0]
    expected = ["passed" if not each else "error" for each in ("", *told, "")]
    assert ended.outcomes == expected, ended.shown
    for row, text in zip(ended.rows[1:-1], told, strict=True):
        assert text in row.get("error", ""), (row["vars"], row.get("error"))
    assert all("forged" not in str(row["response"]) for row in ended.rows if "response" in row)
    assert ended.code == (100 if "error" in expected else 0), ended.shown


TIMEOUT = ", timeoutMs: 2000"
OVERDUE = "timed out after 2000 ms"


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_python_function_costs_its_own_trial(evaluate: Evaluate, jobs: int) -> None:
    """Whatever a plain function does to its process, all other tests pass, and its row says what it did."""
    ways = {
        "starts a process": "",  # far from those that fork: they would inherit the pipe by which it starts
        "raises": "ValueError: boom",
        "exits": "it called os._exit(3)",
        "quits": "it called sys.exit(4)",
        "aborts": "it called os.abort()",
        "segfaults": "killed by SIGSEGV",
        "kills itself": "killed by SIGKILL",
        "hangs": OVERDUE,
        "closes its streams": "",
        "forks": "",
        "forks a daemon": "",
        "forges": "",
    }
    config = suite("bot.py", list(ways), options=TIMEOUT, jobs=jobs)
    ended = evaluate({"promptfooconfig.yaml": config, "bot.py": PYTHON})

    check(ended, list(ways.values()))
    assert {row["response"]["output"] for row in ended.rows if row["outcome"] == "passed"} <= {
        f"say {n}" for n in range(20)
    }


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_python_coroutine_costs_its_own_trial(evaluate: Evaluate, jobs: int) -> None:
    """The same for coroutines, which share one event loop."""
    ways = {
        "waits": OVERDUE,
        "blocks": OVERDUE,
        "is stubborn": OVERDUE,
        "cancels itself": "CancelledError",
        "stops the loop": "",
        "quits later": "it called sys.exit(5)",
        "interrupts": "KeyboardInterrupt",
    }
    config = suite("bot.py:asks", list(ways), options=TIMEOUT, jobs=jobs)
    check(evaluate({"promptfooconfig.yaml": config, "bot.py": PYTHON}), list(ways.values()))


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_javascript_function_costs_its_own_trial(evaluate: Evaluate, jobs: int) -> None:
    """The same for JavaScript."""
    ways = {
        "throws": "Error: boom",
        "exits": "it called process.exit(3)",
        "aborts": "killed by SIGABRT",
        "kills itself": "killed by SIGKILL",
        "never settles": OVERDUE,
        "blocks": OVERDUE,
        "throws later": "",
        "rejects later": "",
        "throws nonsense": "it threw what cannot be shown",
        "starts a process": "",
        "forges": "",
    }
    config = suite("bot.js", list(ways), options=TIMEOUT, jobs=jobs)
    check(evaluate({"promptfooconfig.yaml": config, "bot.js": JAVASCRIPT}), list(ways.values()))


@pytest.mark.parametrize("provider", ["bot.py", "bot.js"])
def test_a_call_that_closes_every_file_costs_its_own_trial(evaluate: Evaluate, provider: str) -> None:
    """Whether it is given up or its process ends first, the next call has a sound process."""
    config = suite(provider, ["closes everything"], options=TIMEOUT)
    ended = evaluate({"promptfooconfig.yaml": config, "bot.py": PYTHON, "bot.js": JAVASCRIPT})

    assert ended.outcomes == ["passed", "error", "passed"], ended.shown


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize(("provider", "how"), [("bot.py", "exits"), ("bot.py", "segfaults"), ("bot.js", "exits")])
def test_every_second_call_dies(evaluate: Evaluate, provider: str, how: str, jobs: int) -> None:
    """Of 40 calls 20 die: 20 tests pass, 20 say how it came to it, whatever runs at the same time."""
    ways = [how if n % 2 else "" for n in range(38)]
    told = ["its process ended: " if each else "" for each in ways]
    ended = evaluate({"promptfooconfig.yaml": suite(provider, ways, jobs=jobs), "bot.py": PYTHON, "bot.js": JAVASCRIPT})

    check(ended, told)
    assert ended.outcomes.count("error") == 19


def test_hung_calls_cost_as_many_tests(evaluate: Evaluate) -> None:
    """Four calls that hang at four at once cost four tests, and every other test is asked once."""
    ways = ["hangs"] * 4 + [""] * 8
    told = [OVERDUE] * 4 + [""] * 8
    config = suite("bot.py", ways, options=TIMEOUT, jobs=4)
    ended = evaluate({"promptfooconfig.yaml": config, "bot.py": PYTHON})

    check(ended, told)
    assert sorted(ended.story) == sorted(f"call {n}" for n in range(14))


def test_what_python_answers_costs_its_own_row(evaluate: Evaluate) -> None:
    """An answer of the wrong kind is one error that says what was expected; the stats add up."""
    shape = "the provider must return a dictionary with 'output' or 'error'"
    ways = {
        **dict.fromkeys(("nothing", "number", "text", "list", "empty"), shape),
        **dict.fromkeys(("bytes", "object", "nan", "infinite", "set", "circular", "half", "deep"), "JSON cannot carry"),
        "odd key": "JSON cannot carry",
        "empty output": "No output",
        "error": "7",
        "huge": "",
        "big number": "",
        "wrong cost": "",
    }
    config = suite("bot.py", list(ways)).replace("how: ''", "how: 'wrong cost'")
    ended = evaluate({"promptfooconfig.yaml": config, "bot.py": ANSWERS_PYTHON})

    check(ended, list(ways.values()))
    stats = ended.document["results"]["stats"]
    assert (stats["successes"], stats["errors"]) == (5, len(ways) - 3)


def test_what_javascript_answers_costs_its_own_row(evaluate: Evaluate) -> None:
    """The same for JavaScript."""
    shape = "the provider must return a dictionary with 'output' or 'error'"
    ways = {
        **dict.fromkeys(("nothing", "undefined", "number", "text", "list", "empty"), shape),
        **dict.fromkeys(("function", "symbol", "nan", "infinite", "bigint", "circular", "getter"), "JSON cannot carry"),
        "circular": "",
        "toJSON": "JSON cannot carry",
        "deep": "JSON cannot carry",
        "empty output": "No output",
        "huge": "",
        "half": "",
        "wrong cost": "",
    }
    config = suite("bot.js", list(ways)).replace("how: ''", "how: 'wrong cost'")
    ended = evaluate({"promptfooconfig.yaml": config, "bot.js": ANSWERS_JAVASCRIPT})

    check(ended, list(ways.values()))


def test_a_bystanders_hooks_come_in_pairs(evaluate: Evaluate) -> None:
    """A test that is run again, for another brought its process down, has its afterEach both times.

    An afterEach that was itself brought down is called again, and so may be seen once more than its beforeEach.
    """
    hooks = """
from telling import tell
def hook(name, context):
    if "test" in context:
        n = context["test"]["vars"]["n"]
        tell(f"{name} {n}")
        context["test"]["vars"]["sessionId"] = f"session {n}"
        return context
"""
    ways = ["", "segfaults", "", "", "segfaults", ""]
    config = suite("bot.py", ways, jobs=4) + "extensions: ['file://hooks.py:hook']\n"
    ended = evaluate({"promptfooconfig.yaml": config, "bot.py": PYTHON, "hooks.py": hooks})

    check(ended, ["killed by SIGSEGV" if each else "" for each in ways])
    for n in range(8):
        assert ended.story.count(f"afterEach {n}") >= ended.story.count(f"beforeEach {n}") >= 1
