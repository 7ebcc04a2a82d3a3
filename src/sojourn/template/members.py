"""The methods that templates call on values: looked up by name, never through Python's attributes."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from typing import Any

from sojourn.template import arrays, strings, units
from sojourn.template.regexp import Regex
from sojourn.template.values import UNDEFINED, Array, Function, number_text, to_number, to_text, whole

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def method(owner: Any, name: str) -> Any:
    """Return a value's method as something callable, or UNDEFINED."""
    if isinstance(owner, str):
        return _on_text(owner, name)
    table = _table(owner)
    found = table.get(name)
    return Function(name, lambda *arguments: found(owner, *arguments)) if found else UNDEFINED


def _table(owner: Any) -> dict[str, Callable[..., Any]]:
    if isinstance(owner, bool):
        return _PLAIN
    if isinstance(owner, int | float):
        return _NUMBERS
    if isinstance(owner, list | tuple):
        return arrays.METHODS
    if isinstance(owner, dict):
        return _OBJECTS
    return _REGEXES if isinstance(owner, Regex) else {}


def _on_text(owner: str, name: str) -> Any:
    found = strings.METHODS.get(name)
    if not found:
        return UNDEFINED
    if owner.isascii():
        return Function(name, lambda *arguments: found(owner, *arguments))

    def run(*arguments: Any) -> Any:
        widened = [units.wide(one) if isinstance(one, str) else one for one in arguments]
        result = found(units.wide(owner), *widened)
        if isinstance(result, list):
            return Array(units.narrow(part) if isinstance(part, str) else part for part in result)
        return units.narrow(result) if isinstance(result, str) else result

    return Function(name, run)


def _fixed(value: float, digits: Any = 0) -> str:
    places = strings.integer(digits)
    if not 0 <= places <= 100:
        raise ValueError("toFixed takes 0 to 100 digits")
    number = float(value)
    if not math.isfinite(number) or abs(number) >= 1e21:
        return number_text(number)
    with decimal.localcontext(prec=200) as context:
        context.rounding = decimal.ROUND_HALF_UP
        text = str(decimal.Decimal(number).quantize(decimal.Decimal(1).scaleb(-places)))
    return text.removeprefix("-") if number == 0 else text


def _precision(value: float, digits: Any = UNDEFINED) -> str:
    number = float(value)
    if digits is UNDEFINED or not math.isfinite(number):
        return number_text(value)
    places = strings.integer(digits)
    if not 1 <= places <= 100:
        raise ValueError("toPrecision takes 1 to 100 digits")
    if not number:
        return f"{0:.{places - 1}f}"
    rounded = decimal.Context(prec=places, rounding=decimal.ROUND_HALF_UP).create_decimal_from_float(number)
    exponent = int(f"{rounded:.{places - 1}e}".partition("e")[2])
    if -6 <= exponent < places:
        return f"{rounded:.{places - 1 - exponent}f}"
    mantissa, _, power = f"{rounded:.{places - 1}e}".partition("e")
    return f"{mantissa}e{'+' if int(power) > 0 else '-'}{abs(int(power))}"


def _in_radix(value: float, radix: Any = 10) -> str:
    base = strings.integer(radix, 10)
    if not 2 <= base <= 36:
        raise ValueError("toString takes a radix from 2 to 36")
    number = to_number(value)
    if base == 10 or not math.isfinite(number):
        return number_text(number)
    sign, left = ("-" if number < 0 else ""), abs(number)
    return sign + _whole_digits(int(left), base) + _fraction_digits(left - int(left), base)


def _whole_digits(number: int, base: int) -> str:
    digits = ""
    while number:
        number, last = divmod(number, base)
        digits = _DIGITS[last] + digits
    return digits or "0"


def _fraction_digits(fraction: float, base: int) -> str:
    digits = ""
    while fraction and len(digits) < 52:
        fraction *= base
        digits += _DIGITS[int(fraction)]
        fraction -= int(fraction)
    return f".{digits}" if digits else ""


def _grouped(value: float, *_locale: Any) -> str:
    number = to_number(value)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else ("∞" if number > 0 else "-∞")
    rounded = whole(float(_fixed(number, 3)))
    return f"{rounded:,}" if abs(rounded) < 1e15 else f"{int(rounded):,}"


def _exponential(value: float, digits: Any = UNDEFINED) -> str:
    number = float(value)
    places = strings.integer(digits, len(number_text(abs(number)).replace(".", "").strip("0")) - 1)
    mantissa, _, power = f"{number:.{max(0, min(100, places))}e}".partition("e")
    return f"{mantissa}e{'-' if int(power) < 0 else '+'}{abs(int(power))}"


_PLAIN: dict[str, Callable[..., Any]] = {"toString": to_text, "valueOf": lambda value: value}

_NUMBERS: dict[str, Callable[..., Any]] = {
    "toExponential": _exponential,
    "toFixed": _fixed,
    "toLocaleString": _grouped,
    "toPrecision": _precision,
    "toString": _in_radix,
    "valueOf": lambda value: value,
}

_OBJECTS: dict[str, Callable[..., Any]] = {
    **_PLAIN,
    "hasOwnProperty": lambda value, name=UNDEFINED: to_text(name) in value or name in value,
}

_REGEXES: dict[str, Callable[..., Any]] = {
    "exec": lambda regex, text=UNDEFINED: regex.match(to_text(text), every=False),
    "test": lambda regex, text=UNDEFINED: regex.search(to_text(text)) >= 0,
    "toString": to_text,
}
