"""What operators do with values while a template runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from sojourn.errors import TemplateError
from sojourn.template import values
from sojourn.template.values import plus, to_number, to_text


def _concatenate(left: Any, right: Any) -> str:
    return values.checked(to_text(left) + to_text(right))


def _minus(left: Any, right: Any) -> float:
    return to_number(left) - to_number(right)


def _times(left: Any, right: Any) -> float:
    return to_number(left) * to_number(right)


def _divide(left: Any, right: Any) -> float:
    above, below = to_number(left), to_number(right)
    if below:
        return above / below
    if not above or math.isnan(above):
        return math.nan
    return math.copysign(math.inf, above) * math.copysign(1, below)


def floor(value: Any) -> float:
    """Round down, as `//` does to its quotient."""
    number = to_number(value)
    return math.floor(number) if math.isfinite(number) else number


def _remainder(left: Any, right: Any) -> float:
    above, below = to_number(left), to_number(right)
    if not below or not math.isfinite(above) or math.isnan(below):
        return math.nan
    return math.fmod(above, below) if math.isfinite(below) else above


def _power(left: Any, right: Any) -> float:
    base, exponent = float(to_number(left)), float(to_number(right))
    if math.isnan(exponent) or (abs(base) == 1 and math.isinf(exponent)):
        return math.nan
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and math.fmod(exponent, 2) else math.inf
    except ValueError:
        return math.inf if base == 0 else math.nan


ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "~": _concatenate,
    "+": plus,
    "-": _minus,
    "*": _times,
    "/": _divide,
    "%": _remainder,
    "**": _power,
}

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": values.alike,
    "===": values.same,
    "!=": lambda left, right: not values.alike(left, right),
    "!==": lambda left, right: not values.same(left, right),
    "<": values.less,
    ">": lambda left, right: values.less(right, left),
    "<=": values.at_most,
    ">=": lambda left, right: values.at_most(right, left),
}

SIGNS: Mapping[str, Callable[[Any], float]] = {"-": lambda value: -to_number(value), "+": to_number}


def regex(pattern: str, flags: str) -> Any:
    """Make a regular expression of a literal `r/pattern/flags`."""
    from sojourn.template.regexp import Regex

    try:
        return Regex(pattern, flags)
    except re.error as error:
        raise TemplateError(f"regular expression /{pattern}/: {error}") from error
