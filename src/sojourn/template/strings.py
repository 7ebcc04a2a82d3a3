"""The methods of JavaScript strings, which count in UTF-16 units."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from sojourn.template.regexp import Regex
from sojourn.template.units import narrow
from sojourn.template.values import MOST, UNDEFINED, Array, checked, to_number, to_text, too_much

SPACE = (
    " \t\n\r\v\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


def integer(value: Any, default: int = 0) -> int:
    """Turn an argument into a whole number, held within what any string or array can have."""
    if value is UNDEFINED:
        return default
    number = to_number(value)
    if math.isnan(number):
        return 0
    return int(max(-MOST - 1, min(MOST + 1, number)))


def bounds(count: int, start: Any, end: Any) -> tuple[int, int]:
    """Turn the arguments of `slice` into places from 0 to `count`."""
    first, last = integer(start), integer(end, count)
    first = max(0, first + count) if first < 0 else min(first, count)
    last = max(0, last + count) if last < 0 else min(last, count)
    return first, max(first, last)


def _slice(text: str, start: Any = UNDEFINED, end: Any = UNDEFINED) -> str:
    first, last = bounds(len(text), start, end)
    return text[first:last]


def _substring(text: str, start: Any = UNDEFINED, end: Any = UNDEFINED) -> str:
    places = (max(0, min(integer(start), len(text))), max(0, min(integer(end, len(text)), len(text))))
    return text[min(places) : max(places)]


def _substr(text: str, start: Any = UNDEFINED, count: Any = UNDEFINED) -> str:
    first, _ = bounds(len(text), start, UNDEFINED)
    return text[first : first + max(0, integer(count, len(text)))]


def _split_at(text: str, separator: Any = UNDEFINED, limit: Any = UNDEFINED) -> Array:
    if separator is UNDEFINED:
        parts = [text]
    elif isinstance(separator, Regex):
        parts = separator.split(text)
    else:
        mark = to_text(separator)
        parts = text.split(mark) if mark else list(text)
    return Array(parts[: integer(limit, len(parts))])


def _replace(text: str, what: Any = UNDEFINED, by: Any = UNDEFINED) -> str:
    if isinstance(what, Regex):
        return what.replace(text, to_text(by))
    old = to_text(what)
    place = text.find(old)
    return text if place < 0 else _spliced(text, old, to_text(by), place)


def _spliced(text: str, old: str, by: str, place: int) -> str:
    before, after = text[:place], text[place + len(old) :]
    marks = {"$$": "$", "$&": old, "$`": before, "$'": after}
    return before + re.sub(r"\$[$&`']", lambda found: marks[found[0]], by) + after


def _replace_all(text: str, what: Any = UNDEFINED, by: Any = UNDEFINED) -> str:
    if isinstance(what, Regex):
        return what.replace(text, to_text(by), every=True)
    old, new = to_text(what), to_text(by)
    if (text.count(old) + 1) * len(new) > MOST:
        raise too_much()
    return text.replace(old, new)


def _pad(text: str, count: Any, filler: Any) -> str:
    missing = integer(count) - len(text)
    unit = " " if filler is UNDEFINED else to_text(filler)
    if integer(count) > MOST:
        raise too_much()
    return (unit * (missing // len(unit) + 1))[:missing] if missing > 0 and unit else ""


def _pad_start(text: str, count: Any = 0, filler: Any = UNDEFINED) -> str:
    return _pad(text, count, filler) + text


def _pad_end(text: str, count: Any = 0, filler: Any = UNDEFINED) -> str:
    return text + _pad(text, count, filler)


def _repeat(text: str, count: Any = 0) -> str:
    times = integer(count)
    if times < 0:
        raise ValueError("the count must not be negative")
    if times * len(text) > MOST:
        raise too_much()
    return text * times


def _match(text: str, pattern: Any = UNDEFINED) -> Any:
    return _regex(pattern).match(text)


def _search(text: str, pattern: Any = UNDEFINED) -> int:
    return _regex(pattern).search(text)


def _regex(pattern: Any) -> Regex:
    return pattern if isinstance(pattern, Regex) else Regex("" if pattern is UNDEFINED else to_text(pattern))


def _at(text: str, place: Any = UNDEFINED) -> Any:
    index = integer(place)
    index += len(text) if index < 0 else 0
    return text[index] if 0 <= index < len(text) else UNDEFINED


def _char_at(text: str, place: Any = UNDEFINED) -> str:
    index = integer(place)
    return text[index : index + 1] if index >= 0 else ""


def _char_code(text: str, place: Any = UNDEFINED) -> float:
    unit = _char_at(text, place)
    return ord(unit) if unit else math.nan


def _code_point(text: str, place: Any = UNDEFINED) -> Any:
    index = max(0, integer(place))
    units = narrow(text[index : index + 2])
    return ord(units[0]) if units else UNDEFINED


def _compare(text: str, other: Any = UNDEFINED) -> int:
    theirs = to_text(other)
    left, right = ((one.casefold(), one.swapcase()) for one in (text, theirs))
    return (left > right) - (left < right)


def _normalize(text: str, form: Any = "NFC") -> str:
    for known in ("NFC", "NFD", "NFKC", "NFKD"):
        if known == form:
            return unicodedata.normalize(known, narrow(text))
    raise ValueError("the form must be NFC, NFD, NFKC or NFKD")


def _index_of(text: str, what: Any = UNDEFINED, start: Any = 0) -> int:
    return text.find(to_text(what), min(max(0, integer(start)), len(text)))


def _last_index_of(text: str, what: Any = UNDEFINED) -> int:
    return text.rfind(to_text(what))


def _starts(text: str, what: Any = UNDEFINED, start: Any = 0) -> bool:
    return text.startswith(to_text(what), max(0, integer(start)))


def _ends(text: str, what: Any = UNDEFINED, end: Any = UNDEFINED) -> bool:
    return text[: max(0, integer(end, len(text)))].endswith(to_text(what))


def _includes(text: str, what: Any = UNDEFINED, start: Any = 0) -> bool:
    return _index_of(text, what, start) >= 0


def _concat(text: str, *others: Any) -> str:
    return checked(text + "".join(map(to_text, others)))


METHODS: dict[str, Callable[..., Any]] = {
    "at": _at,
    "charAt": _char_at,
    "charCodeAt": _char_code,
    "codePointAt": _code_point,
    "concat": _concat,
    "endsWith": _ends,
    "includes": _includes,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "localeCompare": _compare,
    "match": _match,
    "normalize": _normalize,
    "padEnd": _pad_end,
    "padStart": _pad_start,
    "repeat": _repeat,
    "replace": _replace,
    "replaceAll": _replace_all,
    "search": _search,
    "slice": _slice,
    "split": _split_at,
    "startsWith": _starts,
    "substr": _substr,
    "substring": _substring,
    "toLocaleLowerCase": str.lower,
    "toLocaleUpperCase": str.upper,
    "toLowerCase": str.lower,
    "toString": str,
    "toUpperCase": str.upper,
    "trim": lambda text: text.strip(SPACE),
    "trimEnd": lambda text: text.rstrip(SPACE),
    "trimLeft": lambda text: text.lstrip(SPACE),
    "trimRight": lambda text: text.rstrip(SPACE),
    "trimStart": lambda text: text.lstrip(SPACE),
    "valueOf": str,
}
