"""The tests behind `is`: `x is defined`, `n is divisibleby(3)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sojourn.errors import TemplateError
from sojourn.template.scope import guarded
from sojourn.template.values import UNDEFINED, Function, at_most, less, same, to_number, truthy


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TESTS: dict[str, Callable[..., bool]] = {
    "callable": lambda value: isinstance(value, Function),
    "defined": lambda value: value is not UNDEFINED,
    "divisibleby": lambda value, by: to_number(value) % to_number(by) == 0 if to_number(by) else False,
    "eq": same,
    "equalto": same,
    "escaped": lambda _value: False,
    "even": lambda value: to_number(value) % 2 == 0,
    "falsy": lambda value: not truthy(value),
    "ge": lambda value, other: at_most(other, value),
    "greaterthan": lambda value, other: less(other, value),
    "gt": lambda value, other: less(other, value),
    "iterable": lambda value: isinstance(value, str | list | tuple),
    "le": at_most,
    "lessthan": less,
    "lower": lambda value: isinstance(value, str) and value == value.lower(),
    "lt": less,
    "mapping": lambda value: isinstance(value, dict),
    "ne": lambda value, other: not same(value, other),
    "none": lambda value: value is None,
    "null": lambda value: value is None,
    "number": _is_number,
    "odd": lambda value: abs(to_number(value)) % 2 == 1,
    "sameas": same,
    "string": lambda value: isinstance(value, str),
    "truthy": truthy,
    "undefined": lambda value: value is UNDEFINED,
    "upper": lambda value: isinstance(value, str) and value == value.upper(),
}


def tested(name: str, value: Any, positional: list[Any]) -> bool:
    """Answer `value is name(...)`; raises TemplateError where the test is unknown or breaks."""
    test = TESTS.get(name)
    if test is None:
        raise TemplateError(f"test not found: {name}")
    return bool(guarded(f"test {name}", lambda: test(value, *positional)))
