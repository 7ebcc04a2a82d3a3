"""The Python process in which users' code runs; started by `process.py`, imports nothing of Sojourn.

It reads frames (one JSON object a line) from a private socket and answers on it; standard output stays the user's.
Coroutines run on the one event loop of the main thread, plain functions in threads beside it, so all code shares its
modules, and an async pool opened in one call works in the next.

    in:  {"ref": 3, "define": {...}}   {"id": 7, "ref": 3, "args": [...]}   {"id": 7, "ref": 3, "load": true}
         {"cancel": 7}   {"exit": true}
    out: {"ready": pid}   {"id": 7, "value": ...}   {"id": 7, "error": {...}}   {"id": 7, "print": "..."}
         {"guilty": 7, "what": "..."}   {"blocked": "file:line"}
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import importlib.util
import inspect
import io
import json
import os
import queue
import socket
import sys
import textwrap
import threading
import traceback
from typing import Any

CURRENT: contextvars.ContextVar[int] = contextvars.ContextVar("CURRENT", default=0)
DEFAULT_NAMES = {
    "provider": "call_api",
    "hook": "get_transform",
    "assertion": "get_assert",
    "transform": "get_transform",
    "transform_vars": "get_transform",
    "context_transform": "get_transform",
    "tests": "generate_tests",
    "variable": "get_var",
    "config": "get_config",
    "value": "get_assert",
    "prompt": "get_prompt",
    "scoring": "get_assert",
}
PARAMETERS = {
    "assertion": ("output", "context"),
    "transform": ("output", "context"),
    "transform_vars": ("vars", "context"),
    "context_transform": ("output", "context"),
}
BODY_WORDS = ("return", "import", "from", "def", "class", "if", "for", "while", "try", "with", "raise", "assert")
BLOCK_SECONDS = 2.0


class UnanswerableError(Exception):
    """The call cannot be made or its answer cannot be sent; the text is for the user."""


class Channel:
    """The private socket: frames out from any thread, whole lines in."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()

    def send(self, frame: dict[str, Any]) -> None:
        """Send one frame; the engine being gone is not our trouble (the reader sees it)."""
        data = json.dumps(frame, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):
            self._sock.sendall(data)

    def lines(self) -> Any:
        """Yield lists of complete lines until the engine closes its end."""
        parts: list[bytes] = []
        while chunk := self._sock.recv(1 << 18):
            parts.append(chunk)
            if b"\n" in chunk:
                whole = b"".join(parts).split(b"\n")
                parts = [whole.pop()]
                yield whole


