from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sojourn.config.cases import merged_tests
from sojourn.config.flags import Flags
from sojourn.errors import ConfigError
from sojourn.model.suite import Suite

Load = Callable[..., Suite]
SUITE = """\
prompts: [{label: keep, raw: 'K {{x}}'}, {label: drop, raw: 'D {{x}}'}]
providers: [echo, {id: echo, label: large}, {id: echo, label: small}]
tests:
  - {description: 'auth: login', vars: {x: 0}, metadata: {kind: math, level: 1}}
  - {description: 'billing', vars: {x: 1}, metadata: {kind: [math, art]}}
  - {description: 'talk one', vars: {x: 2}, metadata: {conversationId: c}}
  - {vars: {x: 3}, metadata: {kind: physics}}
  - {description: 'talk two', vars: {x: 4}, metadata: {conversationId: c}}
  - {vars: {x: [a, b]}}
"""


def xs(suite: Suite) -> list[Any]:
    return [test["vars"]["x"] for test in suite.tests]


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (Flags(filter_metadata=("kind=math",)), [0, 1]),
        (Flags(filter_metadata=("kind=math", "level=1")), [0]),
        (Flags(filter_pattern="^auth|ing$"), [0, 1]),
        (Flags(filter_pattern="(?<word>billing)"), [1]),
        (Flags(filter_range="1:2"), [1]),
        (Flags(filter_range="5:"), [["a", "b"]]),
        (Flags(filter_first_n=2), [0, 1]),
        (Flags(filter_range="1:4", filter_first_n=1), [1]),
        (Flags(filter_first_n=3), [0, 1, 2, 4]),
        (Flags(filter_pattern="talk two"), [2, 4]),
        (Flags(filter_range="3:5"), [2, 3, 4]),
    ],
)
def test_tests_are_chosen(load: Load, flags: Flags, found: list[Any]) -> None:
    """Metadata, pattern, range and first-n choose tests; a conversation is taken whole or left."""
    assert xs(load(SUITE, None, flags)) == found


def test_a_sample_is_repeatable(load: Load) -> None:
    """The same seed takes the same tests, in file order, and as many as asked."""
    flags = Flags(filter_sample=2, filter_sample_seed=3)
    config = "prompts: [a]\nproviders: [echo]\ntests: [" + ", ".join(f"{{vars: {{x: {n}}}}}" for n in range(9)) + "]\n"
    first = xs(load(config, None, flags))
    assert first == xs(load(config, None, flags)) == sorted(first)
    assert len(first) == 2


def test_prompts_and_providers_are_chosen(load: Load) -> None:
    """Labels and ids are matched by a regular expression."""
    suite = load(SUITE, None, Flags(filter_prompts="kee", filter_providers="^echo$|small"))
    assert [prompt.label for prompt in suite.prompts] == ["keep"]
    assert [provider.name for provider in suite.providers] == ["echo", "large", "small"]
    suite = load(SUITE, None, Flags(filter_providers="large|small"))
    assert [provider.name for provider in suite.providers] == ["large", "small"]


EARLIER = {
    "results": {
        "results": [
            {"success": True, "failureReason": 0, "vars": {"x": 0}},
            {"success": False, "failureReason": 1, "vars": {"x": 1, "sessionId": "s", "_internal": 1}},
            {"success": False, "failureReason": 2, "vars": {"x": 3}},
            {"success": False, "failureReason": 1, "vars": {"x": "b"}},
            {"success": False, "failureReason": 1, "vars": {"x": 4}},
        ]
    }
}


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (Flags(filter_failing="o.json"), [1, 2, 3, 4, "b"]),
        (Flags(filter_failing_only="o.json"), [1, 2, 4, "b"]),
        (Flags(filter_errors_only="o.json"), [3]),
    ],
)
def test_what_did_not_pass_before_is_chosen(load: Load, flags: Flags, found: list[Any]) -> None:
    """Rows of an earlier output are matched by their vars, one combination at a time, conversations whole."""
    assert xs(load(SUITE, {"o.json": json.dumps(EARLIER)}, flags)) == found


SCENARIOS = """\
prompts: ['{{x}} {{y}}']
providers: [echo]
tests: [{vars: {x: 0, y: z}}]
scenarios:
  - config: [{vars: {x: 1}}, {vars: {x: 2}}]
    tests: [{description: keep, vars: {y: a}}, {description: drop, vars: {y: b}}]
"""


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (Flags(filter_pattern="keep"), ["1a", "2a"]),
        (Flags(filter_first_n=1), ["0z", "1a", "2a"]),
        (Flags(filter_range="1:4"), ["1a", "1b", "2a"]),
        (Flags(filter_range="1:3", filter_first_n=1), ["1a", "2a"]),
    ],
)
def test_scenarios_are_filtered_as_promptfoo_does(load: Load, flags: Flags, found: list[str]) -> None:
    """Each scenario's tests are chosen on their own; a range counts the whole suite."""
    tests = merged_tests(load(SCENARIOS, None, flags))
    assert [f"{test['vars']['x']}{test['vars']['y']}" for test in tests] == found


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (Flags(filter_pattern="nothing"), "the filters leave no test, so there is nothing to run"),
        (Flags(filter_prompts="nothing"), "the filters leave no prompt"),
        (Flags(filter_providers="nothing"), "the filters leave no provider"),
        (Flags(filter_pattern="("), "--filter-pattern '(' is no regular expression"),
        (Flags(filter_range="3"), "--filter-range must be START:END"),
        (Flags(filter_range="3:1"), "--filter-range 3:1 ends before it starts"),
        (Flags(filter_metadata=("kind",)), "--filter-metadata must be KEY=VALUE"),
        (Flags(filter_failing="no.json"), "there is no earlier output of this name"),
    ],
)
def test_a_choice_of_nothing_is_refused(load: Load, flags: Flags, message: str) -> None:
    """A selection that leaves nothing to run, or that cannot be understood, is an error."""
    with pytest.raises(ConfigError) as raised:
        load(SUITE, None, flags)
    assert message in str(raised.value)
