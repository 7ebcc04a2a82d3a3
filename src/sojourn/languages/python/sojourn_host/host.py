"""The Python process in which users' code runs; started by `process.py`, imports nothing of Sojourn.

It reads frames (one JSON object a line) from a private socket and answers on it; standard output stays the user's.
Coroutines run on the one event loop of the main thread, plain functions in threads beside it, so all code shares its
modules, and an async pool opened in one call works in the next.

    in:  {"ref": 3, "define": {...}}   {"id": 7, "ref": 3, "args": [...]}   {"id": 7, "ref": 3, "load": true}
         {"id": 7, "ref": 3, "session": {"do": "open", "key": "k", ...}}   {"cancel": 7}   {"exit": true}
         {"will": [{"mark": "afterAll:0", "ref": 3, "args": [...]}], "ledger": "/path"}
         {"state": {"set": {...}, "drop": [...]}}   (both ways)   {"answer": 3, "value": ...}
    out: {"ready": pid}   {"id": 7, "value": ...}   {"id": 7, "error": {...}}   {"id": 7, "print": "..."}
         {"guilty": 7, "what": "..."}   {"holding": 7}   {"blocked": "file:line"}
         {"asked": 3, "do": ["incr", "key", 1]}
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from .channel import CURRENT, Capture, Channel
from .last_will import LastWill
from .living import Household, marked, told
from .loading import Loader
from .sharing import SharedState
from .telling import HERE, meant, problem, safe

BLOCK_SECONDS = 2.0
LAST_GRACE = 10.0
TICK = 0.01


class Host:
    """Takes calls from the channel and sees that each is answered once."""

    def __init__(self, channel: Channel, loop: asyncio.AbstractEventLoop) -> None:
        self.channel = channel
        self.loop = loop
        self.loader = Loader()
        self.household = Household()
        self.will = LastWill()
        self.shared = SharedState(channel.send)
        self.orphaned = False
        self.definitions: dict[int, dict[str, str]] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.threaded: set[int] = set()
        self.work: queue.SimpleQueue[tuple[Any, dict[str, Any]]] = queue.SimpleQueue()
        self.idle = 0
        self.lock = threading.Lock()
        self.ticked = True
        self.done = asyncio.Event()
        self.ending = threading.Event()

    def read(self) -> None:
        """Take frames until the engine is gone (its own thread, so that users' coroutines cannot hold it up)."""
        for lines in self.channel.lines():
            for line in lines:
                frame = json.loads(line)
                try:
                    self.take(frame)
                except Exception as error:  # noqa: BLE001  who reads must go on reading; the call hears of it
                    self.channel.send({"id": frame.get("id", 0), "error": problem(error)})
        self.orphaned = not self.done.is_set()
        self.shared.desert()
        self.loop.call_soon_threadsafe(self.end)
        if not self.ending.wait(LAST_GRACE):
            os._exit(1)

    def end(self) -> None:
        """Begin to end; a loop that never comes to this is held up for good."""
        self.ending.set()
        self.done.set()

    def take(self, frame: dict[str, Any]) -> None:
        """Sort one frame."""
        if "define" in frame:
            self.definitions[frame["ref"]] = frame["define"]
        elif "cancel" in frame:
            self.cancel(frame["cancel"])
        elif "will" in frame:
            self.will.take(frame)
        elif "state" in frame:
            self.shared.take(frame["state"])
        elif "answer" in frame:
            self.shared.answered(frame)
        elif "exit" in frame:
            self.loop.call_soon_threadsafe(self.end)
        else:
            if "mark" in frame:
                self.will.begun(frame["mark"])
            function = self.loader.known(frame["ref"])
            if function is None or "load" in frame or "session" in frame or inspect.iscoroutinefunction(function):
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
            known = marked(function) if inspect.ismodule(function) else told(function)
            self.answer(frame["id"], {"value": known}, self.channel.send)
            return
        if "session" in frame:
            self.lend(frame["session"].get("args", []))
            frame["args"] = [function, frame["session"]]
            function = self.household.do
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
                self.lend(frame["args"])
                value = function(*frame["args"])
                if inspect.isawaitable(value):
                    value = asyncio.run_coroutine_threadsafe(settled(value), self.loop).result()
                answer = {"value": self.told(frame, value)}
            except BaseException as error:  # noqa: BLE001  whatever users' code raises belongs to its own call
                answer = {"error": problem(error)}
            self.end_if_forked()
            if frame["id"] in self.threaded:
                self.threaded.discard(frame["id"])
                self.answer(frame["id"], answer, self.channel.send)
            CURRENT.set(0)
            with self.lock:
                self.idle += 1

    async def run(self, function: Any, frame: dict[str, Any]) -> None:
        """Run a coroutine function to its answer."""
        CURRENT.set(frame["id"])
        try:
            self.lend(frame["args"])
            answer = {"value": self.told(frame, await function(*frame["args"]))}
        except BaseException as error:  # noqa: BLE001  as in labour
            answer = {"error": problem(error)}
        self.end_if_forked()
        if frame["id"] in self.tasks:
            self.answer(frame["id"], answer, lambda told: self.channel.gather(told, self.loop))

    def end_if_forked(self) -> None:
        """End a child that users' code has forked and let return: its parent answers."""
        if self.channel.deserted:
            os._exit(0)

    def lend(self, arguments: list[Any]) -> None:
        """Put what lives here in its place in a call's arguments."""
        self.household.lend(arguments)
        self.shared.lend(arguments)

    def told(self, frame: dict[str, Any], value: Any) -> Any:
        """Return what of a call's answer is meant for the engine."""
        return meant(self.definitions[frame["ref"]]["role"], value)

    def answer(self, call: int, answer: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> None:
        """Send an answer, after what the call changed in the shared state; or say why it cannot be sent."""
        changes = self.shared.changes()
        if changes:
            send({"state": changes})
        try:
            send({"id": call, **answer})
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
            self.loop.call_soon_threadsafe(self.cancel_task, call)
            running = asyncio.current_task(self.loop)
            holders = [number for number, task in list(self.tasks.items()) if task is running]
            if holders:
                self.channel.send_first({"holding": holders[0]})

    def cancel_task(self, call: int) -> None:
        """Cancel a coroutine and say so at once: it may take its time, or not care."""
        task = self.tasks.pop(call, None)
        if task is not None:
            task.cancel()
            self.channel.send(
                {"id": call, "error": {"what": "cancelled", "trace": "", "where": "", "type": "cancelled"}}
            )

    async def leave(self) -> None:
        """End: alone, what is under way is finished and the last will done; then all that lives here is closed."""
        if self.orphaned:
            await self.finish()
            await self.will.execute(self.call_last)
        for task in list(self.tasks.values()):
            task.cancel()
        await self.household.end(self.will.write)

    async def finish(self) -> None:
        """Wait for what is under way, for so long."""
        deadline = self.loop.time() + LAST_GRACE
        while (self.threaded or self.tasks) and self.loop.time() < deadline:  # noqa: ASYNC110  threads set no event
            await asyncio.sleep(TICK)

    async def call_last(self, ref: int, arguments: list[Any]) -> None:
        """Make one call of the last will; nobody is there to hear how it went."""
        CURRENT.set(-1)
        self.lend(arguments)
        with contextlib.suppress(BaseException):
            function = self.loader.known(ref) or self.loader.load(ref, self.definitions[ref])
            is_async = inspect.iscoroutinefunction(function)
            work = function(*arguments) if is_async else asyncio.to_thread(function, *arguments)
            await asyncio.wait_for(work, LAST_GRACE)

    def watch(self) -> None:
        """Report the line that holds up the event loop while coroutines wait for it."""
        main = threading.main_thread().ident
        reported: set[str] = set()
        stop = threading.Event()
        while not stop.wait(BLOCK_SECONDS):
            if not self.ticked and self.tasks and main is not None:
                frame = sys._current_frames().get(main)  # noqa: SLF001  the only way to see where a thread is
                while frame and frame.f_code.co_filename.startswith(HERE):
                    frame = frame.f_back
                place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
                if place and place not in reported:
                    reported.add(place)
                    self.channel.send({"blocked": place})
            self.ticked = False
            try:
                self.loop.call_soon_threadsafe(setattr, self, "ticked", True)
            except RuntimeError:  # the loop is closed: the process ends
                return


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
    os.register_at_fork(after_in_child=channel.desert)
    sys.stdout, sys.stderr = Capture(channel, sys.stdout), Capture(channel, sys.stderr)
    host = Host(channel, asyncio.get_running_loop())
    threading.Thread(target=host.read, daemon=True).start()
    threading.Thread(target=host.watch, daemon=True).start()
    channel.send({"ready": os.getpid()})
    await host.done.wait()
    await host.leave()


def main() -> None:
    """Open the socket whose descriptor is the only argument, and serve, even if users' code stops the loop."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(sock.fileno(), False)
    sys.argv = [""]
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        serving = loop.create_task(serve(sock))
        while not serving.done():
            # A task of users' code that raises SystemExit, or that stops the loop, ends that: and we go on.
            with contextlib.suppress(SystemExit, KeyboardInterrupt, RuntimeError):
                loop.run_until_complete(serving)
