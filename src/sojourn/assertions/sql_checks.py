"""Assertions on SQL: the whole output, or a fenced block in it, with or without lists of what it may touch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sojourn.assertions.reading import text_of
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, failing, judged, passing
from sojourn.protocols import ClaimContext

_DIALECTS = {
    "athena": "athena",
    "bigquery": "bigquery",
    "db2": "",
    "flinksql": "",
    "hive": "hive",
    "mariadb": "mysql",
    "mysql": "mysql",
    "noql": "",
    "postgres": "postgres",
    "postgresql": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "sqlite": "sqlite",
    "transactsql": "tsql",
    "trino": "trino",
}
_STATEMENTS = frozenset(
    {"Select", "Union", "Intersect", "Except", "Subquery", "Values", "Insert", "Update", "Delete", "Merge", "Create"}
    | {"Alter", "Drop", "TruncateTable", "Use", "Set", "Show", "Describe", "Transaction", "Commit", "Rollback"}
)
_FENCE = re.compile(r"^[ \t]{0,3}(`{3,}|~{3,})[ \t]*(\w*)[^\n]*\n(.*?)^[ \t]{0,3}\1", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_TWO_NAMES = re.compile(
    r"\bselect\s+(?:(?:all|distinct|distinctrow|high_priority|straight_join|sql_\w+)\s+)*"
    r"(?!(?:all|distinct|distinctrow|high_priority|straight_join|sql_\w+)\b)[a-z_]\w*\s+[a-z_]\w*\s+from\b",
    re.IGNORECASE,
)


def is_sql(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output is a statement of the database's SQL that touches only what it may."""
    wrong = _wrong(claim, text_of(reply))
    return judged(not wrong, float(not wrong), wrong)


def contains_sql(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when a fenced block of the output, or else the whole of it, is SQL as `is-sql` has it."""
    output = text_of(reply).replace("\r\n", "\n")
    fenced = [found[3] for found in _FENCE.finditer(output) if found[2].lower() in ("", "sql")]
    wrong = "Expected output to contain SQL"
    for candidate in fenced or [output]:
        wrong = _wrong(claim, candidate)
        if not wrong:
            return passing()
    return failing(wrong)


def _wrong(claim: Claim, text: str) -> str:
    """Say what is wrong with a statement, or nothing."""
    value = claim.value or {}
    if not isinstance(value, Mapping):
        raise ClaimError(f"{claim.type} needs an object as its value: databaseType, allowedTables, allowedColumns")
    database = str(value.get("databaseType") or "MySQL")
    dialect = _DIALECTS.get(database.lower())
    if dialect is None:
        raise ClaimError(f"unknown databaseType {database!r}", todo=f"known: {', '.join(sorted(_DIALECTS))}")
    statements = _parsed(text, dialect)
    if not statements:
        return f"The SQL is not valid for {database}"
    touched = {"table": sorted(_tables(statements)), "column": sorted(_columns(statements))}
    for what, key in (("table", "allowedTables"), ("column", "allowedColumns")):
        if value.get(key):
            beyond = [one for one in touched[what] if not _allowed(one, value[key])]
            if beyond:
                return f"The SQL uses a {what} that is not allowed: {', '.join(beyond)}"
    return ""


def _parsed(text: str, dialect: str) -> list[Any]:
    """Return the statements of a text, or nothing where one of them is no statement."""
    import sqlglot
    from sqlglot import errors

    bare = _QUOTED.sub(" ? ", text)
    if not text.strip() or text.count("`") % 2 or _TWO_NAMES.search(bare):
        return []
    if dialect == "mysql" and re.search(r"\bgenerate_series\s*\(", bare, re.IGNORECASE):
        return []
    try:
        found = [one for one in sqlglot.parse(text, read=dialect or None) if one is not None]
    except (errors.SqlglotError, RecursionError):
        return []
    return found if all(type(one).__name__ in _STATEMENTS and _complete(one) for one in found) else []


def _complete(statement: Any) -> bool:
    """Tell whether every SELECT selects something: the parser lets an empty list pass."""
    from sqlglot import exp

    return all(select.expressions for select in statement.find_all(exp.Select))


def _allowed(used: str, patterns: Any) -> bool:
    kind, owner, name = used.split("::")
    forms = {used, f"{kind}::null::{name}"} if owner != "null" else {used}
    return any(re.fullmatch(str(pattern), form, re.IGNORECASE) for pattern in patterns for form in forms)


def _kind(statement: Any) -> str:
    from sqlglot import exp

    kinds = {exp.Insert: "insert", exp.Update: "update", exp.Delete: "delete", exp.Create: "create", exp.Drop: "drop"}
    return next((name for kind, name in kinds.items() if isinstance(statement, kind)), "select")


def _tables(statements: list[Any]) -> Iterator[str]:
    """Give each table as `kind::database::name`, as lists of what is allowed write them."""
    from sqlglot import exp

    for statement in statements:
        kind, target = _kind(statement), statement.args.get("this")
        target = target.this if isinstance(target, exp.Schema) else target
        locals_ = {table.alias_or_name for table in statement.find_all(exp.CTE)}
        for table in statement.find_all(exp.Table):
            if table.name and (table.db or table.name not in locals_):
                yield f"{kind if table is target else 'select'}::{table.db or 'null'}::{table.name}"


def _columns(statements: list[Any]) -> Iterator[str]:
    """Give each column as `kind::table::name`; `*` is written `(.*)`."""
    from sqlglot import exp

    for statement in statements:
        kind = _kind(statement)
        names = {table.alias_or_name: table.name for table in statement.find_all(exp.Table)}
        for column in statement.find_all(exp.Column):
            name = "(.*)" if isinstance(column.this, exp.Star) else column.name
            yield f"{kind}::{names.get(column.table, column.table) or 'null'}::{name}"
        if any(isinstance(one, exp.Star) for select in statement.find_all(exp.Select) for one in select.expressions):
            yield f"{kind}::null::(.*)"
