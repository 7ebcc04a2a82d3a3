"""What a JSON schema may say: nothing that would check nothing, for it is most likely a slip."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sojourn.assertions.schema_formats import FORMATS, INTEGERS, ORDERED, UNCHECKED
from sojourn.errors import ClaimError

Shape = dict[str, Any]

MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
SINGLES = frozenset(
    {"items", "additionalItems", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
)
LIMITS = frozenset({"formatMinimum", "formatMaximum", "formatExclusiveMinimum", "formatExclusiveMaximum"})
_TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"]
_DRAFTS = re.compile(r"https?://json-schema\.org/(?:draft-0[67]/|draft/2019-09/|draft/2020-12/)?schema#?")

_ANY: Shape = {}
_SCHEMA: Shape = {"$ref": "#"}
_MANY: Shape = {"type": "array", "minItems": 1, "items": _SCHEMA}
_MAP: Shape = {"type": "object", "additionalProperties": _SCHEMA}
_TEXT: Shape = {"type": "string"}
_FLAG: Shape = {"type": "boolean"}
_NUMBER: Shape = {"type": "number"}
_COUNT: Shape = {"type": "integer", "minimum": 0}
_NAMES: Shape = {"type": "array", "items": _TEXT, "uniqueItems": True}
_KEYWORDS: dict[str, Shape] = {
    **dict.fromkeys(("default", "const", "contentSchema", "$vocabulary"), _ANY),
    **dict.fromkeys(MAPS, _MAP),
    **dict.fromkeys(LISTS, _MANY),
    **dict.fromkeys(SINGLES, _SCHEMA),
    **dict.fromkeys(LIMITS, _TEXT),
    **dict.fromkeys(("$schema", "$id", "$ref", "$comment", "title", "description", "pattern", "format"), _TEXT),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _TEXT),
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly", "nullable", "uniqueItems"), _FLAG),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"), _NUMBER),
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"), _COUNT),
    "multipleOf": {"type": "number", "exclusiveMinimum": 0},
    "type": {"anyOf": [{"enum": _TYPES}, {**_NAMES, "minItems": 1, "items": {"enum": _TYPES}}]},
    "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
    "examples": {"type": "array"},
    "items": {"anyOf": [_SCHEMA, _MANY]},
    "required": _NAMES,
    "dependencies": {"type": "object", "additionalProperties": {"anyOf": [_NAMES, _SCHEMA]}},
    "dependentRequired": {"type": "object", "additionalProperties": _NAMES},
    "discriminator": {"type": "object"},
}
SHAPE: Shape = {"type": ["object", "boolean"], "properties": _KEYWORDS}
"""The JSON schema of JSON schemas: the types of what stands in them."""

_NEEDS = {
    "if": ("then", "else"),
    "then": ("if",),
    "else": ("if",),
    "nullable": ("type",),
    "additionalItems": ("items",),
    "discriminator": ("oneOf", "anyOf"),
    **dict.fromkeys(LIMITS, ("format",)),
}


def refuse(schema: Any) -> None:
    """Raise ClaimError for what a schema of the right shape says in vain, with its place."""
    if isinstance(schema, Mapping) and not _DRAFTS.fullmatch(
        draft := schema.get("$schema", "http://json-schema.org/schema")
    ):
        raise ClaimError(f"unknown $schema {draft!r} in the JSON schema", todo="write it for draft-07")
    for place, part in _parts(schema, "#"):
        if wrong := _vain(part):
            raise ClaimError(f"{wrong} in the JSON schema at {place}")


def _vain(schema: Mapping[str, Any]) -> str:
    for key in schema:
        if key not in _KEYWORDS:
            return f"unknown keyword {key!r}"
        if key in _NEEDS and not any(other in schema for other in _NEEDS[key]):
            return f"{key!r} says nothing without {' or '.join(map(repr, _NEEDS[key]))}"
    rows = isinstance(schema.get("items"), list)
    if "additionalItems" in schema and not rows:
        return "'additionalItems' says nothing without a list of 'items'"
    if "prefixItems" in schema and rows:
        return "'prefixItems' and a list of 'items' say the same"
    return _vain_format(schema)


def _vain_format(schema: Mapping[str, Any]) -> str:
    name = schema.get("format")
    if name is not None and name not in FORMATS.keys() | INTEGERS.keys() | UNCHECKED:
        return f"unknown format {name!r}"
    limits = sorted(LIMITS & schema.keys())
    return f"{limits[0]!r} cannot order the format {name!r}" if limits and name not in ORDERED else ""


def _parts(schema: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give a schema and all the schemas in it, each with its place."""
    if not isinstance(schema, Mapping):
        return
    yield place, schema
    for key, value in schema.items():
        for name, inner in _inner(key, value):
            yield from _parts(inner, f"{place}/{key}{name}")


def _inner(key: str, value: Any) -> list[tuple[str, Any]]:
    if key in MAPS or key == "dependencies":
        return [(f"/{name}", inner) for name, inner in value.items()]
    if key in LISTS or (key == "items" and isinstance(value, list)):
        return [(f"/{place}", inner) for place, inner in enumerate(value)]
    return [("", value)] if key in SINGLES else []
