from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.config.yaml_text import parse
from sojourn.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, word) for word in ("yes", "no", "on", "OFF", "tRUE", "nULL", "=", "0X1F", "0b101", "1_000", "-0x1F")],
        *[(word, word) for word in ("12:30", "12:30:00", "190:20:30", "1,000", "1e", "0o8", "1e400", "2024-1-2")],
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        ("007", 7),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("+5", 5),
        ("1e3", 1000),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1.", 1),
        ("-1.50", -1.5),
        ("9007199254740993", 9007199254740993),
        ("2024-01-02", "2024-01-02T00:00:00.000Z"),
        ("2024-02-31", "2024-02-31"),
        ("2024-01-02 03:04:05", "2024-01-02T03:04:05.000Z"),
        ("2024-01-02t03:04:05.12345+02:00", "2024-01-02T01:04:05.123Z"),
        ("2024-01-02T3:04:05 -5", "2024-01-02T08:04:05.000Z"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-15T02:59:43.100Z"),
        ("2024-06-01T00:00", "2024-06-01T00:00"),
        ("!!str 1", "1"),
        ("!!int '5'", 5),
        ("'1'", "1"),
    ],
)
def test_a_scalar_means_what_js_yaml_says(text: str, value: object) -> None:
    """Plain scalars are read by YAML 1.2's core schema, with timestamps as JavaScript prints them."""
    found = parse(f"v: {text}")["v"]
    assert (found, type(found)) == (value, type(value))


def test_whole_floats_become_integers() -> None:
    """A number that JavaScript prints without a fraction is an integer, so that templates print it alike."""
    assert json.dumps(parse("[1.0, -0.0, 2.50, 1e21]")) == "[1, 0, 2.5, 1e+21]"


def test_merge_keys_keep_the_order_of_the_file() -> None:
    """What stands in a mapping wins over what is merged into it, and keys stay where they were first named."""
    assert list(parse("a: 3\n<<: {a: 1, b: 2}\nc: 4").items()) == [("a", 3), ("b", 2), ("c", 4)]
    assert parse("<<: [{a: 1}, {a: 2, b: 3}]") == {"a": 1, "b": 3}


def test_keys_are_texts() -> None:
    """Keys that are numbers or words become the texts that JavaScript makes of them."""
    assert parse("{1: a, true: b, null: c, 1.50: d, 0: e}") == {
        "1": "a",
        "true": "b",
        "null": "c",
        "1.5": "d",
        "0": "e",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "x.yaml:3:1: the key 'a' stands here twice"),
        ("q: {{ env.X }}", "x.yaml:1:5: a key must be a plain text (put quotes round a value that begins with {{)"),
        ("<<: 5", "x.yaml:1:5: << needs a mapping, or a list of mappings"),
        ("a: !foo x", "x.yaml:1:4: unknown tag !foo"),
        ("a: *nope", "x.yaml:1:4: not valid YAML: found undefined alias"),
        ("\ta: 1", "x.yaml:1:1: not valid YAML: found character that cannot start any token"),
        ("---\na: 1\n---\nb: 2", "x.yaml:3:1: not valid YAML: but found another document"),
        ("&a [*a]", "x.yaml:1:1: an alias stands inside of what it names"),
        ("[" * 100_000, "x.yaml: nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(text: str, message: str) -> None:
    """A mistake names the file, the line and the column."""
    with pytest.raises(ConfigError) as raised:
        parse(text, "x.yaml")
    assert str(raised.value).startswith(message)


def test_an_alias_bomb_is_refused() -> None:
    """A document whose aliases unfold into millions of values is refused before anybody walks through it."""
    levels = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(8))
    with pytest.raises(ConfigError, match="unfold into"):
        parse("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + levels)


PRINTED = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | PRINTED,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read_as_json(value: Any) -> None:
    """Whatever JSON can say is read from it as JSON means it."""
    assert parse(json.dumps({"v": value})) == {"v": value}


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in any other way than with a ConfigError."""
    with contextlib.suppress(ConfigError):
        parse(text)
