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
        ("contains-xml", "x <a b>1</a> y", "a.@_b", True),
        ("contains-xml", "<a b=c d='<'/>", "a.@_d", True),
        ("contains-xml", '<a c="1" c="2">1</a>', "a.@_c", True),
        ("is-xml", "<a b></a>", None, False),
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
        ("SELECT id, name FROM users; -- all", None, True),
        ("-- nothing", None, False),
        ("SELECT id name FROM users", None, False),
        ("SELECT FROM users", None, False),
        ("please select the users", None, False),
        ("INSERT INTO t (a, b) VALUES (1)", None, False),
        ("SELECT a::int FROM b", {"databaseType": "PostgreSQL"}, True),
        ("SELECT a FROM users", {"allowedTables": ["select::null::users"]}, True),
        ("SELECT a FROM other", {"allowedTables": ["select::null::users"]}, False),
        ("INSERT INTO a SELECT b FROM c", {"allowedTables": ["(select|insert)::null::(a|c)"]}, True),
        ("WITH x AS (SELECT 1 FROM y) SELECT * FROM x", {"allowedTables": ["select::null::y"]}, False),
        ("WITH x AS (SELECT 1 FROM y) SELECT * FROM x", {"allowedTables": ["select::null::(x|y)"]}, True),
        ("UPDATE t SET name=1", {"allowedColumns": ["update::t::name"]}, True),
        ("SELECT u.secret FROM t u", {"allowedColumns": ["select::t::name"]}, False),
        ("DELETE FROM t WHERE id=1", {"allowedColumns": ["select::null::id", "delete::t::(.*)"]}, True),
    ],
)
def test_sql(judge: Judge, output: str, value: Any, *, passed: bool) -> None:
    """A statement must be whole, of the database's dialect, and touch only what is allowed."""
    assert judge("is-sql", output, value=value).passed is passed


READS = {"allowedTables": ["select::null::t"]}, {"allowedColumns": ["select::(.*)::(.*)"]}


@pytest.mark.parametrize("allowed", READS)
@pytest.mark.parametrize(
    "output",
    [
        "TRUNCATE t",
        "TRUNCATE TABLE t",
        "ALTER TABLE t ADD COLUMN x INT",
        "ALTER TABLE t DROP COLUMN x",
        "ALTER TABLE t RENAME TO u",
        "CREATE TABLE t (a INT)",
        "DROP TABLE t",
        "SELECT a FROM t; DROP TABLE t",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d",
        "WITH t AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM t",
    ],
)
def test_lists_of_reads_let_no_write_through(judge: Judge, output: str, allowed: Any) -> None:
    """Where only reads are allowed, of tables or of columns, whatever changes something is not."""
    assert judge("is-sql", output).passed
    assert judge("is-sql", "SELECT a FROM t", value=allowed).passed
    assert not judge("is-sql", output, value=allowed).passed


@pytest.mark.parametrize(
    ("output", "named"),
    [
        ("TRUNCATE t", "truncate::null::t"),
        ("ALTER TABLE t ADD COLUMN x INT", "alter::null::t"),
        ("SHOW TABLES", "show::null::null"),
        ("USE d", "use::d::null"),
        ("GRANT SELECT ON t TO u", "grant::null::t"),
        ("CALL p()", "call::null::null"),
        ("CREATE INDEX i ON t (a)", "create::null::t"),
        ("SELECT 1 INTO t", "create::null::t"),
        ("WITH t AS (SELECT 1) SELECT * FROM t", "select::null::t"),
    ],
)
def test_what_a_list_must_name(judge: Judge, output: str, named: str) -> None:
    """Each kind of statement has its name in a list of tables, and no other lets it through."""
    assert judge("is-sql", output, value={"allowedTables": [named]}).passed
    assert not judge("is-sql", output, value={"allowedTables": ["select::null::other"]}).passed


@pytest.mark.parametrize(
    ("output", "database", "passed"),
    [
        ("SELECT * FROM t ORDER BY a DESC NULLS LAST", "MySQL", False),
        ("SELECT * FROM t ORDER BY a DESC NULLS LAST", "PostgreSQL", True),
        ("SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY a) = 1", "MariaDB", False),
        ("SELECT `a` FROM `t`", "MySQL", True),
        ("SELECT `a` FROM `t`", "PostgreSQL", False),
        ("SELECT 1", "nosuch", False),
    ],
)
def test_databases(judge: Judge, output: str, database: str, *, passed: bool) -> None:
    """A statement is judged by the grammar of its database; nothing is valid for one that nobody knows."""
    assert judge("is-sql", output, value={"databaseType": database}).passed is passed


def test_sql_is_judged_in_silence(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    """A statement that the parser only knows by its first word is judged without a word of its own."""
    assert judge("is-sql", "CALL p(1)").passed
    assert caplog.text == ""


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
