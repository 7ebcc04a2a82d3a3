"""The four moments: which extension is called when, with what, and what its answer may change.

Extensions run in the order of the list, before and after alike. A before-hook that breaks stops the ones behind it;
an after-hook that breaks never does, and an extension whose before-hook was started gets its after-hook.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from sojourn.errors import CodeDiedError, CodeError, ConfigError, HookError, SkipTrial, StopRun
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict
from sojourn.protocols import Called, Code

MOMENTS = ("beforeAll", "beforeEach", "afterEach", "afterAll")
PARTNERS = {"afterEach": "beforeEach", "afterAll": "beforeAll"}

Started = set[int]
"""Which extensions' before-hooks were started in one scope; its after-hooks ask."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One entry of `extensions`; `moment` is set where the function is named after a single hook."""

    index: int
    text: str
    reference: Reference
    moment: str = ""

    def handles(self, moment: str) -> bool:
        """Whether this extension is called at a moment."""
        return self.moment in ("", moment)


def read_extensions(entries: tuple[str, ...], base: str) -> tuple[Extension, ...]:
    """Read the entries of `extensions`; raises ConfigError for one that names no Python or JavaScript file."""
    found = []
    for index, entry in enumerate(entries):
        reference = Reference.parse(entry, base=base, role="hook")
        if reference is None:
            todo = "write file://hooks.py:function or file://hooks.js:function"
            raise ConfigError.of(f"the extension {entry!r} names no Python or JavaScript file", todo=todo)
        moment = reference.name if reference.name in MOMENTS else ""
        found.append(Extension(index=index, text=entry, reference=reference, moment=moment))
    return tuple(found)


class Hooks:
    """Calls the extensions. `on_print(text)` receives what they print, as soon as each has answered."""

    def __init__(
        self, extensions: tuple[Extension, ...], code: Code, on_print: Callable[[str], None], deadline_ms: float = 0
    ) -> None:
        self._extensions = extensions
        self._code = code
        self._on_print = on_print
        self._deadline_ms = deadline_ms

    def __bool__(self) -> bool:
        return bool(self._extensions)

    def has(self, *moments: str) -> bool:
        """Whether any extension is called at one of these moments."""
        return any(extension.handles(moment) for extension in self._extensions for moment in moments)

    async def before(self, moment: str, context: JsonDict, key: str, started: Started) -> JsonDict:
        """Run the before-hooks; each sees the context as its predecessor changed it. Raises HookError.

        `key` is the part of the context that an answer may replace ("suite" or "test").
        """
        for extension in self._extensions:
            if not extension.handles(moment):
                continue
            started.add(extension.index)
            answer = await self._call(extension, moment, context)
            if answer:
                context = _replaced(extension, moment, context, answer, key)
        return context

    async def after(
        self, moment: str, context: JsonDict, started: Started, merge: Callable[[JsonDict, Any], JsonDict]
    ) -> list[HookError]:
        """Run every after-hook that is due; `merge` takes an answer into the context. Returns what broke."""
        broken = []
        for extension in self._extensions:
            if not extension.handles(moment) or not self._due(extension, started):
                continue
            try:
                context = merge(context, await self._call(extension, moment, context))
            except HookError as error:
                broken.append(error)
            except (SkipTrial, StopRun):
                continue
        return broken

    def _due(self, extension: Extension, started: Started) -> bool:
        """An extension of one moment always; one of all moments only if its before-hook was started."""
        return bool(extension.moment) or extension.index in started

    async def _call(self, extension: Extension, moment: str, context: JsonDict) -> Any:
        arguments = (context, {"hookName": moment}) if extension.moment else (moment, context)
        try:
            called: Called = await self._code.call(extension.reference, *arguments, deadline_ms=self._deadline_ms)
        except CodeDiedError:
            raise
        except CodeError as error:
            self._on_print(error.printed)
            raise _asked_for(error) or HookError(moment, extension.text, _told(error)) from error
        self._on_print(called.printed)
        return called.value


def _replaced(extension: Extension, moment: str, context: JsonDict, answer: Any, key: str) -> JsonDict:
    if not isinstance(answer, Mapping) or not isinstance(answer.get(key), Mapping):
        got = type(answer).__name__ if not isinstance(answer, Mapping) else f"a dictionary without {key!r}"
        raise HookError(moment, extension.text, f"it returned {got}; return the context, or nothing")
    return {**context, key: dict(answer[key])}


def _told(error: CodeError) -> str:
    place = f" at {error.where}" if error.where else ""
    return f"{error.what}{place}"


def _asked_for(error: CodeError) -> SkipTrial | StopRun | None:
    """Hooks ask for something by raising `Skip` or `StopSuite`, from wherever they have the class."""
    name, _, reason = error.what.partition(": ")
    if name in ("Skip", "SkipTrial"):
        return SkipTrial(reason or "skipped by a hook")
    if name in ("StopSuite", "StopRun"):
        return StopRun(reason or "stopped by a hook")
    return None
