"""Small things that suites written for promptfoo rely on, seen through the command line."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.suites import Evaluate


def test_an_empty_prefix_is_none_of_its_own(evaluate: Evaluate) -> None:
    """A CSV file with a column for prefixes leaves cells empty: defaultTest's stands there."""
    config = {
        "prompts": ["{{q}}"],
        "providers": ["echo"],
        "defaultTest": {"options": {"prefix": "pre ", "suffix": " post"}},
        "tests": "tests.csv",
    }
    run = evaluate(config, {"tests.csv": "q,__prefix,__suffix\na,own ,\nb,,!\nc,,\n"})

    assert run.outputs == ["own a post", "pre b!", "pre c post"]


def test_programs_are_given_json_as_javascript_writes_it(evaluate: Evaluate) -> None:
    """Shell scripts look for parts of what they are given: no spaces in between, and letters as they are."""
    config: dict[str, Any] = {
        "prompts": [{"id": "exec:sh prompt.sh", "label": "program"}],
        "providers": [{"id": "exec: sh bot.sh", "config": {"k": [1, 2.0]}}],
        "tests": [{"vars": {"q": "é"}}],
    }
    files = {
        "prompt.sh": 'printf %s "$1" | grep -o \'"q":"é"\'\n',
        "bot.sh": """printf %s "$1"
            printf %s "$2" | grep -o '"k":\\[1,2\\]'
            printf %s "$3" | grep -o '"q":"é"' | head -1
        """,
    }
    run = evaluate(config, files)

    assert run.outputs == ['"q":"é""k":[1,2]\n"q":"é"']


def test_transforms_see_the_prompt_as_it_is_written(evaluate: Evaluate) -> None:
    """Their context holds the prompt's template, label and configuration, not what became of it for one test."""
    config: dict[str, Any] = {
        "prompts": [{"raw": "ask {{q}}", "label": "L", "config": {"k": 1}}, "say {{q}}"],
        "providers": ["echo"],
        "tests": [{"vars": {"q": "a"}, "options": {"transform": "context.prompt"}}],
    }
    run = evaluate(config, {})

    assert run.outputs == [
        {"raw": "ask {{q}}", "label": "L", "template": "ask {{q}}", "config": {"k": 1}},
        {"raw": "say {{q}}", "label": "say {{q}}", "template": "say {{q}}"},
    ]


def test_switches_of_templates_hold_while_a_suite_is_read(evaluate: Evaluate) -> None:
    """Where templates are off, or do not see the environment, `{{ env.X }}` in the file itself stays as it is."""
    config: dict[str, Any] = {
        "prompts": ["{{q}} {{ env.FOO }}"],
        "providers": ["echo"],
        "tests": [{"vars": {"q": "a"}}],
    }

    off = evaluate(config, {}, FOO="foo", PROMPTFOO_DISABLE_TEMPLATING="true")
    assert off.outputs == ["{{q}} {{ env.FOO }}"]
    hidden = evaluate(config, {}, FOO="foo", PROMPTFOO_DISABLE_TEMPLATE_ENV_VARS="true")
    assert hidden.outputs == ["a "]


def test_what_is_to_be_stripped_is_written_nowhere(evaluate: Evaluate) -> None:
    """PROMPTFOO_STRIP_* keep answers, vars, prompts, gradings and metadata out of results; verdicts and hooks stay."""
    hook = (
        "def note(name, context):\n    if name == 'afterEach':\n"
        "        open('seen.txt', 'w').write(context['result']['response']['output'])\n"
    )
    config: dict[str, Any] = {
        "prompts": [{"raw": "ask {{q}}", "label": "L"}],
        "providers": ["echo"],
        "extensions": ["file://hook.py:note"],
        "tests": [{"vars": {"q": "private"}, "metadata": {"k": 1}, "assert": [{"type": "contains", "value": "priv"}]}],
    }
    names = ("RESPONSE_OUTPUT", "TEST_VARS", "PROMPT_TEXT", "GRADING_RESULT", "METADATA")
    switches = {f"PROMPTFOO_STRIP_{name}": "true" for name in names}
    run = evaluate(config, {"hook.py": hook}, "-o", "out.csv", "-o", "out.html", **switches)

    [row] = run.rows
    assert run.outcomes == ["passed"]
    assert row["score"] == 1
    assert run.outputs == ["[output stripped]"]
    assert (row["vars"], row["metadata"], row["gradingResult"]["componentResults"]) == ({}, {}, [])
    assert "vars" not in row["testCase"]
    assert row["prompt"]["raw"] == "[prompt stripped]"
    assert run.lines("seen.txt") == ["ask private"]
    assert "raw" not in row["response"]
    document = json.loads((run.folder / "out.json").read_text())
    assert document["results"]["prompts"][0]["metrics"]["assertPassCount"] == 1
    assert "private" not in json.dumps([document["results"]["results"], document["results"]["prompts"]])
    for name in ("out.csv", "out.html"):
        assert "private" not in (run.folder / name).read_text()


def test_a_set_without_weight_may_fail_its_test(evaluate: Evaluate) -> None:
    """An assertion of weight 0 never fails its test, but a set of them with a member that failed does."""
    failing = {"type": "contains", "value": "z"}
    whole = {"type": "assert-set", "weight": 0, "assert": [failing]}
    tests = [
        {"vars": {"q": "a"}, "assert": [whole]},
        {"vars": {"q": "a"}, "assert": [{**whole, "assert": [{**failing, "weight": 0}]}]},
    ]
    run = evaluate({"prompts": ["{{q}}"], "providers": ["echo"], "tests": tests}, {})

    assert run.outcomes == ["failed", "passed"]


def test_a_conversation_is_one_lane_whatever_else_its_tests_share(evaluate: Evaluate) -> None:
    """Tests that store outputs, name a session and just talk are in order where they have one conversation."""
    said = "{% for turn in _conversation %}{{ turn.output }},{% endfor %}"
    tests: list[dict[str, Any]] = [
        {"vars": {"q": "a"}, "options": {"storeOutputAs": "first"}},
        {"vars": {"q": "b"}},
        {"vars": {"q": "{{first}}"}},
        {"vars": {"q": "d", "sessionId": "s"}},
        {"vars": {"q": "e"}},
    ]
    count = "def call_api(prompt, options, context):\n    return {'output': prompt.count(',')}\n"
    config = {"prompts": [said + "{{q}}"], "providers": ["file://count.py"], "tests": tests}
    run = evaluate(config, {"count.py": count}, "-j", "4")

    assert len({row["lane"] for row in run.rows}) == 1
    assert run.outputs == [0, 1, 2, 3, 4]
