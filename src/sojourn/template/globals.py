"""The functions that every template may call: `range`, `cycler`, `joiner`."""

from __future__ import annotations

import math
from typing import Any

from sojourn.errors import TemplateError
from sojourn.template.values import UNDEFINED, Array, Function, Object, to_number, to_text, truthy, whole

_LONGEST = 100_000


def _range(start: Any = UNDEFINED, stop: Any = UNDEFINED, step: Any = UNDEFINED) -> Array:
    first, last = (to_number(start), to_number(stop)) if truthy(stop) or stop == 0 else (0, to_number(start))
    stride = to_number(step) if truthy(step) else 1
    if not all(map(math.isfinite, (first, last, stride))):
        return Array()
    count = max(0, math.ceil((last - first) / stride))
    if count > _LONGEST:
        raise TemplateError(f"range of {count} numbers", todo=f"at most {_LONGEST} are allowed")
    return Array(whole(first + index * stride) for index in range(count))


def _cycler(*items: Any) -> Object:
    state = Object(current=None)
    place = -1

    def reset() -> Any:
        nonlocal place
        place = -1
        state["current"] = None
        return UNDEFINED

    def following() -> Any:
        nonlocal place
        if not items:
            return UNDEFINED
        place = (place + 1) % len(items)
        state["current"] = items[place]
        return items[place]

    state["reset"] = Function("reset", reset)
    state["next"] = Function("next", following)
    return state


def _joiner(separator: Any = UNDEFINED) -> Function:
    mark = to_text(separator) if truthy(separator) else ","
    first = True

    def join() -> str:
        nonlocal first
        was, first = first, False
        return "" if was else mark

    return Function("joiner", join)


GLOBALS: dict[str, Any] = {
    "cycler": Function("cycler", _cycler),
    "joiner": Function("joiner", _joiner),
    "range": Function("range", _range),
}
