"""JSON Schema: a schema is checked for what it would say in vain, compiled once, and applied many times."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from sojourn.assertions import schema_rules as rules
from sojourn.assertions.schema_formats import FORMATS
from sojourn.assertions.schema_words import Words
from sojourn.errors import ClaimError

Check = Callable[[Any], str]
"""Returns what is wrong with a value, or an empty text."""


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
    except RecursionError as error:
        raise ClaimError("the JSON schema is nested too deeply") from error


def _read(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  both are safe
    except yaml.YAMLError as error:
        raise ClaimError(f"the JSON schema cannot be read: {error}") from error


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> Check:
    schema = json.loads(text)
    if wrong := _shape()(schema):
        raise ClaimError(f"the JSON schema is not valid: {wrong}")
    rules.refuse(schema)
    words = Words()
    return _library(words.lowered(schema), words)


@functools.cache
def _shape() -> Check:
    return _library(rules.SHAPE, Words())


def _library(schema: Any, words: Words) -> Check:
    import fastjsonschema

    try:
        validate = fastjsonschema.compile(
            schema,
            handlers=dict.fromkeys(("http", "https", "file", "ftp", ""), _no_fetch),
            formats={**FORMATS, **words.checks},
            use_default=False,
        )
    except ClaimError:
        raise
    except Exception as error:  # the library writes Python of a schema; what it cannot write raises whatever it likes
        raise ClaimError(f"the JSON schema is not valid: {error}") from error

    def check(value: Any) -> str:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException as error:
            return words.told(str(error.message))
        except RecursionError:
            return "the value is nested too deeply"
        except Exception as error:  # the same Python, met with a value that it did not foresee
            raise ClaimError(f"the JSON schema cannot be applied to this output: {error}") from error
        return ""

    return check


def _no_fetch(uri: str) -> NoReturn:
    raise ClaimError(f"the JSON schema refers to {uri}, which is not fetched", todo="put it into the schema itself")
