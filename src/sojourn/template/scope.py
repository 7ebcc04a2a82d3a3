"""What a template sees while it runs, and how much it may do.

A `Run` is one rendering; its frames are the brackets of loops, macros and captured blocks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from sojourn.errors import TemplateError
from sojourn.template.values import MOST, UNDEFINED, too_much

STEPS: Final = 1_000_000
SECONDS: Final = 5.0
_MISSING: Final = object()

_PYTHONS_WORDS = re.compile(r"positional argument|keyword argument|missing \d+ required")


class Run:
    """One rendering: its variables, globals, filters, and what is left of its allowance."""

    __slots__ = ("_deadline", "_made", "_steps", "filters", "globals", "top", "variables")

    def __init__(
        self, variables: Mapping[str, Any], globals_: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.variables = variables
        self.globals = globals_
        self.filters = filters
        self.top = Frame(self)
        self._steps = 0
        self._made = 0
        self._deadline = 0.0

    def step(self) -> None:
        """Count one turn of a loop, or one call; raises TemplateError when there were too many."""
        self._steps += 1
        if self._steps % 1024:
            return
        self._deadline = self._deadline or time.monotonic() + SECONDS
        if self._steps > STEPS or time.monotonic() > self._deadline:
            raise TemplateError("the template runs too long", todo="make its loops smaller")

    def make(self, value: Any) -> Any:
        """Count what was made, and hand it on; raises TemplateError when it is too much in all."""
        if isinstance(value, str | list):
            self._made += len(value)
            if self._made > 3 * MOST:
                raise too_much()
        return value


class Frame:
    """The names of one bracket; a name not found here is looked for in `parent`, then in the run."""

    __slots__ = ("isolated", "parent", "run", "values")

    def __init__(self, run: Run, parent: Frame | None = None, *, isolated: bool = False) -> None:
        self.run = run
        self.parent = parent
        self.isolated = isolated
        self.values: dict[str, Any] = {}

    def lookup(self, name: str) -> Any:
        """Return what a name stands for, or UNDEFINED."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.values:
                return frame.values[name]
            frame = frame.parent
        run = self.run
        found = run.top.values.get(name, _MISSING)
        if found is _MISSING:
            found = run.variables.get(name, _MISSING)
        return run.globals.get(name, UNDEFINED) if found is _MISSING else found

    def assign(self, name: str, value: Any) -> None:
        """Give a name a value: in the nearest bracket that has it already, or else in this one."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.values:
                frame.values[name] = value
                return
            frame = None if frame.isolated else frame.parent
        self.values[name] = value


def guarded(label: str, work: Callable[[], Any]) -> Any:
    """Do some work whose failure is the template's error; `label` says what it was."""
    try:
        return work()
    except (TemplateError, RecursionError, MemoryError):
        raise
    except Exception as error:
        told = str(error) or type(error).__name__
        if isinstance(error, TypeError) and _PYTHONS_WORDS.search(told):
            told = "it does not take these arguments"
        raise TemplateError(f"{label}: {told}") from error
