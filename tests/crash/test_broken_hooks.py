"""Each of the four hooks breaks in each way, in both languages, with two extensions: what runs, and what is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

Evaluate = Callable[..., Any]

LANGUAGES = {"python": "py", "javascript": "js"}
HEAD = """
prompts: ['say {{{{n}}}}']
providers: [file://bot.{suffix}]
extensions: [file://a.{suffix}:hook, file://b.{suffix}:hook]
tests:
"""
PYTHON = {
    "bot.py": """
from telling import tell
def call_api(prompt, options, context):
    tell(f"call {context['vars']['n']}")
    return {"output": prompt}
""",
    "breaking.py": """
import os, threading
from telling import tell
class Skip(Exception): pass
class StopSuite(Exception): pass
def breaks(how):
    if how == "raises": raise ValueError("boom")
    if how == "hangs": threading.Event().wait()
    if how == "dies": os._exit(3)
    if how == "skips": raise Skip("not today")
    if how == "stops": raise StopSuite("enough")
    return {"number": 5, "text": "x", "list": [], "empty": {}, "bytes": b"x", "nan": float("nan"), "": None}[how]
def hook(who, name, context):
    tell(f"{who} {name}")
    if os.environ["WHERE"] == f"{who} {name}":
        return breaks(context["test"]["vars"]["how"] if "test" in context else os.environ["HOW"])
""",
    "a.py": "import breaking\ndef hook(name, context): return breaking.hook('a', name, context)\n",
    "b.py": "import breaking\nasync def hook(name, context): return breaking.hook('b', name, context)\n",
}
JAVASCRIPT = {
    "bot.js": """
const { tell } = require('./telling.js');
module.exports = async (prompt, context) => {
  tell(`call ${context.vars.n}`);
  return { output: prompt };
};
""",
    "breaking.js": """
const { tell } = require('./telling.js');
class Skip extends Error {}
class StopSuite extends Error {}
const breaks = (how) => {
  if (how === 'raises') throw new TypeError('boom');
  if (how === 'hangs') return new Promise(() => {});
  if (how === 'dies') process.exit(3);
  if (how === 'skips') throw new Skip('not today');
  if (how === 'stops') throw new StopSuite('enough');
  return { number: 5, text: 'x', list: [], empty: {}, bytes: Buffer.from('x'), nan: [NaN] }[how];
};
module.exports = async (who, name, context) => {
  tell(`${who} ${name}`);
  if (process.env.WHERE !== `${who} ${name}`) return undefined;
  return breaks(context.test ? context.test.vars.how : process.env.HOW);
};
""",
    "a.js": "exports.hook = (name, context) => require('./breaking.js')('a', name, context);\n",
    "b.js": "exports.hook = (name, context) => require('./breaking.js')('b', name, context);\n",
}
FILES = {"python": PYTHON, "javascript": JAVASCRIPT}
TOLD = {
    "raises": "boom at ",
    "hangs": "still running after 0.3 s, and given up; SOJOURN_HOOK_TIMEOUT_MS allows more",
    "dies": "its process ended: it called ",
    "number": "it returned 5; it must return the context with its ",
    "text": 'it returned "x"; it must return the context with its ',
    "list": "it returned []; it must return the context with its ",
    "empty": "it returned {}; it must return the context with its ",
    "bytes": "it returned ",
    "nan": "it returned what JSON cannot carry: ",
    "skips": "it asks to skip what has run already",
}
BREAKAGES = ("raises", "hangs", "dies")
JUNK = ("number", "text", "list", "empty", "bytes", "nan")


NOTHING = ("", "", "")


def run(
    evaluate: Evaluate, language: str, where: str, *, each: Sequence[str] = NOTHING, once: str = "", tail: str = ""
) -> Any:
    """Run a test for each way to break in `where` (the name of an extension and of a hook), or break `once`."""
    tests = [
        f"  - {{vars: {{n: {n}, how: '{how}'}}, assert: [{{type: equals, value: say {n}}}]}}\n" for n, how in told(each)
    ]
    suite = HEAD.format(suffix=LANGUAGES[language]) + "".join(tests) + tail
    files = {"promptfooconfig.yaml": suite, **FILES[language]}
    return evaluate(files, WHERE=where, HOW=once, SOJOURN_HOOK_TIMEOUT_MS="300")


def told(each: Sequence[str]) -> list[tuple[int, str]]:
    """Number the tests."""
    return list(enumerate(each, start=1))


def trial(n: int, *, before: str = "ab", call: bool = True, after: str = "ab") -> list[str]:
    """Return what one trial tells."""
    calls = [f"call {n}"] if call else []
    return [*(f"{who} beforeEach" for who in before), *calls, *(f"{who} afterEach" for who in after)]


def whole(*trials: list[str], begun: str = "ab") -> list[str]:
    """Return what a run tells."""
    before, after = [f"{who} beforeAll" for who in begun], [f"{who} afterAll" for who in begun]
    return [*before, *itertools.chain(*trials), *after]


ALL_THREE = (trial(1), trial(2), trial(3))


def named(language: str, where: str) -> str:
    """Return how a message names a broken hook."""
    who, moment = where.split()
    return f"{moment} of file://{who}.{LANGUAGES[language]}:hook broke: "


@pytest.mark.parametrize(
    ("who", "how"), [*itertools.product("ab", BREAKAGES), ("a", "number"), ("a", "empty"), ("a", "nan")]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_broken_before_all_is_the_error_of_every_test(evaluate: Evaluate, language: str, who: str, how: str) -> None:
    """No provider is called, every test is an error with that cause, and what was started is ended."""
    ended = run(evaluate, language, f"{who} beforeAll", once=how)

    assert ended.code == 1, ended.shown
    assert ended.outcomes == ["error"] * 3
    cause = named(language, f"{who} beforeAll")
    assert all(cause in row["error"] and TOLD[how] in row["error"] for row in ended.rows), ended.shown
    assert cause in ended.shown
    assert ended.story == whole(begun="a" if who == "a" else "ab")


@pytest.mark.parametrize("who", ["a", "b"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_broken_before_each_costs_its_test(evaluate: Evaluate, language: str, who: str) -> None:
    """The provider is not called for it, the others pass, and what was started is ended."""
    each = ("", *BREAKAGES, *JUNK, "skips", "")
    ended = run(evaluate, language, f"{who} beforeEach", each=each)

    assert ended.code == 1, ended.shown
    assert ended.outcomes == ["passed", *["error"] * (len(each) - 3), "skipped", "passed"]
    for row, how in zip(ended.rows[1:-2], each[1:-2], strict=True):
        assert named(language, f"{who} beforeEach") in row["error"]
        assert TOLD[how] in row["error"]
    assert "Skipped: not today" in ended.shown
    begun = "a" if who == "a" else "ab"
    broken = [trial(n, before=begun, call=False, after=begun) for n in range(2, len(each))]
    assert ended.story == whole(trial(1), *broken, trial(len(each)))


@pytest.mark.parametrize("who", ["a", "b"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_broken_after_each_leaves_the_verdict(evaluate: Evaluate, language: str, who: str) -> None:
    """All tests pass, a broken one's row has a note, the run is unclean, and the other extension's hook runs."""
    each = ("", *BREAKAGES, "bytes", "skips", "number", "text", "empty", "list")
    ended = run(evaluate, language, f"{who} afterEach", each=each)

    assert ended.code == 1, ended.shown
    assert ended.outcomes == ["passed"] * len(each)
    assert ended.story == whole(*(trial(n) for n, _ in told(each)))
    is_broken = {*BREAKAGES, "skips"} | ({"bytes"} if language == "python" else set())
    for (n, how), row in zip(told(each), ended.rows, strict=True):
        notes = " ".join(str(note) for note in row.get("notes", ()))
        assert (named(language, f"{who} afterEach") in notes) == (how in is_broken), (how, notes)
        if how in is_broken:
            assert TOLD[how] in notes
            assert f"Unclean (after, test {n}): {named(language, f'{who} afterEach')}" in ended.shown


@pytest.mark.parametrize(("who", "how"), [*itertools.product("a", BREAKAGES), ("b", "raises"), ("b", "skips")])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_broken_after_all_loses_nothing(evaluate: Evaluate, language: str, who: str, how: str) -> None:
    """The output is written, the run is unclean, and the other extension's hook runs."""
    ended = run(evaluate, language, f"{who} afterAll", once=how)

    assert ended.code == 1, ended.shown
    assert ended.outcomes == ["passed"] * 3
    (trouble,) = ended.document["sojourn"]["troubles"]
    assert named(language, f"{who} afterAll") in trouble["message"]
    assert TOLD[how] in trouble["message"]
    assert f"Error (after): {named(language, f'{who} afterAll')}" in ended.shown
    assert ended.story == whole(*ALL_THREE)


@pytest.mark.parametrize("how", ["number", "empty"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_after_all_returns_is_ignored(evaluate: Evaluate, language: str, how: str) -> None:
    """An answer that means nothing breaks nothing."""
    ended = run(evaluate, language, "a afterAll", once=how)

    assert ended.code == 0, ended.shown
    assert ended.story == whole(*ALL_THREE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_skip_in_before_all_skips_every_test(evaluate: Evaluate, language: str) -> None:
    """Nothing is run, every test has a row that says why, and that is no failure."""
    ended = run(evaluate, language, "a beforeAll", once="skips")

    assert ended.code == 0, ended.shown
    assert ended.outcomes == ["skipped"] * 3
    assert "Skipped: not today" in ended.shown
    assert ended.story == whole(begun="a")


@pytest.mark.parametrize(
    ("moment", "outcomes", "story"),
    [
        ("beforeAll", [], whole(begun="a")),
        ("beforeEach", ["passed"], whole(trial(1), trial(2, before="a", call=False, after="a"))),
        ("afterEach", ["passed"] * 2, whole(trial(1), trial(2))),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_suite_starts_nothing_more(
    evaluate: Evaluate, language: str, moment: str, outcomes: list[str], story: list[str]
) -> None:
    """What has run stands, what has not is counted with the reason, and what was started is ended."""
    ended = run(evaluate, language, f"a {moment}", each=("", "stops", ""), once="stops")

    assert ended.code == 1, ended.shown
    assert ended.outcomes == outcomes
    assert ended.document["sojourn"]["unrun"] == 3 - len(outcomes)
    assert "stopped by a hook: enough" in ended.shown
    assert ended.story == story


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_before_each_that_uses_up_the_tests_time_is_named(evaluate: Evaluate, language: str) -> None:
    """The time of a test counts its beforeEach; one that is cut by it is named, and its afterEach runs."""
    tail = "evaluateOptions: {timeoutMs: 200}\n"
    ended = run(evaluate, language, "b beforeEach", each=("", "hangs", ""), tail=tail)

    assert ended.outcomes == ["passed", "error", "passed"]
    where = f"beforeEach of file://b.{LANGUAGES[language]}:hook"
    assert f"timed out after 200 ms, in {where}" in ended.rows[1]["error"]
    assert ended.story == whole(trial(1), trial(2, call=False), trial(3))
