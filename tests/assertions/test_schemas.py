"""JSON schemas mean what they mean in promptfoo, and none of them says anything in vain."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.assertions.schema_formats import FORMATS
from sojourn.assertions.schema_rules import SHAPE
from sojourn.assertions.schemas import schema_check
from sojourn.errors import ClaimError


@pytest.mark.parametrize(
    ("pattern", "text", "passed"),
    [
        (r"^\d+$", "12", True),
        (r"^\d+$", "\u0661\u0662", False),
        (r"^\w+$", "é", False),
        (r"^\p{L}+$", "Zoë", True),
        (r"^\P{L}+$", "Zoë", False),
        (r"^[^\P{Lu}]$", "É", True),
        (r"(?<y>a)\k<y>", "aa", True),
        (r"^.$", "\U0001f600", True),
        (r"^\u{1F600}$", "\U0001f600", True),
        (r"^\ud83d\ude00$", "\U0001f600", True),
        (r"^a$", "a\n", False),
        (r"[[a]", "[", True),
        (r"[a&&b]", "&", True),
        (r"[\-]\/", "-/", True),
        (r"\0", "\0", True),
    ],
)
def test_patterns(pattern: str, text: str, *, passed: bool) -> None:
    """A pattern is JavaScript's with its `u` flag, for values and for names, and nothing is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (schema_check({"pattern": pattern})(text) == "") is passed
        assert (schema_check({"patternProperties": {pattern: False}})({text: 1}) == "") is not passed


@pytest.mark.parametrize(
    "pattern", ["(", r"\_", r"\-", "{", "a{,2}", "]", r"\1", r"[\w-.]", r"(?=a)*", r"\u{110000}", r"\p{Nothing}"]
)
def test_broken_patterns(pattern: str) -> None:
    """What JavaScript refuses with its `u` flag is a ClaimError that names the pattern."""
    with pytest.raises(ClaimError, match="pattern"):
        schema_check({"pattern": pattern})


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("email", ["a.b@c.de", "A@B.DE"], ["a b@c.de", "a@b", "a..b@c.de", "a@-c.de", "a@c.de\n"]),
        ("date", ["2024-02-29", "0000-02-29"], ["2023-02-29", "2024-1-1", "\u0662024-01-01"]),
        ("time", ["10:00:00Z", "10:00:00+01", "23:59:60Z", "00:59:60+01:00"], ["10:00:00", "10:00:00+25:00"]),
        ("time", ["00:29:60+00:30"], ["10:00:60Z", "23:59:61Z", "24:00:00Z", "10:00:00+01:60"]),
        ("date-time", ["2024-01-01 00:00:00+01:00", "2024-01-01t00:00:00z"], ["2024-01-01T00:00:00", "2024-01-01"]),
        ("iso-time", ["10:00:00"], ["10:00"]),
        ("iso-date-time", ["2024-01-01 00:00:00"], ["2024-01-01"]),
        ("duration", ["P1Y2M3DT4H5M6S", "P1W"], ["p1d", "PT", "P1W1D"]),
        (
            "uri",
            ["http://a.b/c?d#e", "urn:isbn:1", "http://[::1]/"],
            ["//a", "a:", "http://a b", "http://[::g]/", "http://[::1/"],
        ),
        ("uri-reference", ["", "/a", "?a", "a/b:c"], ["a b", "%zz", "#a#b"]),
        ("url", ["http://a.de:80", "ftp://ü.üü", "http://8.8.8.8"], ["http://localhost", "http://10.0.0.1", "a.de"]),
        ("hostname", ["a.b.", "a" * 63], ["a" * 64, "-a", "a..b", ""]),
        ("ipv4", ["1.2.3.4"], ["01.2.3.4", "1.2.3.4\n"]),
        ("ipv6", ["::1", "::1.2.3.4"], ["fe80::1%eth0", "1::2::3"]),
        ("uuid", ["urn:uuid:123E4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000"]),
        ("uri-template", ["http://a/{B}{?c,d*}"], ["{", "{}"]),
        ("uri-template", ["{+x:12}", "a%20{y}"], ["{x:0}", "{x:1*}", "{a b}", "a%2", "<a>"]),
        ("json-pointer", ["", "/~0"], ["a", "/~2"]),
        ("json-pointer-uri-fragment", ["#", "#/a%20b/~1"], ["/a", "#/a b", "#/~2", "#/a?b"]),
        ("relative-json-pointer", ["0#", "1/a", "12"], ["01", "#", "1a", "-1"]),
        ("byte", ["", "YWJj", "YQ=="], ["YQ", "YQ=", "Y!==", "=YWJ"]),
        ("regex", ["(?<a>x)", "(?<=a+)b"], ["(", r"a\Z"]),
        ("int32", [1.0, 2**31 - 1, "no number"], [1.5, 2**31, 3_000_000_000]),
        ("int64", [2**70], [1.5]),
    ],
)
def test_formats(name: str, right: list[Any], wrong: list[Any]) -> None:
    """A format takes what promptfoo's takes, and nothing else."""
    check = schema_check({"format": name})
    assert {value: check(value) for value in right} == dict.fromkeys(right, "")
    assert [value for value in wrong if not check(value)] == []


