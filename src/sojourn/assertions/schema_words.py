"""A JSON schema written in the words of the library that compiles it.

Schemas mean what they mean to promptfoo's users: patterns are JavaScript's, formats are checked, `$ref` may have
keywords beside it. The library means some of it otherwise, and lets checks of our own in as formats.
"""

from __future__ import annotations

import re
from typing import Any

from sojourn.assertions import schema_rules as rules
from sojourn.assertions.schema_formats import INTEGERS, UNCHECKED, Format, moment
from sojourn.errors import ClaimError
from sojourn.template.regexp import unicode_pattern

_KEPT = (
    (rules.MAPS - {"dependentSchemas"})
    | (rules.LISTS - {"prefixItems"})
    | rules.SINGLES
    | {"$id", "dependencies", "enum", "const", "type", "multipleOf", "maximum", "exclusiveMaximum", "minimum"}
    | {"exclusiveMinimum", "maxLength", "minLength", "maxItems", "minItems", "uniqueItems", "maxProperties"}
    | {"minProperties"}
)
_MARK = re.compile(r"check-\d+\b")


class Words:
    """Writes a schema in the library's words, with checks of our own as its formats."""

    def __init__(self) -> None:
        self.checks: dict[str, Format] = {}
        self.meanings: dict[str, str] = {}

    def told(self, message: str) -> str:
        """Say in a message of the library what our checks look for."""
        return _MARK.sub(lambda found: self.meanings.get(found[0], found[0]), message)

    def lowered(self, schema: Any) -> Any:
        """Write a schema so that everything in it stays where references look for it."""
        if not isinstance(schema, dict):
            return schema
        made = {key: self._inside(key, value) for key, value in schema.items() if key in _KEPT}
        if schema.get("nullable") is True:
            made["type"] = [*_listed(schema["type"]), "null"]
        if "prefixItems" in schema:
            made.pop("items", None)
        more = [part for key, value in schema.items() for part in self._written(key, value, schema)]
        if more:
            made["allOf"] = [*made.get("allOf", []), *more]
        return made

    def _inside(self, key: str, value: Any) -> Any:
        if key == "patternProperties":
            return self._patterns(value)
        if key in rules.MAPS or key == "dependencies":
            return {name: self.lowered(inner) for name, inner in value.items()}
        if key in rules.LISTS or (key == "items" and isinstance(value, list)):
            return [self.lowered(inner) for inner in value]
        return self.lowered(value) if key in rules.SINGLES else value

    def _patterns(self, properties: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for pattern, inner in properties.items():
            translated = _pattern(pattern).pattern
            while translated in made:  # two patterns of JavaScript may be one of Python
                translated += "(?:)"
            made[translated] = self.lowered(inner)
        return made

    def _written(self, key: str, value: Any, schema: dict[str, Any]) -> list[Any]:
        """Write a keyword that the library knows otherwise, or not at all, as schemas that hold besides."""
        if key in ("$ref", "required"):
            return [{key: value}]
        if key in ("dependentRequired", "dependentSchemas"):
            return [{"dependencies": {name: self.lowered(inner) for name, inner in value.items()}}]
        if key == "prefixItems":
            rows = [self.lowered(inner) for inner in value]
            return [{"items": rows, "additionalItems": self.lowered(schema.get("items", True))}]
        if key == "pattern":
            search = _pattern(value).search
            return [self._check(lambda text: search(text) is not None, f"a match of the pattern {value!r}")]
        if key == "format":
            return _format(value)
        return [self._limit(key, value)] if key in rules.LIMITS else []

    def _limit(self, key: str, limit: str) -> dict[str, Any]:
        bound = moment(limit)
        if bound is None:
            raise ClaimError(f"the JSON schema is not valid: the {key} {limit!r} is neither a date nor a time")

        def within(text: str) -> bool:
            found = moment(text)
            if found is None:
                return True  # the wrong format is told as that
            inside = found >= bound if key.endswith("Minimum") else found <= bound
            return inside and (found != bound or "Exclusive" not in key)

        return self._check(within, f"within the {key} {limit}")

    def _check(self, check: Format, meaning: str) -> dict[str, Any]:
        name = f"check-{len(self.checks)}"
        self.checks[name] = check
        self.meanings[name] = meaning
        return {"format": name}


def _listed(types: Any) -> list[Any]:
    return types if isinstance(types, list) else [types]


def _format(name: str) -> list[Any]:
    if name in UNCHECKED:
        return []
    if name not in INTEGERS:
        return [{"format": name}]
    low, high = INTEGERS[name]
    whole = {"type": ["integer", "string", "boolean", "null", "array", "object"]}
    return [whole if low is None else {**whole, "minimum": low, "maximum": high}]


def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        return unicode_pattern(pattern)
    except (re.error, RecursionError) as error:
        raise ClaimError(f"the JSON schema is not valid: the pattern {pattern!r}: {error}") from error
