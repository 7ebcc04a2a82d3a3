from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sojourn.config.cases import combinations, merged_tests, read_case, suite_for_hooks, suite_from_hooks, variant
from sojourn.errors import ConfigError
from sojourn.model.suite import JsonDict, Prompt, ProviderSpec, Suite

SAYS_A = {"type": "contains", "value": "a"}
SAYS_B = {"type": "contains", "value": "b"}


def suite(**changes: Any) -> Suite:
    basics: JsonDict = {
        "base": "/suite",
        "prompts": (Prompt(raw="{{x}}", label="{{x}}", id="1"),),
        "providers": (ProviderSpec(id="echo"),),
        "tests": (),
    }
    return Suite(**basics | changes)


def test_a_suite_without_tests_runs_each_prompt_once() -> None:
    """No tests and no scenarios mean a single empty test."""
    assert merged_tests(suite()) == [{"vars": {}, "options": {}, "metadata": {}, "assert": []}]


def test_the_default_test_lies_under_every_test() -> None:
    """Vars, options and metadata are overlaid key by key, assertions of the default come first."""
    default = {"vars": {"a": 1, "b": 1}, "assert": [SAYS_A], "threshold": 0.5, "metadata": {"k": 1, "l": 1}}
    test = {"vars": {"b": 2}, "assert": [SAYS_B], "metadata": {"l": 2}}
    (merged,) = merged_tests(suite(default_test=default, tests=(test,)))
    assert merged["vars"] == {"a": 1, "b": 2}
    assert merged["assert"] == [SAYS_A, SAYS_B]
    assert merged["metadata"] == {"k": 1, "l": 2}
    assert merged["threshold"] == 0.5


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_prefix_is_none_of_its_own(empty: str | None) -> None:
    """An empty one leaves the default's in place, and so does null."""
    (merged,) = merged_tests(suite(default_test={"options": {"prefix": "<"}}, tests=({"options": {"prefix": empty}},)))
    assert merged["options"]["prefix"] == "<"


def test_a_threshold_of_zero_is_its_own() -> None:
    """Zero is said, and so wins over the default."""
    (merged,) = merged_tests(suite(default_test={"threshold": 0.5}, tests=({"threshold": 0},)))
    assert merged["threshold"] == 0


def test_default_assertions_can_be_disabled() -> None:
    """`disableDefaultAsserts` leaves a test with its own assertions alone."""
    test = {"assert": [SAYS_B], "options": {"disableDefaultAsserts": True}}
    (merged,) = merged_tests(suite(default_test={"assert": [SAYS_A]}, tests=(test,)))
    assert merged["assert"] == [SAYS_B]


def test_scenarios_follow_the_plain_tests() -> None:
    """Each entry of a scenario's config meets each of its tests, under a conversation of its own."""
    scenario = {
        "config": [{"vars": {"x": 1}}, {"vars": {"x": 2}}],
        "tests": [{"vars": {"y": "a"}}, {"vars": {"y": "b"}}],
    }
    merged = merged_tests(suite(tests=({"vars": {"x": 0}},), scenarios=(scenario,)))
    assert [test["vars"] for test in merged] == [
        {"x": 0},
        {"x": 1, "y": "a"},
        {"x": 1, "y": "b"},
        {"x": 2, "y": "a"},
        {"x": 2, "y": "b"},
    ]
    talks = [test["metadata"].get("conversationId") for test in merged]
    assert talks == [None, "__scenario_0__", "__scenario_0__", "__scenario_1__", "__scenario_1__"]


def test_a_scenario_keeps_a_conversation_of_its_own() -> None:
    """A conversationId that is written wins over the automatic one."""
    scenario = {"config": [{"metadata": {"conversationId": "mine"}}], "tests": [{"vars": {"x": 1}}]}
    assert merged_tests(suite(scenarios=(scenario,)))[0]["metadata"]["conversationId"] == "mine"


