"""What a session takes from the sessions that it lives in, such as the URL of the server that a parent has started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def told(config: Mapping[str, Any], key: str, parents: Mapping[str, Any]) -> str:
    """Return what the configuration says, or else the first parent that has it; raises ValueError where none does."""
    if config.get(key):
        return str(config[key])
    for parent in parents.values():
        found = parent.get(key) if isinstance(parent, dict) else getattr(parent, key, "")
        if found:
            return str(found)
    raise ValueError(f"it needs a {key}: write it under config, or give it a parent that has one")


def field_of(parent: Any, name: str, field: str) -> str:
    """Return a field of a parent, as a text; raises ValueError where it has none."""
    known = parent if isinstance(parent, dict) else getattr(parent, "handle", None) or {}
    found = known.get(field) if isinstance(known, dict) else None
    if found is None and not isinstance(parent, dict):
        found = getattr(parent, field, None)
    if found is None:
        raise ValueError(f"the session {name!r} has no {field!r}; it has {', '.join(map(str, known)) or 'no fields'}")
    return str(found)
