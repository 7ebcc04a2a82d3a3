"""Assertions on JSON: the whole output, or an object inside it, with or without a schema."""

from __future__ import annotations

from typing import Any

from sojourn.assertions.embedded import objects_in
from sojourn.assertions.foreseen import foreseen_by
from sojourn.assertions.reading import parse_json, text_of
from sojourn.assertions.schemas import schema_check
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, failing, passing
from sojourn.protocols import ClaimContext


def _schema(claim: Claim) -> None:
    if claim.value or isinstance(claim.value, bool):
        schema_check(claim.value)


@foreseen_by(_schema)
def is_json(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the whole output is JSON, and fits the schema if the value gives one."""
    try:
        value = parse_json(text_of(reply))
    except ValueError as error:
        return failing(f"Expected output to be valid JSON: {error}")
    wrong = _wrong(claim.value, value)
    return failing(f"The JSON does not fit the schema: {wrong}") if wrong else passing()


@foreseen_by(_schema)
def contains_json(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds a JSON object that fits the schema, if the value gives one."""
    wrong = "Expected output to contain valid JSON"
    for value in objects_in(text_of(reply)):
        found = _wrong(claim.value, value)
        if not found:
            return passing()
        wrong = f"The JSON does not fit the schema: {found}"
    return failing(wrong)


def _wrong(schema: Any, value: Any) -> str:
    return schema_check(schema)(value) if schema or isinstance(schema, bool) else ""
