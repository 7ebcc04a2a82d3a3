"""Users' sessions that live in this process: opened, lent to calls by name, closed; what is left is closed at the end.

A session is an (async) generator function that yields once, a function that returns it, or a class with `open` and
what else it can do. Parameters are given by name: `config`, `tag`, `base` (the suite's folder), `parents`
(live, by name), the name of each parent, `live` for the session itself.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import inspect
import json
from collections.abc import Callable
from typing import Any

from .channel import CURRENT
from .loading import UnanswerableError

ABILITIES = (
    "check",
    "reset",
    "fork",
    "begin",
    "rollback",
    "fingerprint",
    "reclaim",
    "lend",
    "look",
    "evidence",
    "attach",
)
LAST_GRACE = 10.0


def abilities(kind: Any) -> list[str]:
    """Return what a kind can do besides open and close; what a function opens is reached by its handle alone."""
    if not inspect.isclass(kind):
        return ["attach"]
    return [name for name in ABILITIES if callable(getattr(kind, name, None))]


def only_with(kind: Any) -> dict[str, str]:
    """Return the abilities that a kind has only where a key of its configuration says so."""
    return dict(getattr(kind, "only_with", {})) if inspect.isclass(kind) else {}


def told(kind: Any) -> dict[str, Any]:
    """Return what there is to know of a kind before it opens: what it can do, and what it says of itself."""
    settings = getattr(kind, "sojourn_session", None)
    opener = getattr(kind, "open", None) if inspect.isclass(kind) else kind
    parameters = list(inspect.signature(opener).parameters) if settings is not None and callable(opener) else []
    return {
        "abilities": abilities(kind),
        "only_with": only_with(kind),
        **expected(kind),
        "settings": settings,
        "parameters": parameters,
    }


def expected(kind: Any) -> dict[str, Any]:
    """Return what a class says of its configuration: the names of the types of each of its keys, and what it needs."""
    keys = getattr(kind, "keys", None)
    if not inspect.isclass(kind) or not isinstance(keys, dict):
        return {}
    return {"keys": named(keys), "needs": list(getattr(kind, "needs", ()))}


def named(keys: dict[Any, Any]) -> dict[str, list[Any]]:
    """Return the names of the types of each key; of a key that holds a mapping with keys of its own, these."""
    types = {key: wanted if isinstance(wanted, tuple) else (wanted,) for key, wanted in keys.items()}
    return {
        str(key): [named(each) if isinstance(each, dict) else each.__name__ for each in wanted]
        for key, wanted in types.items()
    }


def marked(module: Any) -> dict[str, Any]:
    """Return what there is to know of all sessions that a module itself has, by their names, in its order."""
    own = {name: each for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__}
    return {name: told(each) for name, each in own.items() if hasattr(each, "sojourn_session")}


def given(function: Callable[..., Any], known: dict[str, Any]) -> dict[str, Any]:
    """Choose the arguments of a function by its parameters' names; the first unknown one is the session itself."""
    chosen: dict[str, Any] = {}
    is_lent = "live" not in known
    for name, parameter in inspect.signature(function).parameters.items():
        if name in known:
            chosen[name] = known[name]
            is_lent = is_lent or name == "live"
        elif parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        elif not is_lent:
            chosen[name] = known["live"]
            is_lent = True
        elif parameter.default is parameter.empty:
            there = ", ".join(sorted(known))
            raise UnanswerableError(f"{function.__name__} wants {name!r}, which is no parent of it; there is: {there}")
    return chosen


