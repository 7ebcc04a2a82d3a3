from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.assertions.embedded import objects_in
from sojourn.errors import ClaimError
from sojourn.model.verdict import Verdict

Judge = Callable[..., Verdict]
PERSON = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "nullable": True}},
}


@pytest.mark.parametrize(
    ("name", "output", "value", "passed"),
    [
        ("is-json", '"just text"', None, True),
        ("is-json", " null ", None, True),
        ("is-json", '{"n": NaN}', None, False),
        ("is-json", '{"a": 1,}', None, False),
        ("is-json", '{"n": 1E400, "m": ' + "9" * 5000 + "}", None, True),
        ("is-json", "[" * 100_000, None, False),
        ("is-json", '{"s": "raw\ttab"}', None, False),
        ("is-json", {"a": 1}, None, True),
        ("is-json", '{"name": "Ada", "age": 36.0}', PERSON, True),
        ("is-json", '{"name": "Ada", "age": null}', PERSON, True),
        ("is-json", '{"name": "A"}', PERSON, False),
        ("is-json", '{"name": "Ada", "x": 1}', PERSON, False),
        ("is-json", '{"a": 1}', "type: object\nrequired: [a]", True),
        ("is-json", '"10:00"', {"format": "time"}, False),
        ("is-json", '"123e4567-e89b-12d3-a456-426614174000"', {"format": "uuid"}, True),
        ("contains-json", 'Sure! {"a": 1} Hope it helps.', None, True),
        ("contains-json", "no structure", None, False),
        ("contains-json", "x {a: 1, b: [2]} y", None, True),
        ("contains-json", 'x {"a": "}"} y', {"required": ["a"]}, True),
        ("contains-json", 'First {"x": 1} then {"name": "Ada"}', PERSON, True),
        ("contains-json", 'Here: {"name": 5}', PERSON, False),
        ("contains-json", "{" * 50_000, None, False),
        ("is-html", "<!DOCTYPE html><html><body>hi</body></html>", None, True),
        ("is-html", "<h1>T</h1><p>a<p>b", None, True),
        ("is-html", "before <div>a</div>", None, False),
        ("is-html", "<p>a<div>b</div>c</p>", None, False),
        ("is-html", '<?xml version="1.0"?><html/>', None, False),
        ("is-html", "<foo>x</foo>", None, False),
        ("contains-html", "line<br/>break", None, True),
        ("contains-html", "a < b and b > c <me@example.com>", None, False),
        ("is-xml", "<order><id>7</id><item><sku>X</sku></item></order>", "order.id, order.item.sku", True),
        ("is-xml", "<r><i/><i/></r>", ["r.i.1"], True),
        ("is-xml", "<r><i/><i/></r>", {"requiredElements": ["r.i.2"]}, False),
        ("is-xml", '<n:a xmlns:n="u" k="1"><n:b/></n:a>', ["n:a.n:b", "n:a.@_k"], True),
        ("is-xml", "<n:a/>", None, False),
        ("is-xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', None, False),
        ("is-xml", "text <a/>", None, False),
        ("is-xml", '<?xml version="1.0" encoding="utf-16"?><a>é</a>', "a", True),
        ("contains-xml", "Result: <note><to>Bob</to></note> end", "note.to", True),
        ("contains-xml", "see <a>1</a> and <b>2</b>", ["a", "b"], True),
        ("contains-xml", "Fish & Chips <a>x & y</a>", None, True),
        ("contains-xml", "<p>a<br>b</p>", None, False),
        ("contains-xml", "<a" * 20_000, None, False),
    ],
)
def test_structures(judge: Judge, name: str, output: Any, value: Any, *, passed: bool) -> None:
    """JSON, HTML and XML are recognised as a whole or inside a text, with what they must hold."""
    assert judge(name, output, value=value).passed is passed


@pytest.mark.parametrize(
    ("output", "value", "passed"),
    [
        ("SELECT id, name FROM users WHERE age > 3", None, True),
        ("SELECT id name FROM users", None, False),
        ("SELECT FROM users", None, False),
        ("please select the users", None, False),
        ("INSERT INTO t (a, b) VALUES (1)", None, False),
        ("SELECT a::int FROM b", {"databaseType": "PostgreSQL"}, True),
        ("SELECT a FROM users", {"allowedTables": ["select::null::users"]}, True),
        ("SELECT a FROM other", {"allowedTables": ["select::null::users"]}, False),
        ("INSERT INTO a SELECT b FROM c", {"allowedTables": ["(select|insert)::null::(a|c)"]}, True),
        ("WITH x AS (SELECT 1 FROM y) SELECT * FROM x", {"allowedTables": ["select::null::y"]}, True),
        ("UPDATE t SET name=1", {"allowedColumns": ["update::t::name"]}, True),
        ("SELECT u.secret FROM t u", {"allowedColumns": ["select::t::name"]}, False),
        ("DELETE FROM t WHERE id=1", {"allowedColumns": ["select::null::id", "delete::t::(.*)"]}, True),
    ],
)
def test_sql(judge: Judge, output: str, value: Any, *, passed: bool) -> None:
    """A statement must be whole, of the database's dialect, and touch only what is allowed."""
    assert judge("is-sql", output, value=value).passed is passed


def test_sql_in_a_fence(judge: Judge) -> None:
    """Fenced blocks that are SQL by their mark are looked at first, then the whole output."""
    assert judge("contains-sql", "Here:\n```sql\nSELECT 1;\n```\nBye").passed
    assert not judge("contains-sql", "Here:\n```python\nSELECT 1\n```").passed
    assert judge("contains-sql", "SELECT 1").passed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("is-json", {"requierd": ["a"]}),
        ("is-json", {"properties": {"a": {"format": "post-code"}}}),
        ("is-json", {"type": "objekt"}),
        ("is-json", {"$ref": "https://example.com/schema.json"}),
        ("is-json", 5),
        ("is-json", "["),
        ("contains-json", {"foo": 1}),
        ("is-xml", 5),
        ("is-sql", "users"),
        ("is-sql", {"databaseType": "Oracle9"}),
        ("is-sql", {"allowedTables": ["("]}),
    ],
)
def test_a_wrong_schema_is_no_verdict(judge: Judge, name: str, value: Any) -> None:
    """A schema with a slip in it would check nothing: it is a ClaimError; nothing is fetched."""
    with pytest.raises(ClaimError):
        judge(
            name,
            'SELECT 1 {"a": 1}' if name == "contains-json" else "1" if name == "is-json" else "SELECT 1",
            value=value,
        )


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), min_size=1), st.text(alphabet="abc ,.!\n"))
def test_every_object_in_prose_is_found(value: dict[str, Any], prose: str) -> None:
    """Whatever a JSON object holds, it is found as it is, among words."""
    assert objects_in(f"{prose}{json.dumps(value)}{prose}") == [value]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["is-json", "contains-json", "is-html", "contains-html", "is-xml", "contains-xml", "contains-sql"]
    ),
    parts=st.lists(
        st.sampled_from([*list("<>/&;{}[]:,'\"`!-?= \n"), "a", "div", "<![CDATA[", "```", "SELECT"]) | st.text()
    ),
)
def test_whatever_is_said_is_judged(judge: Judge, name: str, parts: list[str]) -> None:
    """Any text gets a verdict."""
    assert isinstance(judge(name, "".join(parts)), Verdict)
