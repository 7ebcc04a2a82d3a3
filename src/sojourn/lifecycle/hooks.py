"""The four moments: which extension is called when, with what, and what its answer may change.

Extensions run in the order of the list, before and after alike. A before-hook that breaks stops the ones behind it;
an after-hook that breaks never does, and an extension whose before-hook was started gets its after-hook.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from sojourn.errors import CodeDiedError, CodeError, ConfigError, HookError, SkipTrial, StopRun
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict
from sojourn.protocols import Code

MOMENTS = ("beforeAll", "beforeEach", "afterEach", "afterAll")
MARKED = ("beforeAll", "afterAll")
"""The moments that stand in the last will of a run: they are noted when they begin, so that none is run twice."""
LEAST_SECONDS = 0.5
HURRIED = "it was still running when the run had to end"
MOST_SHOWN = 80


class Scope(msgspec.Struct, frozen=True):
    """One trial, or the whole run: what its hooks `printed`, and whose before-hooks were `started`."""

    printed: list[str]
    started: set[int] = msgspec.field(default_factory=set)


class Aftermath(NamedTuple):
    """What came of after-hooks: what broke, and why one of them asks that nothing more be started, if one does."""

    broken: list[HookError]
    stop: str


class Extension(msgspec.Struct, frozen=True, kw_only=True):
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
    """Calls the extensions, each call within `deadline_ms` (0: no limit).

    `on_print(text)` receives what they print, as soon as each has answered.
    """

    def __init__(
        self, extensions: tuple[Extension, ...], code: Code, on_print: Callable[[str], None], deadline_ms: float = 0
    ) -> None:
        self.extensions = extensions
        self._code = code
        self._on_print = on_print
        self._deadline_ms = deadline_ms
        self._end: float | None = None
        self._under_way: set[asyncio.Timeout] = set()

    def __bool__(self) -> bool:
        return bool(self.extensions)

    def has(self, *moments: str) -> bool:
        """Whether any extension is called at one of these moments."""
        return any(extension.handles(moment) for extension in self.extensions for moment in moments)

    def hurry(self, end: float) -> None:
        """See that all hooks are done by a moment of the loop's clock: each has half of the time that is left then."""
        self._end = end if self._end is None else min(self._end, end)
        now = asyncio.get_running_loop().time()
        for timer in self._under_way:
            with contextlib.suppress(RuntimeError):  # its time is up already, and it is unwinding
                timer.reschedule(now + self._seconds())

    def _seconds(self) -> float:
        """Return how long a call may take from now on."""
        own = self._deadline_ms / 1000 or math.inf
        if self._end is None:
            return own
        return min(own, max((self._end - asyncio.get_running_loop().time()) / 2, LEAST_SECONDS))

    async def before(self, moment: str, context: JsonDict, key: str, scope: Scope) -> JsonDict:
        """Run the before-hooks; each sees the context as its predecessor changed it.

        `key` is the part of the context that an answer may replace ("suite" or "test"). Raises HookError; SkipTrial
        and StopRun where a hook asks for it; CodeDiedError where a hook's process died through no fault of its own.
        """
        for extension in self.extensions:
            if not extension.handles(moment):
                continue
            scope.started.add(extension.index)
            answer = await self._call(extension, moment, context, scope)
            if not _changes_nothing(answer):
                context = _replaced(extension, moment, context, answer, key)
        return context

    def last_begun(self, moment: str, scope: Scope) -> str:
        """Name the extension whose before-hook was begun last, as messages do."""
        return f"{moment} of {self.extensions[max(scope.started)].text}" if scope.started else moment

    async def after(
        self, moment: str, context: JsonDict, scope: Scope, merge: Callable[[JsonDict, Any], JsonDict]
    ) -> Aftermath:
        """Run every after-hook that is due, whatever happens; `merge` takes an answer into the context."""
        broken: list[HookError] = []
        stop = ""
        for extension in self.extensions:
            if not extension.handles(moment) or not self._due(extension, scope):
                continue
            try:
                context = merge(context, await self._call_surely(extension, moment, context, scope))
            except HookError as error:
                broken.append(error)
            except SkipTrial:
                broken.append(HookError(moment, extension.text, "it asks to skip what has run already"))
            except StopRun as asked:
                stop = stop or asked.what
        return Aftermath(broken, stop)

    def _due(self, extension: Extension, scope: Scope) -> bool:
        """An extension of one moment always; one of all moments only if its before-hook was started."""
        return bool(extension.moment) or extension.index in scope.started

    async def _call_surely(self, extension: Extension, moment: str, context: JsonDict, scope: Scope) -> Any:
        """Call a hook; one whose process is brought down by others is called again, alone, with what it can be lent."""
        try:
            return await self._call(extension, moment, context, scope)
        except CodeDiedError:
            async with self._code.alone():
                return await self._call_with_what_is_left(extension, moment, context, scope)

    async def _call_with_what_is_left(self, extension: Extension, moment: str, context: JsonDict, scope: Scope) -> Any:
        try:
            return await self._call(extension, moment, context, scope)
        except CodeDiedError as error:
            if not error.lost:
                raise HookError(moment, extension.text, _told(error, extension)) from error
            left = {name: lent for name, lent in context["sessions"].items() if name not in error.lost}
        return await self._call_with_what_is_left(extension, moment, {**context, "sessions": left}, scope)

    async def _call(self, extension: Extension, moment: str, context: JsonDict, scope: Scope) -> Any:
        arguments = (context, {"hookName": moment}) if extension.moment else (moment, context)
        mark = f"{moment}:{extension.index}" if moment in MARKED else ""
        deadline = self._seconds() * 1000
        try:
            async with self._hurried():
                called = await self._code.call(extension.reference, *arguments, deadline_ms=deadline, mark=mark)
        except TimeoutError:
            raise HookError(moment, extension.text, HURRIED) from None
        except CodeError as error:
            if isinstance(error, CodeDiedError) and not error.guilty:
                raise
            self._show(error.printed, scope)
            cause = HURRIED if error.overdue and self._end is not None else _told(error, extension)
            raise _asked_for(error) or HookError(moment, extension.text, cause) from error
        self._show(called.printed, scope)
        return called.value

    def _show(self, printed: str, scope: Scope) -> None:
        """Show what a hook printed at once, and keep it beside its trial or run."""
        self._on_print(printed)
        if printed:
            scope.printed.append(printed)

    @contextlib.asynccontextmanager
    async def _hurried(self) -> AsyncIterator[None]:
        """Let `hurry` shorten the time of a call that it finds under way."""
        async with asyncio.timeout(None) as timer:
            self._under_way.add(timer)
            try:
                yield
            finally:
                self._under_way.discard(timer)


