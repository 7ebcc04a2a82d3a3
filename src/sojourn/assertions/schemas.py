"""JSON Schema: a schema is checked for keywords that nobody knows, compiled once, and applied many times."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from sojourn.errors import ClaimError

Check = Callable[[Any], str]
"""Returns what is wrong with a value, or an empty text."""

_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLES = frozenset(
    {"items", "additionalItems", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_PLAIN = frozenset(
    {"$schema", "$id", "$ref", "$comment", "$anchor", "$vocabulary", "title", "description", "default", "examples"}
    | {"deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "type", "nullable", "enum"}
    | {"const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength"}
    | {"pattern", "format", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains", "maxProperties"}
    | {"minProperties", "required", "dependencies", "dependentRequired", "discriminator"}
)
_KNOWN = _MAPS | _LISTS | _SINGLES | _PLAIN

_FORMATS: dict[str, str] = {
    "binary": r"[\s\S]*\Z",
    "byte": r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z",
    "duration": r"^P(?!\Z)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)\Z",
    "iso-date-time": r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?\Z",
    "iso-time": r"^\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?\Z",
    "json-pointer-uri-fragment": r"^#(?:/(?:[A-Za-z0-9_\-.!$&'()*+,;:=@]|%[0-9A-Fa-f]{2}|~0|~1)*)*\Z",
    "password": r"[\s\S]*\Z",
    "relative-json-pointer": r"^(?:0|[1-9]\d*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)\Z",
    "time": r"^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)\Z",
    "url": r"^(?:https?|ftp)://(?:\S+(?::\S*)?@)?[^\s/?#.][^\s/?#]*\.[^\s/?#]{2,}(?::\d{2,5})?(?:[/?#]\S*)?\Z",
    "uuid": r"^(?:urn:uuid:)?[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\Z",
}
_NUMBER_FORMATS = frozenset({"int32", "int64", "float", "double"})
_BUILT_IN = frozenset(
    {"date", "date-time", "email", "hostname", "ipv4", "ipv6", "json-pointer", "regex", "uri"}
    | {"uri-reference", "uri-template", "idn-email", "idn-hostname", "iri", "iri-reference"}
)


def schema_check(schema: Any) -> Check:
    """Return the check for a schema: an object, a boolean, or YAML or JSON text; raises ClaimError."""
    if isinstance(schema, str):
        schema = _read(schema)
    if not isinstance(schema, Mapping | bool):
        raise ClaimError(f"a JSON schema must be an object, not {type(schema).__name__}")
    try:
        return _compiled(json.dumps(schema, default=str))
    except (TypeError, ValueError) as error:
        raise ClaimError(f"the JSON schema is no JSON: {error}") from error


def _read(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  both are safe
    except yaml.YAMLError as error:
        raise ClaimError(f"the JSON schema cannot be read: {error}") from error


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> Check:
    import fastjsonschema

    schema = json.loads(text)
    _walk(schema, "#")
    try:
        validate = fastjsonschema.compile(
            _nullable(schema),
            handlers=dict.fromkeys(("http", "https", "file", "ftp", ""), _no_fetch),
            formats={**_FORMATS, **dict.fromkeys(_NUMBER_FORMATS, "")},
            use_default=False,
        )
    except (fastjsonschema.JsonSchemaDefinitionException, re.error, RecursionError, ValueError, TypeError) as error:
        raise ClaimError(f"the JSON schema is not valid: {error}") from error

    def check(value: Any) -> str:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException as error:
            return str(error.message)
        except RecursionError:
            return "the value is nested too deeply"
        return ""

    return check


def _no_fetch(uri: str) -> NoReturn:
    raise ClaimError(f"the JSON schema refers to {uri}, which is not fetched", todo="put it into the schema itself")


def _walk(schema: Any, place: str) -> None:
    """Refuse a keyword or format that nobody knows: most likely a slip, which would check nothing."""
    if not isinstance(schema, Mapping):
        return
    for key, value in schema.items():
        where = f"{place}/{key}"
        if key not in _KNOWN:
            raise ClaimError(f"unknown keyword {key!r} in the JSON schema at {place}")
        if key == "format" and value not in _BUILT_IN | _FORMATS.keys() | _NUMBER_FORMATS:
            raise ClaimError(f"unknown format {value!r} in the JSON schema at {place}")
        for inner in _inner(key, value):
            _walk(inner, where)


def _inner(key: str, value: Any) -> list[Any]:
    if key in _MAPS and isinstance(value, Mapping):
        return list(value.values())
    if key in _LISTS and isinstance(value, list):
        return value
    if key in _SINGLES:
        return value if isinstance(value, list) else [value]
    return []


def _nullable(schema: Any) -> Any:
    """Write OpenAPI's `nullable: true` as a type that may be null."""
    if isinstance(schema, list):
        return [_nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: _nullable(value) if key not in ("enum", "const", "default") else value for key, value in schema.items()
    }
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
