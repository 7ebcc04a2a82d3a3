"""What suites' own functions return, and what they are given."""

from __future__ import annotations

import pytest

from tests.acceptance.suites import Evaluate

EQUALS = {"type": "equals", "value": "hi"}


@pytest.mark.parametrize("place", ["f.py:none", "f.js:none", "f.py:number"])
def test_a_prompt_function_without_a_prompt_is_an_error(evaluate: Evaluate, place: str) -> None:
    """Nothing is asked, and the row says what the function returned and what it should."""
    files = {
        "f.py": "def none(context): pass\ndef number(context): return 5\n",
        "f.js": "exports.none = () => {};\n",
    }
    ended = evaluate({"prompts": [f"file://{place}"], "providers": ["echo"], "tests": [{"vars": {"a": 1}}]}, files)
    assert ended.outcomes == ["error"]
    said = "5" if "number" in place else "nothing"
    assert f"{place} returned {said} (return a text, a chat" in ended.rows[0]["error"]


def test_python_in_a_line_may_end_in_a_comment(evaluate: Evaluate) -> None:
    """A remark behind an assertion's expression is none of it."""
    claim = {"type": "python", "value": "output == 'hi'  # must be polite"}
    assert evaluate({"prompts": ["hi"], "providers": ["echo"], "tests": [{"assert": [claim]}]}, {}).outcomes == [
        "passed"
    ]


def test_a_scoring_function_has_the_last_word_on_named_scores(evaluate: Evaluate) -> None:
    """The named scores that it returns take the place of the assertions'; without any, these stand."""
    claim = {**EQUALS, "metric": "m"}
    files = {
        "own.js": "module.exports = () => ({ pass: true, score: 1, reason: 'r', namedScores: { q: 0.5 } });",
        "none.js": "module.exports = () => ({ pass: true, score: 1, reason: 'r' });",
    }
    tests = [{"assertScoringFunction": f"file://{name}", "assert": [claim]} for name in files]
    ended = evaluate({"prompts": ["hi"], "providers": ["echo"], "tests": tests}, files)
    assert [row["namedScores"] for row in ended.rows] == [{"q": 0.5}, {"m": 1}]


def test_a_function_of_an_assertion_that_is_not_there_is_an_error(evaluate: Evaluate) -> None:
    """A misspelt name is not answered by what else the file exports."""
    claim = {"type": "javascript", "value": "file://a.js:missing"}
    suite = {"prompts": ["hi"], "providers": ["echo"], "tests": [{"assert": [claim]}]}
    ended = evaluate(suite, {"a.js": "module.exports = () => true;"})
    assert ended.outcomes == ["error"]
    assert "a.js has no export 'missing'" in ended.rows[0]["error"]


def test_a_provider_in_javascript_has_a_cache_and_itself(evaluate: Evaluate) -> None:
    """`context.getCache()` and `context.originalProvider`, as promptfoo gives them to a class."""
    code = """
module.exports = class {
  id() { return 'mine'; }
  async callApi(prompt, context) {
    const known = await context.getCache().wrap('key', async () => prompt);
    return { output: `${known} ${context.originalProvider.id()}` };
  }
};
"""
    suite = {"prompts": ["{{q}}"], "providers": ["file://p.js"], "tests": [{"vars": {"q": q}} for q in "ab"]}
    assert evaluate(suite, {"p.js": code}, "-j", "1").outputs == ["a mine", "a mine"]
