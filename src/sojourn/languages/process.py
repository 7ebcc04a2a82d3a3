"""One language process: started when first needed, spoken to over a private socket, stopped as a whole group.

Whatever it does - exit, crash, hang, print - costs the calls that were in flight, never the run.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import functools
import itertools
import os
import re
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sojourn.errors import CodeDiedError, CodeError
from sojourn.languages import protocol
from sojourn.languages.lines import WholeLines
from sojourn.languages.pending import Pending, died
from sojourn.languages.sharing import SharedState
from sojourn.languages.will import Will
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict
from sojourn.protocols import Called

DEFAULT_DEADLINE_MS = 300_000
ANSWER_GRACE = 1.0
STOP_GRACE = 2.0
DEATH_GRACE = 0.2
BATCH = 4
ANSWER = re.compile(rb'\{"id": ?([0-9]+)')
READY_GRACE = 30.0
_LIVES = itertools.count(1)


class Heir(msgspec.Struct, frozen=True, kw_only=True):
    """What a process inherits besides its socket.

    It holds the descriptors while it lives; `on_start(pid)` is told of it; `shared` is the run's state,
    `will` what it is to do should the engine die.
    """

    descriptors: tuple[int, ...] = ()
    on_start: Callable[[int], None] = lambda _: None
    shared: SharedState = msgspec.field(default_factory=SharedState)
    will: Will = msgspec.field(default_factory=Will)


class LanguageProcess(asyncio.Protocol):
    """Runs calls in one process of one language.

    `command` starts the host, the socket's descriptor is appended to it; `on_print` receives what no call printed.
    `life` is a number that no other life of any process has: what lived in an earlier life is gone.
    """

    def __init__(
        self, tongue: str, command: list[str], env: Mapping[str, str], on_print: Callable[[str], None], heir: Heir
    ) -> None:
        self.tongue = tongue
        self._command = command
        self._env = dict(env)
        self._on_print = on_print
        self._unclaimed = WholeLines(on_print)
        self._heir = heir
        self._refs: dict[Reference, int] = {}
        self._pending: dict[int, Pending] = {}
        self._number = 0
        self.life = next(_LIVES)
        self._past: set[int] = set()
        self._buffer = bytearray()
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[None] | None = None
        self._outgoing: list[bytes] = []
        self._guilty: tuple[int, str] = (0, "")
        self._death = ""
        self._reaping: asyncio.Task[None] | None = None
        self._drain: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._closing = False
        self._unanswered: set[int] = set()
        self._hearing = asyncio.Event()
        self._hearing.set()

    # --- calling -----------------------------------------------------------------------------------------------

    async def call(self, reference: Reference, arguments: tuple[Any, ...], deadline_ms: float, mark: str) -> Called:
        """Call a function; see `protocols.Code`."""
        if mark:
            self._heir.will.begun.add(mark)

        return await self._ask(
            reference, deadline_ms, lambda number, ref: protocol.call(number, ref, arguments, mark), arguments
        )

    async def load(self, reference: Reference) -> Called:
        """Load a function without calling it; see `protocols.Code`."""
        return await self._ask(reference, 0, protocol.load)

    def tell_will(self) -> None:
        """Tell the process, if it runs, its part of the run's last will; see `will.Will`."""
        will = self._heir.will
        if not will.ledger or self._process is None:
            return
        mine = will.of(self.tongue)
        defined = [self._defined(reference) for _, _, reference, _ in mine]
        items = [
            {"mark": mark, "needs": needs, "ref": self._refs[reference], "args": arguments}
            for mark, needs, reference, arguments in mine
        ]
        self._send(*defined, protocol.will(items, will.ledger, sorted(will.begun)))

    def tell_state(self, change: JsonDict) -> None:
        """Tell the process what others have changed in the shared state; see `SharedState`."""
        if self._ready is not None:
            self._send(protocol.state(change))

    async def session(self, reference: Reference, request: JsonDict, deadline_ms: float) -> Called:
        """Treat a session that lives in the process; what it prints is no trial's own, unless it is a trial's question.

        See `protocols.Code`.
        """
        frame = functools.partial(protocol.session, request=request)
        if "args" in request:
            return await self._ask(reference, deadline_ms, frame, request["args"])
        try:
            called = await self._ask(reference, deadline_ms, frame)
        except CodeError as error:
            self._on_print(error.printed)
            raise
        self._on_print(called.printed)
        return called

    async def _ask(
        self, reference: Reference, deadline_ms: float, frame: Callable[[int, int], bytes], lent: Iterable[Any] = ()
    ) -> Called:
        await self._wait_to_be_heard(reference)
        if self._past and (lost := protocol.sessions_of(self._past, lent)):
            raise CodeDiedError("a session that it was lent went with its process", where=str(reference), lost=lost)
        self._number += 1
        number = self._number
        pending = Pending(asyncio.get_running_loop().create_future(), reference)
        self._pending[number] = pending
        self._send(self._defined(reference), frame(number, self._refs[reference]))
        seconds = (deadline_ms or DEFAULT_DEADLINE_MS) / 1000
        timer = asyncio.get_running_loop().call_later(seconds, self._expire, number, seconds)
        try:
            value = await asyncio.shield(pending.future)
        except asyncio.CancelledError:
            await self._see_to_its_end(number, pending)
            raise
        finally:
            timer.cancel()
            self._pending.pop(number, None)
        return Called(value, "".join(pending.printed))

    async def _wait_to_be_heard(self, reference: Reference) -> None:
        """Wait until the process is there and not held up; whose time runs out meanwhile is a bystander."""
        try:
            await self._hearing.wait()
            while self._ready is None or not self._ready.done():
                await self._start()
        except asyncio.CancelledError:
            raise CodeDiedError("its process was held up, or had to be started again", where=str(reference)) from None

    async def _see_to_its_end(self, number: int, pending: Pending) -> None:
        """Cancel a call for a caller who was cancelled; raises CodeDiedError where that was another call's fault."""
        if not pending.future.done():
            self._give_up(number, pending, "cancelled")
            await asyncio.wait([pending.future])
        error = pending.future.exception()
        if isinstance(error, CodeDiedError) and not error.guilty:
            raise error

    def _defined(self, reference: Reference) -> bytes:
        if reference in self._refs:
            return b""
        self._refs[reference] = len(self._refs) + 1
        return protocol.define(self._refs[reference], reference)

    def _send(self, *frames: bytes) -> None:
        """Gather what is sent in one turn of the loop into few writes: the other end works while we go on."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.extend(frames)
        if len(self._outgoing) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        data, self._outgoing = b"".join(self._outgoing), []
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _expire(self, number: int, seconds: float) -> None:
        pending = self._pending.get(number)
        if pending is None or pending.future.done():
            return
        self._give_up(number, pending, f"still running after {seconds:g} s, and given up")

    def _give_up(self, number: int, pending: Pending, why: str) -> None:
        """Cancel a call; until the process has acknowledged it, it may be held up, and nothing new is sent to it."""
        pending.given_up = why
        self._send(protocol.cancel(number))
        asyncio.get_running_loop().call_later(ANSWER_GRACE, self._stop_if_deaf, number)
        self._unanswered.add(number)
        self._hearing.clear()

    def _stop_if_deaf(self, number: int) -> None:
        """A process that does not even answer a cancellation is stopped: its loop is held up for good."""
        if number in self._unanswered:
            self._death = "it was stopped, for a call held it up"
            self._signal(signal.SIGKILL)

    def _heard(self, number: int) -> None:
        self._unanswered.discard(number)
        if not self._unanswered:
            self._hearing.set()

    # --- the process -------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        """Start the process, or wait with the others who do; who gives up waiting does not end what is begun."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._spawn_after_burial())
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._starting)

    async def _spawn_after_burial(self) -> None:
        if self._reaping is not None:
            await self._reaping
        await self._spawn()

    async def _spawn(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ready: asyncio.Future[None] = loop.create_future()
        self._refs.clear()
        self._buffer.clear()
        self._guilty, self._death = (0, ""), ""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(), *self._heir.descriptors),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise CodeError(f"{self._command[0]} cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
        self._heir.on_start(self._process.pid)
        self._ready = ready
        self._drain = asyncio.create_task(self._drain_output(self._process))
        self._transport, _ = await loop.create_connection(lambda: self, sock=ours)
        self._send(self._heir.shared.join(self))
        self.tell_will()
        try:
            async with asyncio.timeout(READY_GRACE):
                await ready
        except TimeoutError:
            self._signal(signal.SIGKILL)
            raise CodeError(f"the {self.tongue} process was not ready within {READY_GRACE:g} s") from None

    async def _drain_output(self, process: asyncio.subprocess.Process) -> None:
        """Pass on what is printed outside any call, so that no pipe fills up."""
        assert process.stdout is not None
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while chunk := await process.stdout.read(1 << 16):
            self._unclaimed.add(0, decoder.decode(chunk))

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def close(self) -> None:
        """Ask the process to end, then make its whole group end."""
        self._closing = True
        if self._starting is not None:
            await asyncio.wait([self._starting])
        process = self._process
        if process is None:
            return
        self._send(protocol.EXIT)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), STOP_GRACE)
        self._signal(signal.SIGTERM if process.returncode is None else signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), STOP_GRACE)
        self._signal(signal.SIGKILL)
        await process.wait()
        if self._reaping is not None:
            await self._reaping
        if self._drain is not None:
            await asyncio.wait([self._drain], timeout=STOP_GRACE)
            self._drain.cancel()
        self._process = None

    # --- what arrives ------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take whole lines; keep the rest."""
        if b"\n" not in data:
            self._buffer += data
            return
        lines = (bytes(self._buffer) + data).split(b"\n") if self._buffer else data.split(b"\n")
        self._buffer[:] = lines.pop()
        for line in lines:
            try:
                self._take(protocol.read(line))
            except (ValueError, RecursionError) as error:
                self._take(self._unreadable(line, error))

    def _unreadable(self, line: bytes, error: Exception) -> JsonDict:
        """Return what an answer that cannot be read comes to; whose it is nobody knows, so ends the process."""
        told = ANSWER.match(line)
        if told is None:
            self._death = f"what it wrote to its channel cannot be read: {error}"
            self._signal(signal.SIGKILL)
            return {}
        return {"id": int(told[1]), "error": {"what": f"it returned what cannot be read: {error}"}}

    def _take(self, frame: JsonDict) -> None:
        number = frame.get("id", 0)
        pending = self._pending.get(number)
        if "print" in frame:
            if pending is None:
                self._unclaimed.add(number, frame["print"])
            else:
                pending.printed.append(frame["print"])
        elif "error" in frame or "value" in frame:
            self._heard(number)
            if pending is not None:
                holder = self._guilty[0]
                pending.settle(frame, held_up=holder != number and holder in self._pending)
        elif "asked" in frame:
            self._send(protocol.answer(frame["asked"], self._heir.shared.told(frame["do"])))
        elif "state" in frame:
            self._heir.shared.change(frame["state"], self)
        elif "ready" in frame:
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
        elif "holding" in frame:
            self._guilty = (frame["holding"], "")
        elif "guilty" in frame:
            self._guilty = (frame["guilty"], frame["what"])
        elif "blocked" in frame:
            self._on_print(
                f"sojourn: a coroutine holds up the event loop at {frame['blocked']}; use await, or a plain function\n"
            )

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        """The process ended: tell every call in flight why; who calls from now on has another."""
        self._past.add(self.life)
        self.life = next(_LIVES)
        pending, self._pending = self._pending, {}
        ready, self._ready = self._ready, None
        self._reaping = asyncio.get_running_loop().create_task(self._bury(pending, ready))

    async def _bury(self, pending: dict[int, Pending], ready: asyncio.Future[None] | None) -> None:
        process = self._process
        if process is None:
            return
        try:
            code = await asyncio.wait_for(process.wait(), DEATH_GRACE)
        except TimeoutError:
            # It closed its socket and lives, or is dead and what it started holds its output open: either has to end.
            self._signal(signal.SIGKILL)
            code = await process.wait()
        self._signal(signal.SIGKILL)
        self._unclaimed.end()
        how = self._death or self._guilty[1] or died(code)
        if ready is not None and not ready.done():
            ready.set_exception(CodeError(f"the {self.tongue} process ended before it was ready: {how}"))
        elif not self._closing:
            self._on_print(f"sojourn: the {self.tongue} process ended: {how}; what was in its memory is gone\n")
        self._unanswered.clear()
        self._hearing.set()
        named = self._guilty[0]
        for number, call in pending.items():
            call.mourn(how, guilty=number == named or (not named and len(pending) == 1))


def host_file(name: str) -> str:
    """Return where a host's source lies."""
    return str(Path(__file__).parent / name)