@given(st.sampled_from(sorted(FORMATS)), st.text() | st.text("0123456789-:TZ.+Pa/@[]{}#%"))
def test_every_text_has_a_format_or_not(name: str, text: str) -> None:
    """No text breaks a format."""
    assert FORMATS[name](text) in (True, False)


@pytest.mark.parametrize(
    ("schema", "value", "passed"),
    [
        ({"required": ["b"], "additionalProperties": False}, {"b": 1}, False),
        ({"definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a", "maxLength": 2}, "abc", False),
        ({"contentEncoding": "base64", "minLength": 3}, "??", False),
        ({"contentEncoding": "base64"}, "?", True),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, False),
        ({"dependentSchemas": {"a": {"properties": {"b": False}}}}, {"a": 1, "b": 1}, False),
        ({"prefixItems": [{"type": "integer"}]}, ["a"], False),
        ({"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, [1, "a"], True),
        ({"prefixItems": [{"type": "integer"}], "items": False}, [1, "a"], False),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}, [], False),
        ({"format": "date", "formatMinimum": "2024-01-01"}, "2023-12-31", False),
        ({"format": "date", "formatMinimum": "2024-01-01"}, "2024-01-01", True),
        ({"format": "date", "formatExclusiveMinimum": "2024-01-01"}, "2024-01-01", False),
        ({"format": "time", "formatMaximum": "10:00:00Z"}, "10:30:00+01:00", True),
        ({"format": "date-time", "formatMinimum": "2024-01-01T00:00:00Z"}, "2024-01-01T00:30:00+01:00", False),
        ({"patternProperties": {r"\d": {"type": "string"}, "[0-9]": {"minLength": 2}}}, {"1": "a"}, False),
        ({"multipleOf": 0.01}, 19.99, True),
    ],
)
def test_keywords(schema: Any, value: Any, *, passed: bool) -> None:
    """Each keyword is checked, in whatever draft it is at home."""
    assert (schema_check(schema)(value) == "") is passed


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"properties": []}, "data.properties must be object"),
        ({"properties": {"a": {"minLength": -1}}}, "data.properties.a.minLength must be bigger than or equal to 0"),
        ({"definitions": {"a": {"type": "nope"}}}, "data.definitions.a.type"),
        ({"type": "number", "minimum": 5, "exclusiveMinimum": True}, "data.exclusiveMinimum must be number"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "unknown .schema"),
        ({"anyOf": [{}, {"unevaluatedProperties": False}]}, "unknown keyword 'unevaluatedProperties' .* at #/anyOf/1"),
        ({"contains": {}, "minContains": 2}, "unknown keyword 'minContains'"),
        ({"items": {"format": "post-code"}}, "unknown format 'post-code' .* at #/items"),
        ({"then": False}, "'then' says nothing without 'if'"),
        ({"if": False}, "'if' says nothing without 'then' or 'else'"),
        ({"items": {}, "additionalItems": False}, "'additionalItems' says nothing"),
        ({"nullable": True}, "'nullable' says nothing without 'type'"),
        ({"format": "email", "formatMinimum": "a"}, "'formatMinimum' cannot order"),
        ({"format": "date", "formatMinimum": "soon"}, "neither a date nor a time"),
        ({"$ref": "#/definitions/a"}, "not valid"),
    ],
)
def test_a_schema_that_says_something_in_vain(schema: Any, told: str) -> None:
    """What would not be checked is refused, with what it is and where."""
    with pytest.raises(ClaimError, match=told):
        schema_check(schema)


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["a", "$ref"])
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
_KEYS = st.sampled_from(sorted(SHAPE["properties"]))
_TYPES = st.sampled_from(
    ["object", "array", "string", "number", "#", "#/properties/a", "email", "int32", "^[[a]", "{b}"]
)
_SCHEMAS = st.recursive(
    st.booleans() | st.dictionaries(_KEYS, _VALUES | _TYPES, max_size=3),
    lambda inner: st.dictionaries(
        _KEYS, inner | st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2), max_size=3
    ),
)


@settings(deadline=None, max_examples=300)
@given(_SCHEMAS, _VALUES)
def test_any_schema_is_judged_or_refused(schema: Any, value: Any) -> None:
    """Whatever a schema says, it is a verdict or a ClaimError, and nothing is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(ClaimError):
            assert isinstance(schema_check(schema)(value), str)
