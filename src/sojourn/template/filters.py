"""The filters of nunjucks, with its ways: most of them quietly accept null and undefined."""

from __future__ import annotations

import functools
import json
import math
import random
import re
from collections.abc import Callable
from typing import Any

from sojourn.template.arrays import joined
from sojourn.template.jsontext import is_absent, json_text
from sojourn.template.links import urlencode, urlize
from sojourn.template.lookup import member
from sojourn.template.predicates import tested
from sojourn.template.regexp import Regex
from sojourn.template.strings import METHODS as TEXT_METHODS
from sojourn.template.strings import SPACE
from sojourn.template.units import length
from sojourn.template.values import (
    MOST,
    UNDEFINED,
    Array,
    Object,
    Safe,
    checked,
    keys,
    less,
    plus,
    to_number,
    to_text,
    too_much,
    truthy,
    whole,
)

_ENTITIES = {"&": "&amp;", '"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;", "`": "&#96;"}


def _text(value: Any) -> str:
    """Return a text for filters that quietly take null, undefined and false for an empty one."""
    if isinstance(value, str):
        return value
    if value is None or value is UNDEFINED or value is False:
        return ""
    raise TypeError("needs a text")


def _items(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        return list(value)
    raise TypeError("needs an array")


def _abs(value: Any) -> float:
    return abs(to_number(value))


def _batch(value: Any, linecount: Any, fill_with: Any = UNDEFINED) -> Array:
    items, size = _items(value), max(1, int(to_number(linecount)))
    rows = Array(Array(items[start : start + size]) for start in range(0, len(items), size))
    if rows and truthy(fill_with):
        missing = size - len(rows[-1])
        if missing > MOST:
            raise too_much()
        rows[-1].extend([fill_with] * missing)
    return rows


def _capitalize(value: Any) -> str:
    lowered = _text(value).lower()
    return lowered[:1].upper() + lowered[1:]


def _center(value: Any, width: Any = 80) -> str:
    text, count = _text(value), int(to_number(width) if truthy(width) else 80)
    if count > MOST:
        raise too_much()
    spaces = count - len(text)
    before, after = math.ceil(spaces / 2 - spaces % 2), math.ceil(spaces / 2)
    return " " * before + text + " " * after if spaces > 0 else text


def _default(value: Any, default_value: Any = UNDEFINED, boolean: Any = UNDEFINED) -> Any:
    if truthy(boolean):
        return value if truthy(value) else default_value
    return default_value if value is UNDEFINED else value


def _dictsort(value: Any, case_sensitive: Any = UNDEFINED, by: Any = "key") -> Array:
    if not isinstance(value, dict):
        raise TypeError("needs an object")
    if by not in ("key", "value"):
        raise ValueError('sorts by "key" or "value"')
    pairs = [Array([to_text(key), value[key]]) for key in keys(value)]
    return Array(sorted(pairs, key=_sort_key(lambda pair: pair[by == "value"], fold=not truthy(case_sensitive))))


def _sort_key(pick: Callable[[Any], Any], *, fold: bool) -> Callable[[Any], Any]:
    def compare(left: Any, right: Any) -> int:
        return less(right, left) - less(left, right)

    def key(item: Any) -> Any:
        value = pick(item)
        return ordering(value.upper() if fold and isinstance(value, str) else value)

    ordering = functools.cmp_to_key(compare)
    return key


def _dump(value: Any, spaces: Any = UNDEFINED) -> Any:
    if is_absent(value):
        return UNDEFINED
    if isinstance(spaces, str):
        return json_text(value, spaces[:10])
    number = to_number(spaces)
    return json_text(value, "" if math.isnan(number) else " " * int(max(0, min(10, number))))


def _escape(value: Any) -> str:
    return value if isinstance(value, Safe) else _forceescape(value)


def _forceescape(value: Any) -> str:
    text = "" if value is None or value is UNDEFINED else to_text(value)
    return Safe(checked(re.sub(r"[&\"'<>`]", lambda found: _ENTITIES[found[0]], text)))


def _first(value: Any) -> Any:
    if value is None or value is UNDEFINED:
        raise TypeError("needs an array")
    return member(value, 0)


def _last(value: Any) -> Any:
    if isinstance(value, str | list | tuple):
        return value[-1] if value else UNDEFINED
    raise TypeError("needs an array")


def _float(value: Any, default: Any = UNDEFINED) -> Any:
    found = re.match(r"\s*[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity)", to_text(value))
    return whole(float(found[0].replace("Infinity", "inf"))) if found else default


def _int(value: Any, default: Any = UNDEFINED, base: Any = 10) -> Any:
    radix = int(to_number(base)) or 10
    if not 2 <= radix <= 36:
        return default
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:radix]
    prefix = "(?:0x)?" if radix == 16 else ""
    found = re.match(rf"\s*([+-]?){prefix}([{digits}]{{1,400}})", to_text(value).lower())
    return to_number(int(found[1] + found[2], radix)) if found else default


def _groupby(value: Any, attr: Any) -> Object:
    groups = Object()
    for item in _items(value):
        groups.setdefault(to_text(member(item, attr)), Array()).append(item)
    return groups


def _indent(value: Any, width: Any = 4, indentfirst: Any = UNDEFINED) -> str:
    spaces = " " * int(max(0, min(10_000, to_number(width) if truthy(width) else 4)))
    lines = _text(value).split("\n")
    if len(lines) * len(spaces) > MOST:
        raise too_much()
    return "\n".join(spaces + line if index or truthy(indentfirst) else line for index, line in enumerate(lines))


def _join(value: Any, delimiter: Any = "", attr: Any = UNDEFINED) -> str:
    if not isinstance(value, list | tuple):
        raise TypeError("needs an array")
    items = Array(member(item, attr) for item in value) if truthy(attr) else list(value)
    return checked(joined(items, to_text(delimiter) if truthy(delimiter) else ""))


def _length(value: Any) -> Any:
    if isinstance(value, str):
        return length(value)
    if isinstance(value, list | tuple | dict):
        return len(value)
    return 0 if value is None or value is UNDEFINED or value is False else UNDEFINED


def _list(value: Any) -> Array:
    if isinstance(value, dict):
        return Array(Object(key=to_text(key), value=value[key]) for key in keys(value))
    return Array(_items(value))


def _load(value: Any) -> Any:
    return json.loads(to_text(value))


def _lower(value: Any) -> str:
    return _text(value).lower()


def _nl2br(value: Any) -> str:
    return checked(re.sub(r"\r\n|\n", "<br />\n", "" if value in (None, UNDEFINED) else to_text(value)))


def _random(value: Any) -> Any:
    items = _items(value)
    return random.choice(items) if items else UNDEFINED  # noqa: S311  a template's dice guard no secret


def _chosen(value: Any, name: Any, rest: tuple[Any, ...], *, wanted: bool) -> Array:
    test = "truthy" if name is UNDEFINED else to_text(name)
    return Array(item for item in _items(value) if tested(test, item, list(rest)) is wanted)


def _replace(value: Any, old: Any = UNDEFINED, new: Any = UNDEFINED, max_count: Any = -1) -> Any:
    if isinstance(value, bool) or value is None or not isinstance(value, str | int | float):
        return "" if value in (None, UNDEFINED) else value
    text, by = to_text(value), to_text(new)
    if isinstance(old, Regex):
        return TEXT_METHODS["replace"](text, old, by)
    what, times = to_text(old), text.count(to_text(old))
    limit = -1 if max_count is UNDEFINED else to_number(max_count)
    if what and limit != -1:
        times = min(math.ceil(limit), times) if limit > 0 else 0
    if times * len(by) > MOST:
        raise too_much()
    return text.replace(what, by, times)


def _reverse(value: Any) -> Any:
    if isinstance(value, str):
        return value[::-1]
    return Array(reversed(value)) if isinstance(value, list | tuple) else UNDEFINED


def _round(value: Any, precision: Any = 0, method: Any = "round") -> float:
    factor = 10.0 ** max(-300, min(300, to_number(precision) or 0))
    number = to_number(value) * factor
    if not math.isfinite(number):
        return math.nan if math.isnan(number) else number
    rounding = {"ceil": math.ceil, "floor": math.floor}.get(to_text(method), lambda one: math.floor(one + 0.5))
    return whole(rounding(number) / factor)


def _safe(value: Any) -> str:
    return Safe("" if value is None or value is UNDEFINED else to_text(value))


def _slice(value: Any, slices: Any, fill_with: Any = UNDEFINED) -> Array:
    items, count = _items(value), max(1, min(100_000, int(to_number(slices))))
    size, extra = divmod(len(items), count)
    made, offset = Array(), 0
    for index in range(count):
        start = offset + index * size
        offset += index < extra
        part = Array(items[start : offset + (index + 1) * size])
        if truthy(fill_with) and index >= extra:
            part.append(fill_with)
        made.append(part)
    return made


def _sort(value: Any, reverse: Any = UNDEFINED, case_sensitive: Any = UNDEFINED, attribute: Any = UNDEFINED) -> Array:
    if value is None or value is UNDEFINED:
        return Array()
    pick = (lambda item: member(item, attribute)) if truthy(attribute) else (lambda item: item)
    key = _sort_key(pick, fold=not truthy(case_sensitive))
    return Array(sorted(_items(value), key=key, reverse=truthy(reverse)))


def _string(value: Any) -> str:
    if value is None or value is UNDEFINED:
        raise TypeError("needs a value")
    return to_text(value)


def _striptags(value: Any, preserve_linebreaks: Any = UNDEFINED) -> str:
    text = re.sub(r"<!--[^>]*-->|</?[A-Za-z][^>]*>", "", _text(value)).strip(SPACE)
    if not truthy(preserve_linebreaks):
        return re.sub(r"\s+", " ", text)
    lines = "\n".join(line.strip(" ") for line in text.replace("\r\n", "\n").split("\n"))
    return re.sub(r"\n\n\n+", "\n\n", re.sub(r" +", " ", lines))


def _sum(value: Any, attr: Any = UNDEFINED, start: Any = 0) -> Any:
    total: Any = 0
    for item in _items(value):
        total = plus(total, member(item, attr) if truthy(attr) else item)
    return plus(start, total)


def _title(value: Any) -> str:
    return " ".join(_capitalize(word) for word in _text(value).split(" "))


def _trim(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("needs a text")
    return value.strip(SPACE)


def _truncate(value: Any, length: Any = 255, killwords: Any = UNDEFINED, end: Any = "...") -> str:
    text, most = _text(value), int(to_number(length) if truthy(length) else 255)
    if len(text) <= most:
        return text
    cut = text[: max(0, most)]
    if not truthy(killwords):
        space = text.rfind(" ", 0, max(0, most) + 1)
        cut = text[: space if space >= 0 else max(0, most)]
    return cut + ("..." if end is UNDEFINED or end is None else to_text(end))


def _upper(value: Any) -> str:
    return _text(value).upper()


def _wordcount(value: Any) -> Any:
    words = re.findall(r"\w+", _text(value), re.ASCII)
    return len(words) or UNDEFINED


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": _abs,
    "batch": _batch,
    "capitalize": _capitalize,
    "center": _center,
    "d": _default,
    "default": _default,
    "dictsort": _dictsort,
    "dump": _dump,
    "e": _escape,
    "escape": _escape,
    "first": _first,
    "float": _float,
    "forceescape": _forceescape,
    "groupby": _groupby,
    "indent": _indent,
    "int": _int,
    "join": _join,
    "last": _last,
    "length": _length,
    "list": _list,
    "load": _load,
    "lower": _lower,
    "nl2br": _nl2br,
    "random": _random,
    "reject": lambda value, name=UNDEFINED, *rest: _chosen(value, name, rest, wanted=False),
    "rejectattr": lambda value, attr: Array(item for item in _items(value) if not truthy(member(item, attr))),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "safe": _safe,
    "select": lambda value, name=UNDEFINED, *rest: _chosen(value, name, rest, wanted=True),
    "selectattr": lambda value, attr: Array(item for item in _items(value) if truthy(member(item, attr))),
    "slice": _slice,
    "sort": _sort,
    "string": _string,
    "striptags": _striptags,
    "sum": _sum,
    "title": _title,
    "trim": _trim,
    "truncate": _truncate,
    "upper": _upper,
    "urlencode": urlencode,
    "urlize": urlize,
    "wordcount": _wordcount,
}

KEEP_SAFE = frozenset(
    {"capitalize", "center", "indent", "nl2br", "replace", "string", "striptags", "title", "trim", "truncate"}
)
"""Filters that make a safe text of a safe text."""
