"""JSON bytes for what is written down, whatever strangers put into it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


_SORTED = msgspec.json.Encoder(order="deterministic")


def encode_sorted(value: Any) -> bytes:
    """Return the value as `encode` does, the same for mappings that differ in order only."""
    try:
        return _SORTED.encode(value)
    except (UnicodeEncodeError, TypeError):
        return _SORTED.encode(writable(value))


def encode(value: Any) -> bytes:
    """Return the value as one line of JSON; half characters and odd keys, which JSON cannot carry, are replaced."""
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, TypeError):
        return _ENCODER.encode(writable(value))


def writable(value: Any) -> Any:
    """Return plain data that any format carries: keys are text, half characters are marked, NaN is null."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, Mapping):
        return {writable(str(key)): writable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [writable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, int) else writable(repr(value))
