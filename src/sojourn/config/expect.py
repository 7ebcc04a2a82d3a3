"""Readers that expect one kind of value and say where and how they were disappointed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sojourn.model.empty import nothing

Step = str | int
Path = tuple[Step, ...]

_ABSENT = object()


class Mismatch(Exception):  # noqa: N818  it travels inside the package only and becomes a Problem
    """A value is not what it must be: `what`, at `path` from where the reading began."""

    def __init__(self, what: str, *, path: Path = (), got: Any = _ABSENT, todo: str = "") -> None:
        self.what = what if got is _ABSENT else f"{what}, not {kind(got)}"
        self.path = path
        self.todo = todo
        super().__init__(self.what)

    def under(self, *steps: Step) -> Mismatch:
        """Say the same, with `steps` in front of the path."""
        return Mismatch(self.what, path=steps + self.path, todo=self.todo)


def kind(value: Any) -> str:
    """Name the kind of a value the way people call it, with a glimpse of it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a mapping" if isinstance(value, Mapping) else "a list"


def narrowed(number: float) -> float:
    """Return a number as JavaScript would print it: without a fraction where it has none."""
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def text(value: Any, name: str) -> str:
    """Expect a text, or nothing (the empty text)."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    raise Mismatch(f"{name} must be a text", path=(name,), got=value)


def number(value: Any, name: str) -> float | None:
    """Expect a number, a text that is one (as a rendered `{{env.X}}` is), or nothing."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # noqa: PLR0124  NaN is no number
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise Mismatch(f"{name} must be a number", path=(name,), got=value)


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """Expect a mapping, or nothing (an empty one)."""
    if type(value) is dict:  # most are, and this is told at once
        return value
    if isinstance(value, Mapping):
        return value
    if value is None:
        return nothing()
    raise Mismatch(f"{name} must be a mapping", path=(name,), got=value)


def sequence(value: Any, name: str) -> Sequence[Any]:
    """Expect a list, or nothing (an empty one)."""
    if isinstance(value, (list, tuple)):
        return value
    if value is None:
        return ()
    raise Mismatch(f"{name} must be a list", path=(name,), got=value)
