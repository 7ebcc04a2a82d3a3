from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.template.engine import Renderer

CHAT = '[{"role": "system", "content": "{{ a }}"}, {"role": "user", "content": "Say: {{ b }}", "n": 1.0}]'


def prompt(text: str, **variables: Any) -> str:
    renderer = Renderer({})
    return renderer.render_prompt(text, *renderer.resolve_vars(variables))


def test_a_chat_is_rendered_string_by_string() -> None:
    """JSON text keeps its shape, is written with two spaces, and numbers as JavaScript writes them."""
    assert prompt(CHAT, a='line "one"\ntwo', b="back\\slash") == (
        '[\n  {\n    "role": "system",\n    "content": "line \\"one\\"\\ntwo"\n  },\n'
        '  {\n    "role": "user",\n    "content": "Say: back\\\\slash",\n    "n": 1\n  }\n]'
    )


@given(a=st.text(), b=st.text())
def test_no_value_breaks_out_of_its_string(a: str, b: str) -> None:
    """Whatever the values hold, a chat stays a chat, with exactly these values."""
    chat = json.loads(Renderer({}).render_prompt(CHAT, {"a": a, "b": b}, data={"a", "b"}))
    assert [turn["content"] for turn in chat] == [a, f"Say: {b}"]


def test_what_is_nearly_json_is_text() -> None:
    """A text that is no JSON is rendered as text; so is JSON whose strings cannot each be rendered."""
    assert prompt('x ["{{ a }}"]', a='"') == 'x ["""]'
    assert prompt('["{% if a %}", "{% endif %}"]', a=1) == '["", ""]'


@pytest.mark.parametrize(
    ("variables", "resolved"),
    [
        ({"a": "{{b}}!", "b": "{{ c }}", "c": "deep"}, {"a": "deep!", "b": "deep", "c": "deep"}),
        ({"a": "{{ n }} and {{ n }}", "n": 2}, {"a": "2 and 2", "n": 2}),
        ({"a": "{{ missing }} {{ b }}", "b": "x"}, {"a": "{{ missing }} {{ b }}", "b": "x"}),
        ({"a": "{{a}}"}, {"a": "{{a}}"}),
        ({"a": "{{ b | upper }}", "b": "x"}, {"a": "{{ b | upper }}", "b": "x"}),
        ({"a": "text\n", "b": "two\n\n"}, {"a": "text", "b": "two\n"}),
        ({"a": "{{ o }}", "o": {"k": 1}}, {"a": "[object Object]", "o": {"k": 1}}),
        ({"a": "{{b}}{{b}}{{b}}{{b}}{{b}}{{b}}", "b": "x"}, {"a": "xxxxx{{b}}", "b": "x"}),
    ],
)
def test_vars_that_name_vars(variables: dict[str, Any], resolved: dict[str, Any]) -> None:
    """A simple placeholder is filled, one for each of five passes; everything else waits for the prompt."""
    assert Renderer({}).resolve_vars(variables)[0] == resolved


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"v": "{{ w | upper }}", "w": "x"}, "X"),
        ({"v": "css { } and {# comment #} done"}, "css { } and  done"),
        ({"v": "function() { return {}; }"}, "function() { return {}; }"),
        ({"v": "{{ missing | upper }}"}, "{{ missing | upper }}"),
        ({"v": "{% if missing %}a{% endif %}"}, "{% if missing %}a{% endif %}"),
        ({"v": "a {% raw %}{{ kept }}{% endraw %} b"}, "a {% raw %}{{ kept }}{% endraw %} b"),
        ({"v": "half {{ open"}, "half {{ open"),
        ({"v": "{{ env.X }}"}, "set"),
    ],
)
def test_what_the_author_wrote_is_rendered_once(variables: dict[str, Any], shown: str) -> None:
    """Templates in the suite's vars are rendered, unless they name what does not exist."""
    renderer = Renderer({"X": "set"})
    assert renderer.render_prompt("{{ v }}", *renderer.resolve_vars(variables)) == shown


def test_data_is_never_rendered() -> None:
    """A value that a model gave is put into other texts, but no template in it runs, wherever it ends up."""
    renderer = Renderer({"KEY": "secret"})
    variables, data = renderer.resolve_vars({"said": "{{ env.KEY }}", "told": "It said {{ said }}"}, {"said"})
    assert data == {"said", "told"}
    assert renderer.render_prompt("{{ said }} / {{ told }}", variables, data) == (
        "{{ env.KEY }} / It said {{ env.KEY }}"
    )
