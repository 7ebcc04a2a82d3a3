from __future__ import annotations

from collections.abc import Callable

import pytest

from sojourn.errors import ConfigError
from sojourn.model.suite import Suite

Load = Callable[..., Suite]
TESTS = "providers: [echo]\ntests: [{vars: {name: a}}]\n"


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("Hello {{ nmae }}", "a prompt uses {{ nmae }}, which no test sets (did you mean 'name'?)"),
        ("Hello {{ other.part }}", "a prompt uses {{ other }}, which no test sets"),
    ],
)
def test_a_variable_that_nobody_sets_is_warned_of(load: Load, prompt: str, told: str) -> None:
    """It would be empty in every test, which is hardly what was meant."""
    assert load(f"prompts: ['{prompt}']\n{TESTS}").warnings == (f"promptfooconfig.yaml:1:1: {told}",)


def test_a_suite_without_prompts_is_told_what_it_asks(load: Load) -> None:
    """The usual prompt is nobody's slip of the pen: what is told is that it is asked."""
    (told,) = load(TESTS).warnings
    assert told.endswith("there are no prompts, so that each test asks {{ prompt }}, which no test sets")


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ name }} {{ env.HOME }} {{ range(3) }} {{ _conversation }}",
        '{{ x | default("y") }} {{ z or 1 }}',
        "{% if x %}{{ x }}{% endif %}",
        "{% set x = name %}{{ x }}",
        "{% for x in name %}{{ x }} {{ loop.index }}{% endfor %}",
        "{% raw %}{{ x }}{% endraw %} {# {{ y }} #}",
    ],
)
def test_what_is_set_or_may_be_absent_is_not(load: Load, prompt: str) -> None:
    """A template may provide for what is not there, and sets names of its own."""
    assert load(f"prompts: ['{prompt}']\n{TESTS}").warnings == ()


@pytest.mark.parametrize(
    "more",
    [
        "defaultTest: {vars: {x: 1}}",
        "defaultTest: {options: {transformVars: '{x: 1}'}}",
        "defaultTest: {options: {storeOutputAs: x}}",
        "scenarios: [{config: [{vars: {x: 1}}], tests: [{vars: {y: 1}}]}]",
        "extensions: ['file://hooks.py:hook']",
        "commandLineOptions: {var: {x: 1}}",
        "scenarios: [{config: [{}], tests: [{turns: [{vars: {x: 1}}]}]}]",
    ],
)
def test_a_variable_may_be_set_anywhere(load: Load, more: str) -> None:
    """What the defaults, scenarios, flags or code of the suite set counts, too."""
    suite = load(f"prompts: ['{{{{ x }}}}']\n{TESTS}{more}\n", {"hooks.py": "def hook(name, context): pass\n"})
    assert suite.warnings == ()


@pytest.mark.parametrize("tests", ["tests: nowhere.csv", "tests: [{vars: nowhere.csv}]", "tests: 7"])
def test_where_tests_could_not_be_read_nothing_is_said_of_their_vars(load: Load, tests: str) -> None:
    """Who knows what the tests would have set; the mistake alone is told."""
    with pytest.raises(ConfigError) as refused:
        load(f"prompts: ['{{{{ x }}}}']\nproviders: [echo]\n{tests}\n")
    assert refused.value.warnings == ()
