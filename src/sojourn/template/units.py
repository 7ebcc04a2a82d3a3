"""Strings counted as JavaScript does: in UTF-16 units, of which a character beyond 16 bits has two."""

from __future__ import annotations

import re
from typing import Any

from sojourn.template.values import UNDEFINED

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def wide(text: str) -> str:
    """Write each character beyond 16 bits as its two units, so that Python counts as JavaScript does."""
    return _BEYOND.sub(_split, text) if not text.isascii() else text


def narrow(text: str) -> str:
    """Undo `wide`."""
    return _PAIR.sub(_join, text) if not text.isascii() else text


def _split(found: re.Match[str]) -> str:
    code = ord(found[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def _join(found: re.Match[str]) -> str:
    high, low = found[0][0], found[0][1]
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + ord(low) - 0xDC00)


def length(text: str) -> int:
    """Return a string's length in units."""
    return len(text) if text.isascii() else len(wide(text))


def char(text: str, place: int) -> Any:
    """Return the unit at a place, or UNDEFINED."""
    units = wide(text)
    return units[place] if place < len(units) else UNDEFINED
