"""The methods of JavaScript arrays, as far as they need no function for an argument.

An array that the template made may be changed in place; a variable's may not: it belongs to the test.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sojourn.errors import TemplateError
from sojourn.template.strings import bounds, integer
from sojourn.template.values import MOST, UNDEFINED, Array, less, same, to_text, too_much, weigh

_by_text = functools.cmp_to_key(lambda left, right: less(right, left) - less(left, right))


def ordered(items: list[Any]) -> Array:
    """Sort as JavaScript does without a comparer: by text, undefined last."""
    known = [item for item in items if item is not UNDEFINED]
    return Array(sorted(known, key=lambda item: _by_text(to_text(item))) + [UNDEFINED] * (len(items) - len(known)))


def joined(items: list[Any], separator: str = ",") -> str:
    """Join items as text; null and undefined are empty."""
    if isinstance(items, Array):
        weigh(items)
    if len(separator) * len(items) > MOST:
        raise too_much()
    return separator.join("" if item is None or item is UNDEFINED else to_text(item) for item in items)


def _own(items: list[Any], name: str) -> Array:
    if not isinstance(items, Array):
        raise TemplateError(f"{name} would change a variable of the test", todo="use .slice() to change a copy")
    return items


def _push(items: list[Any], *more: Any) -> int:
    _own(items, "push").extend(more)
    return len(items)


def _unshift(items: list[Any], *more: Any) -> int:
    _own(items, "unshift")[:0] = more
    return len(items)


def _pop(items: list[Any]) -> Any:
    return _own(items, "pop").pop() if items else UNDEFINED


def _shift(items: list[Any]) -> Any:
    return _own(items, "shift").pop(0) if items else UNDEFINED


def _splice(items: list[Any], start: Any = UNDEFINED, count: Any = UNDEFINED, *more: Any) -> Array:
    own = _own(items, "splice")
    first, _ = bounds(len(own), start, UNDEFINED)
    last = first + max(0, integer(count, len(own)))
    removed = Array(own[first:last])
    own[first:last] = more
    return removed


def _reverse(items: list[Any]) -> Array:
    turned = Array(reversed(items))
    if isinstance(items, Array):
        items[:] = turned
    return turned


def _sort(items: list[Any]) -> Array:
    found = ordered(items)
    if isinstance(items, Array):
        items[:] = found
    return found


def _fill(items: list[Any], value: Any = UNDEFINED, start: Any = UNDEFINED, end: Any = UNDEFINED) -> Array:
    first, last = bounds(len(items), start, end)
    return Array([*items[:first], *([value] * (last - first)), *items[last:]])


def _slice(items: list[Any], start: Any = UNDEFINED, end: Any = UNDEFINED) -> Array:
    first, last = bounds(len(items), start, end)
    return Array(items[first:last])


def _concat(items: list[Any], *others: Any) -> Array:
    made = Array(items)
    for other in others:
        made.extend(other if isinstance(other, list | tuple) else [other])
    return made


def _flat(items: list[Any], depth: Any = 1) -> Array:
    levels = integer(depth, 1)
    made = Array()
    for item in items:
        if isinstance(item, list | tuple) and levels > 0:
            made.extend(_flat(list(item), levels - 1))
        else:
            made.append(item)
        if len(made) > MOST:
            raise too_much()
    return made


def _index_of(items: list[Any], what: Any = UNDEFINED, start: Any = 0) -> int:
    first, _ = bounds(len(items), start, UNDEFINED)
    return next((index for index in range(first, len(items)) if same(items[index], what)), -1)


def _last_index_of(items: list[Any], what: Any = UNDEFINED) -> int:
    return next((index for index in reversed(range(len(items))) if same(items[index], what)), -1)


def _includes(items: list[Any], what: Any = UNDEFINED) -> bool:
    return _index_of(items, what) >= 0


def _at(items: list[Any], place: Any = UNDEFINED) -> Any:
    index = integer(place)
    index += len(items) if index < 0 else 0
    return items[index] if 0 <= index < len(items) else UNDEFINED


def _join(items: list[Any], separator: Any = UNDEFINED) -> str:
    return joined(items, "," if separator is UNDEFINED else to_text(separator))


METHODS: dict[str, Callable[..., Any]] = {
    "at": _at,
    "concat": _concat,
    "entries": lambda items: Array(Array([index, item]) for index, item in enumerate(items)),
    "fill": _fill,
    "flat": _flat,
    "includes": _includes,
    "indexOf": _index_of,
    "join": _join,
    "keys": lambda items: Array(range(len(items))),
    "lastIndexOf": _last_index_of,
    "pop": _pop,
    "push": _push,
    "reverse": _reverse,
    "shift": _shift,
    "slice": _slice,
    "sort": _sort,
    "splice": _splice,
    "toReversed": lambda items: Array(reversed(items)),
    "toSorted": ordered,
    "toString": _join,
    "unshift": _unshift,
    "values": Array,
}