class Tenant:
    """One live session. A task of its own opens and closes it; plain code of its runs in a thread of its own.

    With a `parent` it is a fork of that one.
    """

    def __init__(self, kind: Any, known: dict[str, Any], parent: Tenant | None = None) -> None:
        self.live: Any = None
        self.was_open = False
        self._kind = kind
        self._known = known
        self._parent = parent
        self.instance: Any = None
        self._generator: Any = None
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        self._context = contextvars.copy_context()
        self._end = asyncio.Event()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owner: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open; raises what users' code raised. Whoever gives up waiting leaves nothing open behind."""
        self._owner = asyncio.create_task(self._own())
        try:
            await asyncio.shield(self._ready)
        except asyncio.CancelledError:
            self._end.set()
            if self._is_async():
                self._owner.cancel()
            raise

    def _is_async(self) -> bool:
        """Whether opening can be cancelled; a thread cannot, and what it opens in the end is closed at once."""
        opener = self._kind
        if self._parent is not None:
            opener = self._parent.instance.fork
        elif inspect.isclass(opener):
            opener = getattr(self.instance, "open", None)
        return inspect.isasyncgenfunction(opener) or inspect.iscoroutinefunction(opener)

    async def _own(self) -> None:
        try:
            self.live = await self._enter()
        except BaseException as error:  # noqa: BLE001  the opener is told, whatever it was
            self._ready.set_exception(error)
            return
        self.was_open = True
        self._ready.set_result(None)
        await self._end.wait()
        await self._leave()

    async def _enter(self) -> Any:
        kind = self._kind
        if self._parent is not None:
            return await self._fork_of(self._parent)
        if inspect.isclass(kind):
            self.instance = kind()
            opener = getattr(self.instance, "open", None)
            live = await self._run(opener, given(opener, self._known)) if opener is not None else None
            return self.instance if live is None else live
        arguments = given(kind, self._known)
        if inspect.isasyncgenfunction(kind):
            self._generator = kind(**arguments)
            return first(await anext(self._generator, _OVER))
        if inspect.isgeneratorfunction(kind):
            self._generator = kind(**arguments)
            return first(await self._run(next, {}, self._generator, _OVER))
        return await self._run(kind, arguments)

    async def _fork_of(self, parent: Tenant) -> Any:
        """Fork; a child of the same class looks after itself, any other is looked after by its parent's methods."""
        child = await parent.act("fork", {"tag": self._known["tag"]})
        self.instance = child if isinstance(child, self._kind) else parent.instance
        return child

    async def _run(self, function: Callable[..., Any], named: dict[str, Any], *placed: Any) -> Any:
        """Await a coroutine here; run a plain function in the session's own thread."""
        if inspect.iscoroutinefunction(function):
            return await function(*placed, **named)
        loop = asyncio.get_running_loop()
        work = functools.partial(self._context.run, function, *placed, **named)
        value = await loop.run_in_executor(self._thread, work)
        return await value if inspect.isawaitable(value) else value

    async def _leave(self) -> None:
        if self._generator is not None:
            await self._finish_generator()
        elif self.instance is not None and hasattr(self.instance, "close"):
            await self._run(self.instance.close, given(self.instance.close, {**self._known, "live": self.live}))

    async def _finish_generator(self) -> None:
        if inspect.isasyncgen(self._generator):
            async for _ in self._generator:
                raise UnanswerableError("the session's generator yields more than once")
        elif await self._run(next, {}, self._generator, _OVER) is not _OVER:
            raise UnanswerableError("the session's generator yields more than once")

    async def close(self) -> None:
        """Close; raises what users' code raised."""
        self._end.set()
        if self._owner is not None:
            await asyncio.shield(self._owner)
        self._thread.shutdown(wait=False)

    async def act(self, ability: str, more: dict[str, Any]) -> Any:
        """Do what the kind is able to; `more` are parameters that it may have besides those it was opened with."""
        function = getattr(self.instance, ability, None)
        if function is None:
            raise UnanswerableError(f"this session has no {ability!r}")
        return await self._run(function, given(function, {**self._known, "live": self.live, **more}))

    async def ask(self, method: str, arguments: list[Any]) -> Any:
        """Call a method of the session itself: a provider's class that was opened."""
        function = getattr(self.live, method, None) or getattr(self.instance, method, None)
        if function is None:
            raise UnanswerableError(f"this session has no method {method!r}")
        if inspect.iscoroutinefunction(function):
            return await function(*arguments)
        return await self._run(functools.partial(_in_call, CURRENT.get(), function), {}, *arguments)

    def child(self, tag: str) -> Tenant:
        """Return a fork, to be opened as any other."""
        return Tenant(self._kind, {**self._known, "tag": tag}, self)


class Attached(Tenant):
    """A session that another process has opened and will close: known by its handle, and reached by what it says."""

    async def _enter(self) -> Any:
        told = self._known["handle"]
        if not inspect.isclass(self._kind):
            return told
        self.instance = self._kind()
        live = await self._run(self.instance.attach, given(self.instance.attach, {**self._known, "live": told}))
        return self.instance if live is None else live

    async def _leave(self) -> None:
        """Leave it as it is."""


_OVER = object()


