"""Functions that were handed over as objects: they run in the caller's own process and loop, and nowhere else.

They keep to the rules of the other places: arguments and answers are plain JSON data, copies, so that the same suite
gives the same verdicts here and there. What there is not is a border: whoever ends the process ends the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from sojourn.errors import CodeError
from sojourn.languages.python.sojourn_host.living import Household, told
from sojourn.languages.python.sojourn_host.sharing import SharedState as OwnState
from sojourn.languages.python.sojourn_host.telling import meant, problem
from sojourn.languages.sharing import SharedState
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict
from sojourn.protocols import Called

NOTE = "# Stands for functions that were handed to sojourn.evaluate; they run in the process that called it.\n"


class Inline:
    """Objects by the names that references to them have. The file that these speak of is there and says so."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="sojourn-inline-")
        self.path = str(Path(self._folder, "inline.py"))
        Path(self.path).write_text(NOTE, encoding="utf-8")
        self._objects: dict[str, Any] = {}

    def named(self, thing: Any) -> str:
        """Return the reference by which a suite names an object; the same object has one name."""
        for name, known in self._objects.items():
            if known is thing:
                return f"file://{self.path}:{name}"
        own = "".join(letter for letter in getattr(thing, "__name__", "") if letter.isalnum() or letter == "_")
        name = own if own and own not in self._objects else f"{own or 'object'}_{len(self._objects) + 1}"
        self._objects[name] = thing
        return f"file://{self.path}:{name}"

    def holds(self, reference: Reference) -> bool:
        """Tell whether a reference is to one of these objects."""
        return reference.path == self.path

    def find(self, reference: Reference) -> Any:
        """Return the object that a reference names; raises CodeError where a method of it is not there."""
        name, _, method = reference.name.partition(".")
        found = self._objects[name]
        found = getattr(found() if inspect.isclass(found) and method else found, method, None) if method else found
        if not callable(found):
            raise CodeError(f"{reference.name} is not a function", where=str(reference))
        return found

    def place(self, shared: SharedState) -> InlinePlace:
        """Return where they run in one run, whose state is shared with all other places."""
        return InlinePlace(self, shared)

    def close(self) -> None:
        """Forget the objects."""
        shutil.rmtree(self._folder, ignore_errors=True)


class InlinePlace:
    """Does for objects what a `LanguageProcess` does for files."""

    life = 0

    def __init__(self, inline: Inline, shared: SharedState) -> None:
        self._inline = inline
        self._shared = shared
        self._household = Household()
        self._state = OwnState(self._hear)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.current_thread()
        shared.join(self)

    async def call(self, reference: Reference, arguments: tuple[Any, ...], deadline_ms: float, mark: str) -> Called:
        """Call a function; see `protocols.Code`."""
        del mark  # the last will of a run is done by other processes; here everything ends with the caller's
        given: list[Any] = _copied(list(arguments), reference)
        self._household.lend(given)
        self._state.lend(given)
        value = await self._ask(reference, deadline_ms, self._inline.find(reference), given)
        return Called(_copied(meant(reference.role, value), reference))

    async def load(self, reference: Reference) -> Called:
        """See what a function can do; see `protocols.Code`."""
        known = told(self._inline.find(reference))
        return Called({**known, "abilities": [each for each in known["abilities"] if each != "reclaim"]})

    async def session(self, reference: Reference, request: JsonDict, deadline_ms: float) -> Called:
        """Treat a session that lives here; see `protocols.Code`."""
        asked = _copied({**request, "given": None}, reference) | {"given": request.get("given")}
        self._household.lend(asked.get("args") or [])
        self._state.lend(asked.get("args") or [])
        kind = self._inline.find(reference)
        return Called(await self._ask(reference, deadline_ms, self._household.do, [kind, asked]))

    async def _ask(self, reference: Reference, deadline_ms: float, function: Any, given: list[Any]) -> Any:
        limit = deadline_ms / 1000 if 0 < deadline_ms < float("inf") else None
        try:
            async with asyncio.timeout(limit) as timer:
                value = await _called(function, given)
        except Exception as error:
            if isinstance(error, TimeoutError) and timer.expired():
                late = CodeError(f"still running after {limit:g} s, and given up", where=str(reference))
                late.overdue = True
                raise late from None
            why = problem(error)
            raise CodeError(why["what"], where=why["where"] or str(reference), trace=why["trace"]) from error
        finally:
            if changed := self._state.changes():
                self._shared.change(changed, self)
        return value

    def tell_will(self) -> None:
        """Have none."""

    def tell_state(self, change: JsonDict) -> None:
        """Take what other places have changed in the shared state."""
        self._state.take(change)

    def _hear(self, frame: JsonDict) -> None:
        """Take what a call tells the engine, on whatever thread it runs."""
        if threading.current_thread() is self._thread:
            self._take(frame)
        else:
            self._loop.call_soon_threadsafe(self._take, frame)

    def _take(self, frame: JsonDict) -> None:
        if "asked" in frame:
            self._state.answered({"answer": frame["asked"], **self._shared.told(frame["do"])})
        else:
            self._shared.change(frame["state"], self)

    async def close(self) -> None:
        """Leave nothing open that nobody closed."""
        await self._household.end(lambda _: None)


async def _called(function: Callable[..., Any], given: list[Any]) -> Any:
    """Await a coroutine function here, run any other in a thread beside the loop."""
    if inspect.iscoroutinefunction(function):
        return await function(*given)
    value = await _in_thread(function, given)
    return await value if inspect.isawaitable(value) else value


async def _in_thread(function: Callable[..., Any], given: list[Any]) -> Any:
    """Call a function in a thread of its own, as many as there are calls; one that hangs holds nobody up, ever."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(tell: Callable[[Any], None], told: Any) -> None:
        if not future.done():
            tell(told)

    def work() -> None:
        try:
            told = (future.set_result, context.run(function, *given))
        except StopIteration as error:  # no future takes it
            told = (future.set_exception, RuntimeError(f"StopIteration: {error}"))
        except BaseException as error:  # noqa: BLE001  whatever users' code raises belongs to its own call
            told = (future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, *told)

    threading.Thread(target=work, daemon=True).start()
    return await future


def _copied(value: Any, reference: Reference) -> Any:
    """Return a copy that has been JSON; raises CodeError where it cannot be."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise CodeError(f"it returned what JSON cannot carry: {error}", where=str(reference)) from error
