"""Assertions on SQL: the whole output, or a fenced block in it, with or without lists of what it may touch."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sojourn.assertions.foreseen import foreseen_by
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
    | {"Alter", "Drop", "TruncateTable", "Use", "Set", "Show", "Describe", "Transaction", "Commit", "Rollback", "Grant"}
)
_COMMANDS = frozenset({"CALL", "EXPLAIN", "GRANT", "REVOKE", "SHOW"})
_KINDS = {"TruncateTable": "truncate", "Into": "create"} | {
    name: name.lower()
    for name in ("Insert", "Update", "Delete", "Create", "Drop", "Alter", "Merge", "Grant", "Show", "Use")
}
_OF_ALL = frozenset({"drop", "truncate", "alter", "grant"})
"""Kinds of statements that do what they do to each table that they name."""
_OF_ROWS = frozenset({"insert", "delete", "drop", "truncate", "alter", "merge"})
"""Kinds of statements that change more than the columns that they name."""
_REPLACE = re.compile(r"^\s*REPLACE\s+INTO\b", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]{0,3}(`{3,}|~{3,})[ \t]*(\w*)[^\n]*\n(.*?)^[ \t]{0,3}\1", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_MODIFIER = r"(?:all|distinct|distinctrow|high_priority|straight_join|sql_\w+)"
_SLIPS = re.compile(
    rf"\bselect\s+(?:{_MODIFIER}\s+)*(?!{_MODIFIER}\b)[a-z_]\w*\s+[a-z_]\w*\s+from\b"  # a comma is missing
    r"|,\s*from\b|^\s*from\b|\b(?:order|group)\s*(?:;|$)|^\s*delete\b(?!.*\bfrom\b)",
    re.IGNORECASE | re.DOTALL,
)
_NOT_MYSQL = re.compile(
    r"\bgenerate_series\s*\(|\[\w+\]|\bilike\b|\bnulls\s+(?:first|last)\b|\bqualify\b|^\s*merge\s+into\b",
    re.IGNORECASE,
)
_NEVER = re.compile(r"(?!)")


def _options(claim: Claim) -> tuple[str, dict[str, re.Pattern[str]]]:
    """Return the database, and patterns of the tables and columns that may be touched."""
    value = claim.value or {}
    if not isinstance(value, Mapping):
        raise ClaimError(f"{claim.type} needs an object as its value: databaseType, allowedTables, allowedColumns")
    database = str(value.get("databaseType") or "MySQL")
    allowed = {"table": value.get("allowedTables"), "column": value.get("allowedColumns")}
    patterns = {what: _patterns(forms, bare=what == "column") for what, forms in allowed.items() if forms}
    return database, patterns


def _foresee(claim: Claim) -> None:
    database, _ = _options(claim)
    if database.lower() not in _DIALECTS:
        raise ClaimError(f"unknown databaseType {database!r}", todo=f"known: {', '.join(sorted(_DIALECTS))}")


@foreseen_by(_foresee)
def is_sql(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output is a statement of the database's SQL that touches only what it may."""
    wrong = _wrong(claim, text_of(reply))
    return judged(not wrong, float(not wrong), wrong)


@foreseen_by(_foresee)
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
    database, allowed = _options(claim)
    dialect = _DIALECTS.get(database.lower())
    if dialect is None:
        return f"unknown databaseType {database!r}; known are {', '.join(sorted(_DIALECTS))}"
    statements = _parsed(text, dialect)
    if not statements:
        return f"The SQL is not valid for {database}"
    touched = {"table": sorted(_tables(statements)), "column": sorted(_columns(statements))}
    for what, patterns in allowed.items():
        beyond = [one for one in touched[what] if not patterns.fullmatch(one)]
        if beyond:
            return f"The SQL uses a {what} that is not allowed: {', '.join(beyond)}"
    return ""


def _patterns(allowed: Any, *, bare: bool) -> re.Pattern[str]:
    """Join what is allowed into one pattern; `bare` columns may stand without the table that the list gives."""
    forms = [str(one) for one in allowed] if isinstance(allowed, list) else [str(allowed)]
    parts = [form.split("::") for form in forms]
    if bare:
        forms += [f"{part[0]}::null::{part[2]}" for part in parts if len(part) == 3]
    try:
        return re.compile("|".join(f"(?:{form})" for form in forms), re.IGNORECASE)
    except re.error as error:
        raise ClaimError(f"what is allowed is no pattern: {error}") from error


