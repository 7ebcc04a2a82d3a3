"""Values as JSON text, letter for letter as JavaScript's JSON.stringify writes them."""

from __future__ import annotations

import math
import re
from json.encoder import encode_basestring
from typing import Any

from sojourn.template.values import UNDEFINED, Array, Function, Object, keys, number_text, to_text, weigh

_LONE = re.compile("[\ud800-\udfff]")


def json_text(value: Any, indent: str = "") -> str:
    """Write a value as JSON; `indent` is the white space of one level, empty for one line."""
    if isinstance(value, Array | Object):
        weigh(value)
    return _value(value, indent, "\n")


def is_absent(value: Any) -> bool:
    """Tell whether JSON has no word for a value: undefined, or a function."""
    return value is UNDEFINED or isinstance(value, Function)


def _value(value: Any, indent: str, line: str) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or is_absent(value):
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "null" if isinstance(value, float) and not math.isfinite(value) else number_text(value)
    if isinstance(value, dict):
        return _object(value, indent, line)
    return _array(value, indent, line) if isinstance(value, list | tuple) else _string(to_text(value))


def _string(text: str) -> str:
    quoted = encode_basestring(text)
    return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _object(value: dict[Any, Any], indent: str, line: str) -> str:
    inner = line + indent
    colon = ": " if indent else ":"
    parts = [
        _string(to_text(key)) + colon + _value(value[key], indent, inner)
        for key in keys(value)
        if not is_absent(value[key])
    ]
    return _wrapped("{", parts, "}", indent, line)


def _array(value: list[Any] | tuple[Any, ...], indent: str, line: str) -> str:
    return _wrapped("[", [_value(item, indent, line + indent) for item in value], "]", indent, line)


def _wrapped(start: str, parts: list[str], end: str, indent: str, line: str) -> str:
    if not parts or not indent:
        return start + ",".join(parts) + end
    inner = line + indent
    return start + inner + f",{inner}".join(parts) + line + end