class Capture(io.TextIOBase):
    """A standard stream that knows which call is printing."""

    def __init__(self, channel: Channel, plain: Any) -> None:
        self._channel = channel
        self._plain = plain

    def write(self, text: str) -> int:
        """Send the text to the call that prints it, or to the plain stream outside any call."""
        call = CURRENT.get()
        if call:
            safe = text.encode("utf-8", "replace").decode()
            self._channel.send({"id": call, "print": safe})
        else:
            self._plain.write(text)
            self._plain.flush()
        return len(text)

    def writable(self) -> bool:
        """Say yes: this is an output stream."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # TextIOBase types it as a plain attribute
        """Text is sent as UTF-8."""
        return "utf-8"

    def fileno(self) -> int:
        """Give the real descriptor, for subprocesses that inherit it."""
        return int(self._plain.fileno())


class Loader:
    """From a definition to a function; each file is one module, however it is reached."""

    def __init__(self) -> None:
        self._functions: dict[int, Any] = {}

    def known(self, ref: int) -> Any:
        """Return the function if it is loaded already."""
        return self._functions.get(ref)

    def load(self, ref: int, definition: dict[str, str]) -> Any:
        """Load the function that a definition names."""
        function = inline(definition) if definition["source"] else named(module_of(definition["path"]), definition)
        self._functions[ref] = function
        return function


def module_of(path: str) -> Any:
    """Import a file as the module that its neighbours would import it as."""
    if not os.path.isfile(path):
        raise UnanswerableError(f"there is no file {path}")
    folder, filename = os.path.split(path)
    stem = filename.removesuffix(".py")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    found = sys.modules.get(stem)
    if found is None and stem.isidentifier():
        importlib.invalidate_caches()
        spec = importlib.util.find_spec(stem)
        if spec and spec.origin and os.path.realpath(spec.origin) == os.path.realpath(path):
            return importlib.import_module(stem)
    if found is not None and os.path.realpath(getattr(found, "__file__", None) or "") == os.path.realpath(path):
        return found
    return load_apart(path)


def load_apart(path: str) -> Any:
    """Load a file whose natural module name is taken by another module."""
    name = "sojourn_user_" + path.strip("/").replace("/", "_").replace(".", "_").replace("-", "_")
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnanswerableError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def named(module: Any, definition: dict[str, str]) -> Any:
    """Find the function, or method (`Class.method`), that the definition names or its role implies."""
    name = definition["name"] or DEFAULT_NAMES.get(definition["role"], "main")
    target: Any = module
    for part in name.split("."):
        if inspect.isclass(target):
            target = target()
        target = getattr(target, part, None)
        if target is None:
            there = [
                n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__
            ]
            raise UnanswerableError(
                f"{definition['path']} has no function {name!r}; it has: {', '.join(sorted(there)) or 'none'}"
            )
    if not callable(target):
        raise UnanswerableError(f"{name!r} in {definition['path']} is not a function")
    return target


def inline(definition: dict[str, str]) -> Any:
    """Compile inline code: one line is an expression, several lines are a body that returns."""
    source = textwrap.dedent(definition["source"]).strip()
    names = PARAMETERS.get(definition["role"], ("output", "context"))
    is_body = "\n" in source or source.split(" ", 1)[0].rstrip("(:") in BODY_WORDS
    body = source if is_body else f"return ({source})"
    text = f"def inline({', '.join(names)}):\n" + textwrap.indent(body, "    ")
    scope: dict[str, Any] = {"json": json, "os": os, "sys": sys, "__name__": "sojourn_inline"}
    exec(compile(text, "<inline python>", "exec"), scope)  # noqa: S102  the suite's author wrote this code to be run
    return scope["inline"]


def problem(error: BaseException, where: str = "") -> dict[str, str]:
    """Describe an exception: what it says, and the trace through the user's own frames."""
    if isinstance(error, UnanswerableError):
        return {"what": str(error), "trace": "", "where": where}
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    trace = "".join(traceback.format_list(own)) + "".join(traceback.format_exception_only(type(error), error))
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SystemExit):
        what = f"it called sys.exit({error.code!r})"
    place = f"{own[-1].filename}:{own[-1].lineno}" if own else where
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    return {"what": safe(what), "trace": safe(trace), "where": place, "type": type(error).__name__}


