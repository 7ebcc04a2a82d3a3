"""The one empty mapping, which most objects of a large run hold somewhere; nobody changes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_NOTHING: Final[dict[str, Any]] = {}


def nothing() -> Mapping[str, Any]:
    """Return the empty mapping that all share."""
    return _NOTHING
