"""The JSON schema of a configuration, for editors: made of the keys that there are, so that it knows no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sojourn import registry
from sojourn.config import keys
from sojourn.config.claims import SETS
from sojourn.config.keys import Check, Kind, Table
from sojourn.model.session import Isolation, Scope

Schema = dict[str, Any]

_TYPES = {str: ["string"], int: ["integer"], float: ["number"], bool: ["boolean"], dict: ["object"], list: ["array"]}
_SCALARS: Final = ["string", "number", "boolean"]
_CHECKS: dict[Check, Schema] = {
    keys.count: {"type": ["integer", "string"], "minimum": 1},
    keys.wait: {"type": ["number", "string"], "minimum": 0},
    keys.numeric: {"type": ["number", "string"]},
    keys.texts: {"type": "array", "items": {"type": "string"}},
    keys.text_or_texts: {"type": ["string", "array"], "items": {"type": "string"}},
    keys.scalars: {"type": "object", "additionalProperties": {"type": _SCALARS}},
    keys.anything: {},
}


def schema() -> Schema:
    """Return the schema of a configuration, in draft 7."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Sojourn and promptfoo configuration",
        "type": "object",
        **_object(keys.SUITE, _suite()),
        "patternProperties": {"^(x-|_|\\.)": {}},
        "definitions": _definitions(),
    }


def _suite() -> Schema:
    providers = {"type": ["string", "array"], "items": _named("provider")}
    return {
        "providers": providers,
        "targets": providers,
        "prompts": {"type": ["string", "array", "object"], "items": _named("prompt")},
        "tests": {
            "type": ["string", "array", "object"],
            **_tests(),
            "items": {"type": ["string", "object"], **_tests()},
        },
        "scenarios": {"type": ["string", "array"], "items": _named("scenario")},
        "defaultTest": _named("test"),
        "sessions": {"type": ["string", "object"], "additionalProperties": _named("session", "object")},
        "evaluateOptions": {"type": "object", **_object(keys.EVALUATE)},
        "commandLineOptions": {"type": "object", **_object(keys.COMMAND_LINE)},
        "derivedMetrics": {"type": "array", "items": {"type": "object", **_object(keys.METRIC)}},
    }


def _tests() -> Schema:
    """Return what tells a file of tests with its own config from a test; neither says anything of a text or a list."""
    return {"if": {"required": ["path"]}, "then": _object(keys.GENERATOR), "else": _ref("test")}


def _definitions() -> Schema:
    claims = {"type": "array", "items": _named("claim", "object")}
    turns = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", **_object(keys.TURN, {"assert": claims, "options": _options()})},
    }
    some = {"type": ["string", "array"], "items": {"type": ["string", "object"], **_tests()}}
    provider = _object(keys.PROVIDER, {"session": _named("session", "object")})
    session = {
        "scope": {"enum": [scope.value for scope in Scope]},
        "isolation": {"enum": [one.value for one in Isolation]},
        "pool": {"type": "object", **_object(keys.POOL)},
        "kind": {"anyOf": [{"enum": registry.names("session kind")}, {"type": "string"}]},
    }
    return {
        "test": _object(keys.TEST, {"assert": claims, "options": _options(), "turns": turns}),
        "claim": _object(keys.ASSERTION, {"type": {"enum": _claim_types()}, "assert": claims}),
        "provider": {
            "if": {"required": ["id"]},
            "then": provider,
            "else": {
                "maxProperties": 1,
                "properties": {"$ref": {}},
                "additionalProperties": {"type": ["object", "null"], **provider},
            },
        },
        "prompt": _object(keys.PROMPT),
        "scenario": _object(keys.SCENARIO, {"tests": some, "config": some}),
        "session": _object(keys.SESSION, session),
    }


def _options() -> Schema:
    """Return the options of a test: others than those that we know are for the provider."""
    return {"type": "object", **_object(keys.OPTIONS), "additionalProperties": True}


def _claim_types() -> list[str]:
    names = registry.names("assertion")
    return [*names, *(f"not-{name}" for name in names), *SETS]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _named(name: str, *types: str) -> Schema:
    return {"type": [*(types or ("string", "object"))], "allOf": [_ref(name)]}


def _object(table: Table, special: Mapping[str, Schema] | None = None) -> Schema:
    """Return what a mapping of these keys is; it may refer elsewhere instead, and a key may be left empty."""
    found = {key: {**_value(check), **((special or {}).get(key) or {})} for key, check in table.items()}
    properties = {key: _or_nothing(value) for key, value in found.items()}
    return {"properties": {"$ref": {"type": "string"}, **properties}, "additionalProperties": False}


def _value(check: Check) -> Schema:
    if isinstance(check, Kind):
        return {"type": [name for one in check.types for name in _TYPES[one]], "description": check.expected}
    told = check(object())
    return {**_CHECKS[check], "description": told} if told else dict(_CHECKS[check])


def _or_nothing(value: Schema) -> Schema:
    if "enum" in value:
        return {**value, "type": ["string", "null"], "enum": [*value["enum"], None]}
    kinds = value.get("type")
    return {**value, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]} if kinds else value