def test_a_scenario_joins_assertions_in_order() -> None:
    """The default's assertions come first, then the entry's, then the test's."""
    says_c = {"type": "contains", "value": "c"}
    scenario = {"config": [{"assert": [SAYS_B]}], "tests": [{"assert": [says_c]}]}
    (merged,) = merged_tests(suite(default_test={"assert": [SAYS_A]}, scenarios=(scenario,)))
    assert merged["assert"] == [SAYS_A, SAYS_B, says_c]


def test_a_scenario_whose_tests_were_all_filtered_away_runs_nothing() -> None:
    """An empty list of tests is not the same as none: the latter runs the entries as they are."""
    assert merged_tests(suite(scenarios=({"config": [{}], "tests": []},))) == []
    assert len(merged_tests(suite(scenarios=({"config": [{}]},)))) == 1


def test_lists_of_texts_multiply_a_test() -> None:
    """Lists that begin with a text are combined, the last varying fastest; other lists are values."""
    found = combinations({"a": ["1", "2"], "b": ["x", "y"], "c": [1, 2], "d": []}, False, "/")
    assert [(one["a"], one["b"]) for one in found] == [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y")]
    assert all(one["c"] == [1, 2] and one["d"] == [] for one in found)


def test_the_multiplication_can_be_disabled() -> None:
    """Disabled, lists stay what they are."""
    assert combinations({"a": ["1", "2"]}, True, "/") == [{"a": ["1", "2"]}]


def test_combinations_are_told_by_what_was_chosen(tmp_path: Path) -> None:
    """The vars that were multiplied tell one combination from others: briefly, and no secret's value."""
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.txt").touch()
    written = {"all": "same", "doc": "file://*.txt", "long": ["x" * 50], "password": ["hunter2"]}
    first, _ = combinations(written, False, str(tmp_path))
    assert variant(first, written) == f"doc=a.txt, long={'x' * 29}…, password=[REDACTED]"


def test_a_file_pattern_multiplies_a_test(tmp_path: Path) -> None:
    """Every file that a pattern matches is one value, in the order of their names."""
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(name)
    found = combinations({"doc": "file://*.txt"}, False, str(tmp_path))
    assert found == [{"doc": "file://a.txt"}, {"doc": "file://b.txt"}]


def test_a_file_pattern_without_a_match_is_refused(tmp_path: Path) -> None:
    """A var that names no file is a mistake before anything runs."""
    with pytest.raises(ConfigError, match=r"no file matches '\*\.txt', the value of the var 'doc'"):
        combinations({"doc": "file://*.txt"}, False, str(tmp_path))


def test_a_case_is_read_with_its_claims() -> None:
    """A merged test becomes a Case; `not-` is taken off an assertion's type."""
    claim = {"type": "not-contains", "value": "x", "weight": 2, "threshold": "0.5", "metric": "m"}
    group = {"type": "assert-set", "assert": [SAYS_A], "threshold": 1}
    case = read_case({"vars": {"x": 1}, "assert": [claim, group], "description": 7, "threshold": 0.5}, "/suite")
    first, second = case.claims
    assert (first.type, first.negated, first.weight, first.threshold, first.metric) == ("contains", True, 2, 0.5, "m")
    assert first.raw is claim
    assert [member.type for member in second.members] == ["contains"]
    assert (case.description, case.threshold, case.vars) == ("7", 0.5, {"x": 1})


def test_a_scoring_function_becomes_absolute() -> None:
    """The file of assertScoringFunction is found from the suite's folder."""
    assert read_case({"assertScoringFunction": "file://s.py:fn"}, "/suite").scoring_function == "file:///suite/s.py:fn"


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"assert": {}}, "assert must be a list, not a mapping"),
        ({"assert": [{"value": 1}]}, "assert.0: an assertion needs a type"),
        (
            {"assert": [{"type": "contians", "value": 1}]},
            "assert.0.type: unknown assertion type 'contians', did",
        ),
        ({"assert": [{"type": "contains"}]}, "assert.0: contains needs a value"),
        ({"assert": [{**SAYS_A, "threshold": "lots"}]}, "assert.0.threshold: threshold must be a number, not the text"),
        ({"assert": [{"type": "not-assert-set", "assert": []}]}, "assert.0.type: assert-set cannot be turned round"),
        (
            {"assert": [{"type": "assert-set", "assert": [{"type": "assert-set", "assert": []}]}]},
            "assert.0.assert.0: assert-set cannot hold another",
        ),
        ({"vars": [1]}, "vars must be a mapping, not a list"),
        ({"assertScoringFunction": "x"}, "assertScoringFunction must name a Python"),
    ],
)
def test_a_test_that_can_never_run_is_refused(test: JsonDict, message: str) -> None:
    """What is impossible is named with its path in the test."""
    with pytest.raises(ConfigError) as raised:
        read_case(test, "/suite")
    assert str(raised.value).startswith(message)


