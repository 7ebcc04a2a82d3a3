"""What a session's configuration takes from the sessions that it lives in: `{parent.field}` in any of its texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLACE = re.compile(r"(?<!\{)\{([\w-]+)\.(\w+)\}(?!\})")


def filled(value: Any, handles: Mapping[str, Any]) -> Any:
    """Return a configuration in which fields of the parents' handles stand; what names no parent stays as it is.

    Raises LookupError where a parent has no such field. A handle that is no mapping has the one field `id`.
    """
    if isinstance(value, Mapping):
        return {key: filled(item, handles) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, handles) for item in value]
    if not isinstance(value, str):
        return value
    return _PLACE.sub(lambda found: _field(found, handles), value)


def _field(found: re.Match[str], handles: Mapping[str, Any]) -> str:
    name, field = found.groups()
    if name not in handles:
        return found[0]
    handle = handles[name]
    known = handle if isinstance(handle, Mapping) else {"id": handle}
    if known.get(field) is None:
        raise LookupError(f"the session {name!r} has no {field!r}; it has {', '.join(map(str, known)) or 'no fields'}")
    return str(known[field])