def _parsed(text: str, dialect: str) -> list[Any]:
    """Return the statements of a text, or nothing where one of them is no statement."""
    import sqlglot
    from sqlglot import errors, exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what is judged here
    bare = _QUOTED.sub(" ? ", text)
    foreign = _NOT_MYSQL if dialect == "mysql" else _NEVER
    if not text.strip() or text.count("`") % 2 or _SLIPS.search(bare) or foreign.search(bare):
        return []
    try:
        found = sqlglot.parse(_REPLACE.sub("INSERT INTO", text), read=dialect or None)
    except (errors.SqlglotError, RecursionError):
        return []
    statements = [one for one in found if one is not None and not isinstance(one, exp.Semicolon)]
    return statements if all(map(_is_whole, statements)) else []


def _is_whole(statement: Any) -> bool:
    """Tell whether something is a statement with all that it needs: the parser lets a lot pass."""
    from sqlglot import exp

    if isinstance(statement, exp.Command):
        return str(statement.this).upper() in _COMMANDS
    if type(statement).__name__ not in _STATEMENTS:
        return False
    if isinstance(statement, exp.Insert) and not _rows_fit(statement):
        return False
    return all(select.expressions for select in statement.find_all(exp.Select))


def _rows_fit(insert: Any) -> bool:
    """Tell whether each row of an INSERT has as many values as there are columns."""
    from sqlglot import exp

    target, source = insert.this, insert.expression
    if not isinstance(target, exp.Schema) or not isinstance(source, exp.Values):
        return True
    return all(len(row.expressions) == len(target.expressions) for row in source.expressions)


def _kind(statement: Any) -> str:
    """Name what a statement does, as lists of what is allowed do."""
    name = type(statement).__name__
    return str(statement.this).lower() if name == "Command" else _KINDS.get(name, "select")


def _tables(statements: list[Any]) -> Iterator[str]:
    """Give each table as `kind::database::name`, as lists of what is allowed write them."""
    from sqlglot import exp

    for statement in statements:
        kind = _kind(statement)
        changed = {id(_target(part)): _kind(part) for part in _changes(statement)}
        if isinstance(statement, exp.Command | exp.Show):
            yield f"{kind}::null::null"
        for table in statement.find_all(exp.Table):
            if kind == "use":
                yield f"use::{table.name}::null"
            elif table.name:
                mine = kind if kind in _OF_ALL else changed.get(id(table), "select")
                yield f"{mine}::{table.db or 'null'}::{table.name}"


def _changes(statement: Any) -> Iterator[Any]:
    """Give a statement, and those in it that change something: a WITH may hold a DELETE, a SELECT end in an INTO."""
    from sqlglot import exp

    yield statement
    yield from statement.find_all(exp.Insert, exp.Update, exp.Delete, exp.Into, bfs=False)


def _target(statement: Any) -> Any:
    """Return the table that a statement changes."""
    from sqlglot import exp

    target = statement.args.get("this")
    if isinstance(target, exp.Index):
        return target.args.get("table")
    return target.this if isinstance(target, exp.Schema | exp.UserDefinedFunction) else target


def _columns(statements: list[Any]) -> Iterator[str]:
    """Give each column as `kind::table::name`; `*`, and whole rows that are written, are `(.*)`."""
    from sqlglot import exp

    for statement in statements:
        names = {table.alias_or_name: table.name for table in statement.find_all(exp.Table)}
        written = {id(one.this) for update in statement.find_all(exp.Update) for one in update.expressions}
        for column in statement.find_all(exp.Column):
            name = "(.*)" if isinstance(column.this, exp.Star) else column.name
            kind = "update" if id(column) in written else "select"
            yield f"{kind}::{names.get(column.table, column.table) or 'null'}::{name}"
        if any(isinstance(one, exp.Star) for select in statement.find_all(exp.Select) for one in select.expressions):
            yield "select::null::(.*)"
        for part in {id(part): part for part in _changes(statement)}.values():
            yield from _written(part)


def _written(statement: Any) -> Iterator[str]:
    """Give the columns that a statement makes, or fills, or takes away."""
    from sqlglot import exp

    made = [column.name for column in statement.find_all(exp.ColumnDef)]
    for name in made:
        yield f"select::null::{name}"
        yield f"create::null::{name}"
    kind = _kind(statement)
    if kind not in _OF_ROWS or made:
        return
    columns = statement.this.expressions if isinstance(statement.this, exp.Schema) else []
    tables = [_target(statement)] if kind not in _OF_ALL else statement.find_all(exp.Table)
    for table in tables:
        for name in [column.name for column in columns] or ["(.*)"]:
            yield f"{kind}::{table.name}::{name}"