def _replaced(extension: Extension, moment: str, context: JsonDict, answer: Any, key: str) -> JsonDict:
    if not isinstance(answer, Mapping) or not isinstance(answer.get(key), Mapping):
        got = json.dumps(answer, ensure_ascii=False)
        got = got if len(got) <= MOST_SHOWN else got[: MOST_SHOWN - 3] + "..."
        cause = f"it returned {got}; it must return the context with its {key!r}, or nothing"
        raise HookError(moment, extension.text, cause)
    return {**context, key: dict(answer[key])}


def _changes_nothing(answer: Any) -> bool:
    """Whether an answer counts as none: what JavaScript takes for false."""
    return not answer and not isinstance(answer, dict | list)


def _told(error: CodeError, extension: Extension) -> str:
    known = error.where and error.where != str(extension.reference)
    hint = "; SOJOURN_HOOK_TIMEOUT_MS allows more" if error.overdue else ""
    return f"{error.what}{hint}" + (f" at {error.where}" if known else "")


def _asked_for(error: CodeError) -> SkipTrial | StopRun | None:
    """Hooks ask for something by raising `Skip` or `StopSuite`, from wherever they have the class."""
    name, _, reason = error.what.partition(": ")
    if name in ("Skip", "SkipTrial"):
        return SkipTrial(reason or "skipped by a hook")
    if name in ("StopSuite", "StopRun"):
        return StopRun(reason or "stopped by a hook")
    return None
