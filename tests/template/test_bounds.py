from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.errors import TemplateError
from sojourn.template import scope
from sojourn.template.engine import Renderer

PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{-",
    "-}}",
    "{%-",
    "-%}",
    "{%if",
    "%}else{%endif%}",
    "{%endfor%}",
    "for",
    "i",
    "in",
    "set",
    "x",
    "=",
    "macro",
    "m(a)",
    "call",
    "endmacro",
    "endset",
    "if",
    "elif",
    "else",
    "endif",
    "raw",
    "endraw",
    "filter",
    "upper",
    "endfilter",
    "switch",
    "case",
    "a",
    "b.c",
    "x",
    "y[0]",
    "'text'",
    '"q"',
    "r/a+/g",
    "1",
    "2.5",
    "1e9",
    "-3",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "|",
    ".",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "~",
    "==",
    "===",
    "!=",
    "<",
    ">=",
    "and",
    "or",
    "not",
    "in",
    "is",
    "defined",
    "odd",
    "none",
    "true",
    "dump",
    "join(',')",
    "sort",
    "replace('a','b')",
    "slice(3)",
    "batch(0)",
    "indent(99999999)",
    "center(1e9)",
    "repeat(9)",
    "padEnd(99)",
    "toFixed(200)",
    "range(9)",
    "length",
    "constructor",
    "__class__",
    "__proto__",
    "loop.index",
    "caller()",
    "\n",
    "\\",
    "é",
    "😀",
    "�",
]
VARIABLES: dict[str, Any] = {
    "a": "text",
    "b": {"c": [1, None, {"d": True}], "x": -0.5},
    "x": [3, "b", []],
    "y": ["é😀", float("inf"), 10**400],
    "n": None,
}


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25))
def test_a_template_renders_or_is_a_template_error(pieces: list[str]) -> None:
    """No text makes the engine raise anything but TemplateError, from any of its doors."""
    renderer = Renderer({})
    for text in (" ".join(pieces), "".join(pieces), "{{ " + " ".join(pieces) + " }}"):
        renderer.names(text)
        renderer.check(text)
        for render in (renderer.render, renderer.render_prompt):
            with contextlib.suppress(TemplateError):
                assert isinstance(render(text, VARIABLES), str)


@given(st.text())
def test_a_value_is_shown_as_it_is(value: str) -> None:
    """A value is data: it is printed letter for letter, whatever template marks it holds."""
    assert Renderer({}).render("<{{ v }}>", {"v": value}) == f"<{value}>"


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{{ range(1000000000) }}",
        "{% set s = 'xxxxxxxxxx' %}{% for i in range(60) %}{% set s = s ~ s %}{% endfor %}",
        "{% set a = [1] %}{% for i in range(60) %}{% set a = [a, a] %}{% endfor %}{{ a }}",
        "{% set a = [1] %}{% for i in range(60) %}{% set a = [a, a] %}{% endfor %}{{ a | dump }}",
        "{% set a = [1] %}{{ a.push(a) }}{{ a }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'a'.repeat(1000000000) }}",
        "{{ 'a'.padEnd(1000000000) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ [1] | batch(1000000000, 'x') | length }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "1 + " * 5000 + "1 }}",
        "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.match(r/(a+)+$/) }}",
        "{% set s = 'x'.repeat(9000000) %}{% for i in range(9999) %}{{ s }}{% endfor %}",
        "{% set s = 'x'.repeat(9000000) %}{% for i in range(9999) %}{% set t = s.toUpperCase() %}{% endfor %}",
    ],
)
def test_a_template_cannot_run_long_or_make_much(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops, recursion, doubling and huge arguments end in a TemplateError, soon."""
    monkeypatch.setattr(scope, "STEPS", 50_000)
    began = time.process_time()
    with pytest.raises(TemplateError):
        Renderer({}).render(text, {})
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "text",
    [
        "{{ x.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ x['__init__'] }}",
        "{{ o.__dict__ }}{{ o.keys }}{{ o.items }}{{ o.get }}",
        "{{ ''.format }}{{ 'a'.join }}{{ ''.encode }}",
        "{{ x.append }}{{ x.copy }}",
        "{{ n.real }}{{ n.numerator }}",
        "{{ 'A'.constructor }}{{ x.constructor }}{{ o.__proto__ }}",
        "{{ process }}{{ globalThis }}{{ __import__ }}{{ self }}{{ this }}",
    ],
)
def test_nothing_of_the_machine_is_in_reach(text: str) -> None:
    """No attribute of Python, nor JavaScript's way to its own engine, is there."""
    assert Renderer({}).render(text, {"x": [1], "o": {"a": 1}, "n": 1}) == ""


def test_a_variable_is_not_changed() -> None:
    """Sorting and turning round give copies: the test's own variables stay as they are."""
    items = [3, 1, 2]
    assert Renderer({}).render("{{ v.sort() }} {{ v.reverse() }} {{ v }}", {"v": items}) == "1,2,3 2,1,3 3,1,2"
    assert items == [3, 1, 2]


@given(
    st.lists(
        st.tuples(st.text("ab }\n\r\\'#%", max_size=4), st.sampled_from(["a", "b", "none", "in", "0", "missing"]))
    ),
    st.text(max_size=5) | st.none() | st.integers(),
)
def test_a_template_that_only_names_variables_is_as_any_other(parts: list[tuple[str, str]], value: Any) -> None:
    """The short way for `{{ name }}` and the long one, which an empty comment makes it take, come to the same."""
    text = "".join(f"{literal}{{{{ {name} }}}}" for literal, name in parts)
    variables = {"a": value, "b": "B", "0": "zero", "none": "x"}

    def rendered(template: str) -> str:
        try:
            return Renderer({}).render(template, variables)
        except TemplateError:
            return "refused"

    assert rendered(text) == rendered(text + "{##}")
