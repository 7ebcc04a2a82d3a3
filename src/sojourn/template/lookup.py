"""Finding things in values: `owner.name`, `owner[key]`, `item in collection`."""

from __future__ import annotations

import math
from typing import Any

from sojourn.errors import TemplateError
from sojourn.template.units import char, length
from sojourn.template.values import UNDEFINED, same, to_text


def within(item: Any, collection: Any) -> bool:
    """Answer `item in collection`; raises TemplateError where the collection is none."""
    if isinstance(collection, str):
        return to_text(item) in collection
    if isinstance(collection, list | tuple):
        return any(same(item, other) for other in collection)
    if isinstance(collection, dict):
        return _key(collection, item) is not None
    raise TemplateError(f'"in" looks for {to_text(item)!r} in what is no text, array or object')


def _key(owner: dict[Any, Any], name: Any) -> Any:
    """Return the key under which an object has a name: YAML writes some keys as numbers."""
    text = to_text(name)
    if text in owner:
        return text
    if not isinstance(name, list | dict) and name in owner:
        return name
    return next((key for key in owner if not isinstance(key, str) and to_text(key) == text), None)


def member(owner: Any, name: Any) -> Any:
    """Return `owner.name` or `owner[name]`; UNDEFINED where there is none, at any depth."""
    if isinstance(owner, dict):
        if isinstance(name, str) and name in owner:
            return owner[name]
        key = _key(owner, name)
        return owner[key] if key is not None else _method(owner, name)
    if isinstance(name, bool | None | list | dict):
        return UNDEFINED
    if isinstance(owner, str | list | tuple):
        place = _place(name)
        if place is not None:
            return _item(owner, place)
        if name == "length":
            return length(owner) if isinstance(owner, str) else len(owner)
    return _method(owner, name)


def _place(name: Any) -> int | None:
    if isinstance(name, str):
        return int(name) if name.isascii() and name.isdecimal() and len(name) < 10 else None
    if isinstance(name, int | float) and math.isfinite(name) and name == int(name) and name >= 0:
        return int(name)
    return None


def _item(owner: Any, place: int) -> Any:
    if not isinstance(owner, str):
        return owner[place] if place < len(owner) else UNDEFINED
    return char(owner, place)


def _method(owner: Any, name: Any) -> Any:
    if owner is None or owner is UNDEFINED or not isinstance(name, str):
        return UNDEFINED
    from sojourn.template.members import method

    return method(owner, name)
