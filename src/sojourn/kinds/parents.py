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