def test_hooks_see_the_suite_in_promptfoos_words() -> None:
    """The suite of a hook's context has promptfoo's thirteen keys, and defaultTest always has assertions."""
    seen = suite_for_hooks(suite(description="d", tests=({"vars": {"x": 1}},), config={"tracing": {"enabled": False}}))
    assert " ".join(sorted(seen)) == (
        "defaultTest derivedMetrics description extensions nunjucksFilters prompts providerPromptMap "
        "providers redteam scenarios tags tests tracing"
    )
    assert seen["defaultTest"] == {"assert": []}
    assert seen["providerPromptMap"] == {"echo": ["{{x}}"]}


def test_a_hook_may_change_eight_keys() -> None:
    """Tests, scenarios, defaultTest, prompts and their map, filters and metrics come back changed; others do not."""
    before = suite()
    changed = suite_for_hooks(before)
    changed["tests"].append({"vars": {"x": 2}})
    changed["prompts"].append({"raw": "new", "label": "n"})
    changed["description"] = "ignored"
    after = suite_from_hooks(before, changed)
    assert after.tests == ({"vars": {"x": 2}},)
    assert [prompt.label for prompt in after.prompts] == ["{{x}}", "n"]
    assert (after.description, after.providers) == ("", before.providers)


def test_a_key_that_a_hook_leaves_out_stays_as_it_was() -> None:
    """A partial suite changes only what it names."""
    before = suite(default_test={"vars": {"a": 1}})
    after = suite_from_hooks(before, {"tests": [{"vars": {"x": 3}}]})
    assert (after.default_test, after.prompts) == (before.default_test, before.prompts)


def test_a_prompt_function_survives_the_way_through_a_hook() -> None:
    """A prompt that comes back with its text and label unchanged keeps its function."""
    before = suite(prompts=(Prompt(raw="file://p.py:f", label="f", id="1", function="file:///suite/p.py:f"),))
    after = suite_from_hooks(before, suite_for_hooks(before))
    assert after.prompts == before.prompts


def test_a_hook_may_restrict_a_providers_prompts() -> None:
    """A changed providerPromptMap becomes the providers' own lists."""
    before = suite()
    after = suite_from_hooks(before, {"providerPromptMap": {"echo": ["other"]}})
    assert after.providers[0].prompts == ("other",)


@pytest.mark.parametrize(
    "changed",
    [
        {"tests": "x"},
        {"tests": [1]},
        {"defaultTest": []},
        {"prompts": [1]},
        {"tests": [{"vars": [1]}]},
        "x",
        {"defaultTest": {"assert": {}}},
        {"scenarios": [{"config": [{"metadata": 1}]}]},
    ],
)
def test_nonsense_from_a_hook_is_refused(changed: JsonDict) -> None:
    """A hook's suite of a wrong shape is a ConfigError that names it."""
    with pytest.raises(ConfigError, match="the suite returned by beforeAll"):
        suite_from_hooks(suite(), changed)