def safe(text: str) -> str:
    """Make text that UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode()


class Host:
    """Takes calls from the channel and sees that each is answered once."""

    def __init__(self, channel: Channel, loop: asyncio.AbstractEventLoop) -> None:
        self.channel = channel
        self.loop = loop
        self.loader = Loader()
        self.definitions: dict[int, dict[str, str]] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.threaded: set[int] = set()
        self.work: queue.SimpleQueue[tuple[Any, dict[str, Any]]] = queue.SimpleQueue()
        self.idle = 0
        self.lock = threading.Lock()
        self.ticked = True
        self.done = asyncio.Event()

    def read(self) -> None:
        """Take frames until the engine is gone (its own thread, so that users' coroutines cannot hold it up)."""
        for lines in self.channel.lines():
            for line in lines:
                self.take(json.loads(line))
        self.loop.call_soon_threadsafe(self.done.set)

    def take(self, frame: dict[str, Any]) -> None:
        """Sort one frame."""
        if "define" in frame:
            self.definitions[frame["ref"]] = frame["define"]
        elif "cancel" in frame:
            self.cancel(frame["cancel"])
        elif "exit" in frame:
            self.loop.call_soon_threadsafe(self.done.set)
        else:
            function = self.loader.known(frame["ref"])
            if function is None or "load" in frame or inspect.iscoroutinefunction(function):
                self.loop.call_soon_threadsafe(self.begin, frame)
            else:
                self.submit(function, frame)

    def begin(self, frame: dict[str, Any]) -> None:
        """Load if need be, on the main thread; then run a coroutine here and anything else in a thread."""
        ref = frame["ref"]
        token = CURRENT.set(frame["id"])
        try:
            function = self.loader.known(ref) or self.loader.load(ref, self.definitions[ref])
        except BaseException as error:  # noqa: BLE001  a module may raise anything while it loads
            self.channel.send({"id": frame["id"], "error": problem(error, self.definitions[ref]["path"])})
            return
        finally:
            CURRENT.reset(token)
        if "load" in frame:
            self.channel.send({"id": frame["id"], "value": None})
            return
        if inspect.iscoroutinefunction(function):
            task = self.loop.create_task(self.run(function, frame))
            self.tasks[frame["id"]] = task
            task.add_done_callback(lambda _: self.tasks.pop(frame["id"], None))
        else:
            self.submit(function, frame)

    def submit(self, function: Any, frame: dict[str, Any]) -> None:
        """Give a plain function to a free thread, or start one."""
        self.threaded.add(frame["id"])
        with self.lock:
            if self.idle > 0:
                self.idle -= 1
            else:
                threading.Thread(target=self.labour, daemon=True).start()
        self.work.put((function, frame))

    def labour(self) -> None:
        """Run plain functions for as long as there are any."""
        while True:
            function, frame = self.work.get()
            CURRENT.set(frame["id"])
            try:
                value = function(*frame["args"])
                if inspect.isawaitable(value):
                    value = asyncio.run_coroutine_threadsafe(settled(value), self.loop).result()
                answer = {"value": value}
            except BaseException as error:  # noqa: BLE001  whatever users' code raises belongs to its own call
                answer = {"error": problem(error)}
            if frame["id"] in self.threaded:
                self.threaded.discard(frame["id"])
                self.answer(frame["id"], answer)
            CURRENT.set(0)
            with self.lock:
                self.idle += 1

    async def run(self, function: Any, frame: dict[str, Any]) -> None:
        """Run a coroutine function to its answer."""
        CURRENT.set(frame["id"])
        try:
            answer = {"value": await function(*frame["args"])}
        except asyncio.CancelledError:
            answer = {"error": {"what": "cancelled", "trace": "", "where": "", "type": "cancelled"}}
        except BaseException as error:  # noqa: BLE001  as in labour
            answer = {"error": problem(error)}
        self.answer(frame["id"], answer)

    def answer(self, call: int, answer: dict[str, Any]) -> None:
        """Send an answer, or say why it cannot be sent."""
        try:
            self.channel.send({"id": call, **answer})
        except (TypeError, ValueError, RecursionError) as error:
            what = f"it returned what JSON cannot carry: {safe(str(error))}"
            self.channel.send({"id": call, "error": {"what": what, "trace": "", "where": "", "type": "value"}})

    def cancel(self, call: int) -> None:
        """Cancel a coroutine; let a thread go on unheeded, for it cannot be stopped."""
        if call in self.threaded:
            self.threaded.discard(call)
            self.channel.send(
                {"id": call, "error": {"what": "abandoned", "trace": "", "where": "", "type": "abandoned"}}
            )
        else:
            self.loop.call_soon_threadsafe(lambda: self.tasks[call].cancel() if call in self.tasks else None)

    def watch(self) -> None:
        """Report the line that holds up the event loop while coroutines wait for it."""
        main = threading.main_thread().ident
        reported: set[str] = set()
        stop = threading.Event()
        while not stop.wait(BLOCK_SECONDS):
            if not self.ticked and self.tasks and main is not None:
                frame = sys._current_frames().get(main)  # noqa: SLF001  the only way to see where a thread is
                while frame and frame.f_code.co_filename == __file__:
                    frame = frame.f_back
                place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
                if place and place not in reported:
                    reported.add(place)
                    self.channel.send({"blocked": place})
            self.ticked = False
            self.loop.call_soon_threadsafe(setattr, self, "ticked", True)


async def settled(value: Any) -> Any:
    """Wait for an awaitable that a plain function returned."""
    return await value


def confess(channel: Channel) -> None:
    """See that a call which ends the whole process is named before it does."""
    leave, die = os._exit, os.abort

    def exit_(code: int) -> None:
        channel.send({"guilty": CURRENT.get(), "what": f"it called os._exit({code})"})
        leave(code)

    def abort() -> None:
        channel.send({"guilty": CURRENT.get(), "what": "it called os.abort()"})
        die()

    os._exit, os.abort = exit_, abort  # type: ignore[assignment]  # typeshed says NoReturn, and so do these in effect


async def serve(sock: socket.socket) -> None:
    """Run until the engine says so, or is gone."""
    channel = Channel(sock)
    confess(channel)
    sys.stdout, sys.stderr = Capture(channel, sys.stdout), Capture(channel, sys.stderr)
    host = Host(channel, asyncio.get_running_loop())
    threading.Thread(target=host.read, daemon=True).start()
    threading.Thread(target=host.watch, daemon=True).start()
    channel.send({"ready": os.getpid()})
    await host.done.wait()
    for task in list(host.tasks.values()):
        task.cancel()


def main() -> None:
    """Open the socket whose descriptor is the only argument, and serve."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sock = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(sock.fileno(), False)
    sys.argv = [""]
    asyncio.run(serve(sock))


if __name__ == "__main__":
    main()
