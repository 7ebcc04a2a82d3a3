"""JavaScript's view of plain data: truth, numbers, text, equality.

Templates were written for a JavaScript engine; what they print and compare depends on its rules. Strings, lists,
dicts, numbers, booleans and None stand for themselves; `UNDEFINED` is what was never there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Final

from sojourn.errors import TemplateError

MOST = 10_000_000
"""How much a template may make: characters in a string, items in an array."""


class Safe(str):
    """A text that is HTML already: `escape` leaves it alone."""

    __slots__ = ()


class Undefined:
    """JavaScript's undefined; there is one, `UNDEFINED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()


class Array(list[Any]):
    """An array that a template made, and so may change."""

    __slots__ = ()


class Object(dict[str, Any]):
    """An object that a template made."""

    __slots__ = ()


class Function:
    """Something that a template may call: nothing else is callable."""

    __slots__ = ("body", "name")

    def __init__(self, name: str, body: Any) -> None:
        self.name = name
        self.body = body


def truthy(value: Any) -> bool:
    """Tell whether JavaScript takes a value for true: an empty array or object is."""
    if value is True or value is False:
        return bool(value)
    if isinstance(value, list | dict):
        return True
    return not _is_nan(value) and bool(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def number_text(value: float) -> str:
    """Write a number as JavaScript does: `1`, `0.1`, `1e+21`, `NaN`, `-Infinity`."""
    if isinstance(value, int) and -(2**53) <= value <= 2**53:
        return str(value)
    value = to_float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    return ("-" if value < 0 else "") + _shortest(abs(value))


def _shortest(value: float) -> str:
    mantissa, _, power = f"{value!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = int(power or 0) + len(digits) - len(fraction)
    stripped = digits.rstrip("0")
    return _place(stripped, point)


def _place(digits: str, point: int) -> str:
    """Put the decimal point `point` places after the start of the digits, or use an exponent."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = point - 1
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{tail}e{'+' if exponent > 0 else '-'}{abs(exponent)}"


def to_float(value: float) -> float:
    """Turn a Python number into a double; what is too large becomes an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity)")
_RADIX = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")


def to_number(value: Any) -> float:
    """Turn a value into a number as JavaScript's arithmetic does; NaN where it is none."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if -(2**53) <= value <= 2**53 else to_float(value)
    if isinstance(value, float):
        return value
    if value is None:
        return 0
    return math.nan if isinstance(value, Undefined) else _parse(to_text(value).strip())


def _parse(text: str) -> float:
    if not text:
        return 0
    if _RADIX.fullmatch(text):
        return to_number(int(text, 0)) if len(text) < 300 else math.inf
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return math.nan
    return whole(float(text.replace("Infinity", "inf")))


def whole(value: float) -> float:
    """Make an int of a float that has no fraction, where a double holds it exactly."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value) if value or math.copysign(1, value) > 0 else value
    return value


def to_text(value: Any) -> str:
    """Turn a value into a string as JavaScript's String() does."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return _object_text(value)


def _object_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        if isinstance(value, Array):
            weigh(value)
        return ",".join("" if _is_nothing(item) else to_text(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    return f"function {value.name}() {{ }}" if isinstance(value, Function) else str(value)


def _is_nothing(value: Any) -> bool:
    return value is None or isinstance(value, Undefined)


def printed(value: Any) -> str:
    """Turn a value into what `{{ value }}` shows: nothing for null and undefined."""
    if isinstance(value, str):
        return value
    return "" if _is_nothing(value) else to_text(value)


def weigh(value: Any) -> None:
    """Refuse a value that a template has made huge by naming the same array again and again."""
    left = MOST
    heap = [value]
    while heap:
        item = heap.pop()
        parts: Iterable[Any] = item.values() if isinstance(item, dict) else item
        for part in parts:
            left -= len(part) + 1 if isinstance(part, str) else 1
            if isinstance(part, list | dict):
                heap.append(part)
        if left < 0 or len(heap) > MOST:
            raise too_much()


def too_much() -> TemplateError:
    """Make the error for a template that would make too much."""
    return TemplateError("the template makes too much", todo="make it shorter, or its loops smaller")


def same(left: Any, right: Any) -> bool:
    """Compare as `===` does: no conversion, and objects are equal only to themselves."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return to_number(left) == to_number(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return left is right


def alike(left: Any, right: Any) -> bool:
    """Compare as `==` does, with JavaScript's conversions."""
    if _is_nothing(left) or _is_nothing(right):
        return _is_nothing(left) and _is_nothing(right)
    if _is_object(left) and _is_object(right):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return to_number(left) == to_number(right)


def _is_object(value: Any) -> bool:
    return not isinstance(value, str | int | float | Undefined) and value is not None


def _primitive(value: Any) -> Any:
    return to_text(value) if _is_object(value) else value


def less(left: Any, right: Any) -> bool:
    """Compare as `<` does: strings by code unit, everything else as numbers."""
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left.encode("utf-16-be", "surrogatepass") < right.encode("utf-16-be", "surrogatepass")
    return to_number(left) < to_number(right)


def at_most(left: Any, right: Any) -> bool:
    """Compare as `<=` does; never true of NaN."""
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return not less(right, left)
    return to_number(left) <= to_number(right)


def plus(left: Any, right: Any) -> Any:
    """Add as JavaScript's `+` does: text as soon as one side is no number."""
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) or isinstance(right, str):
        return checked(to_text(left) + to_text(right))
    return to_number(to_number(left) + to_number(right))


def checked(text: str) -> str:
    """Return a text, unless it is longer than any template may make."""
    if len(text) > MOST:
        raise too_much()
    return text


def keys(value: dict[Any, Any]) -> list[Any]:
    """Return an object's keys in JavaScript's order: whole numbers first, ascending."""
    found = list(value)
    if not any(str(key).isdecimal() for key in found):
        return found
    numbers = {key: int(str(key)) for key in found if re.fullmatch(r"0|[1-9][0-9]{0,9}", str(key))}
    return sorted(numbers, key=lambda key: numbers[key]) + [key for key in found if key not in numbers]