def _in_call(call: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in its session's context, but on behalf of a call: what it prints is that call's."""
    token = CURRENT.set(call)
    try:
        return function(*arguments)
    finally:
        CURRENT.reset(token)


def first(told: Any) -> Any:
    """Return what a generator yielded first, which it must."""
    if told is _OVER:
        raise UnanswerableError("the session's generator yields nothing")
    return told


class Household:
    """All sessions that live here, by the key that the engine gave them."""

    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}

    async def do(self, kind: Any, asked: dict[str, Any]) -> Any:
        """Answer a request about a session: open, close, fork, or one of its abilities."""
        what, key = asked["do"], asked["key"]
        if what == "open":
            parents = {name: self.lent(marker) for name, marker in asked["parents"].items()}
            known = {"config": asked["config"], "base": asked.get("base", ""), "tag": key, "parents": parents}
            return await self._open(key, Tenant(kind, {**known, **parents}))
        if what == "attach":
            known = {"config": asked["config"], "base": asked["base"], "tag": key, "handle": asked["handle"]}
            return await self._open(key, Attached(kind, known))
        if what == "fork":
            return await self._open(key, self._known(asked["of"]).child(key))
        if what == "reclaim":
            return await reclaim(kind, key, asked["handle"])
        if what == "close":
            return await self._close(kind, key, asked.get("handle"))
        if "args" in asked:
            return await self._known(key).ask(what, asked["args"])
        return await self._known(key).act(what, asked.get("given", {}))

    async def _open(self, key: str, tenant: Tenant) -> dict[str, Any]:
        """Take a tenant in; one whose opener gave up waiting stays: the end sees to it that it is closed."""
        self._tenants[key] = tenant
        try:
            await tenant.open()
        except Exception:
            del self._tenants[key]
            raise
        return {"handle": handle(tenant.live)}

    async def _close(self, kind: Any, key: str, known: Any) -> None:
        """Close a tenant; one whose closing is given up is still known, so that the end waits for it."""
        if key not in self._tenants:
            await close_lost(kind, key, known)
            return
        try:
            await self._tenants[key].close()
        except asyncio.CancelledError:
            raise
        except BaseException:
            del self._tenants[key]
            raise
        del self._tenants[key]

    def _known(self, key: str) -> Tenant:
        if key not in self._tenants:
            raise UnanswerableError("it is gone: the process that it lived in has ended")
        return self._tenants[key]

    def lent(self, marker: Any) -> Any:
        """Return the live session that a marker stands for, or its handle where it lives elsewhere."""
        tenant = self._tenants.get(marker.get("$session", ""))
        return marker.get("handle") if tenant is None else tenant.live

    def lend(self, arguments: list[Any]) -> None:
        """Put live sessions into the call contexts among a call's arguments, in place."""
        for argument in arguments:
            if isinstance(argument, dict) and isinstance(argument.get("sessions"), dict):
                markers = argument["sessions"]
                argument["sessions"] = {
                    name: self.lent(marker) if _is_marker(marker) else marker for name, marker in markers.items()
                }

    async def end(self, write: Callable[[dict[str, Any]], None]) -> None:
        """Close what still lives here, the newest first: the engine is gone and nobody else will."""
        for key, tenant in reversed(list(self._tenants.items())):
            try:
                await asyncio.wait_for(tenant.close(), LAST_GRACE)
            except BaseException:  # noqa: BLE001, S112  the others are still to be closed, and nobody is there to hear
                continue
            if tenant.was_open:
                write({"closed": key})


async def close_lost(kind: Any, tag: str, known: Any) -> None:
    """Close what went with its process: there is nothing left of it here, but perhaps outside."""
    if "reclaim" in abilities(kind):
        await reclaim(kind, tag, known)


async def reclaim(kind: Any, tag: str, known: Any) -> None:
    """Let a kind undo a session of another process by its tag and what was known of it: None if it was never open."""
    instance = kind() if inspect.isclass(kind) else None
    function = getattr(instance, "reclaim", None)
    if function is None:
        raise UnanswerableError("this session has no 'reclaim'")
    arguments = given(function, {"tag": tag, "handle": known, "live": known})
    done = function(**arguments)
    if inspect.isawaitable(done):
        await done


def _is_marker(value: Any) -> bool:
    """Tell what the engine put there from what a model said."""
    return isinstance(value, dict) and ("$session" in value or value.keys() == {"handle"})


def handle(live: Any) -> Any:
    """Return what other processes may know of a session: its own `handle`, or itself if it is plain JSON data."""
    told = getattr(live, "handle", live)
    try:
        json.dumps(told, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return told
