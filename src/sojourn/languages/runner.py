"""All of a run's language processes behind one door: `protocols.Code`."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from sojourn.errors import CodeDiedError, CodeError
from sojourn.languages.process import Heir, LanguageProcess, host_file
from sojourn.model.reference import Reference, Tongue
from sojourn.model.suite import JsonDict
from sojourn.protocols import Called

PYTHON_START = """import sys
sys.path[:] = [sys.argv.pop(1), *sys.path[1:]]
from sojourn_host.host import main
del sys.path[0]
main()"""


Willed = tuple[str, str, Reference, tuple[Any, ...]]
"""A call of the last will: its mark, the mark of the call that must have begun for it, the function, the arguments."""


Group = tuple[str, str, int]
"""What is spread over workers: a file, its interpreter, and how many workers there are."""

LANE: contextvars.ContextVar[dict[Group, int] | None] = contextvars.ContextVar("LANE", default=None)
"""The lane that is being run: which worker it has of each provider that has several."""


class CodeRunner:
    """Calls users' functions, one long-lived process a language.

    `env` is what these processes see; `on_print` receives what is printed outside any call.
    """

    def __init__(self, env: Mapping[str, str], on_print: Callable[[str], None], heir: Heir | None = None) -> None:
        self._env = env
        self._heir = heir or Heir()
        self._on_print = on_print
        self._processes: dict[tuple[Tongue, str, int], LanguageProcess] = {}
        self._turns: dict[Group, Iterator[int]] = {}
        self._calls = 0
        self._alone: asyncio.Task[Any] | None = None
        self._change = asyncio.Condition()

    async def call(self, reference: Reference, *arguments: Any, deadline_ms: float = 0, mark: str = "") -> Called:
        """Call a function; see `protocols.Code`."""
        if self._alone is not None and self._alone is not asyncio.current_task():
            await self._wait_for_the_lonely(reference)
        self._calls += 1
        try:
            return await self._process(reference).call(reference, arguments, deadline_ms, mark)
        finally:
            self._calls -= 1
            if self._alone is not None:
                async with self._change:
                    self._change.notify_all()

    async def _wait_for_the_lonely(self, reference: Reference) -> None:
        try:
            async with self._change:
                await self._change.wait_for(lambda: self._alone is None)
        except asyncio.CancelledError:
            raise CodeDiedError("a trial that had to run alone took too long", where=str(reference)) from None

    async def load(self, reference: Reference) -> JsonDict:
        """Load a function without calling it; see `protocols.Code`."""
        told = (await self._process(reference).load(reference)).value
        return told if isinstance(told, dict) else {}

    def leave_will(self, calls: list[Willed], ledger: str) -> None:
        """Leave calls with the processes that are to make them if the engine dies; an empty list takes them back."""
        for (tongue, executable, worker), process in self._processes.items():
            if executable or worker:
                continue
            process.leave_will([call for call in calls if call[2].tongue == tongue], ledger)

    async def session(self, reference: Reference, request: JsonDict, *, deadline_ms: float = 0) -> Called:
        """Treat a session that lives in its language's process; see `protocols.Code`."""
        return await self._process(reference).session(reference, request, deadline_ms)

    def life(self, reference: Reference) -> int:
        """Say in which life its process is; see `protocols.Code`."""
        return self._process(reference).life

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Let only the current task call: what else is in flight ends first, what else wants to call waits."""
        if self._alone is asyncio.current_task():
            yield
            return
        async with self._change:
            await self._change.wait_for(lambda: self._alone is None)
            self._alone = asyncio.current_task()
            await self._change.wait_for(lambda: self._calls == 0)
        try:
            yield
        finally:
            async with self._change:
                self._alone = None
                self._change.notify_all()

    def _process(self, reference: Reference) -> LanguageProcess:
        key = (reference.tongue, reference.executable, self._worker(reference))
        if key not in self._processes:
            argv = command(reference.tongue, self._env, reference.executable)
            self._processes[key] = LanguageProcess(reference.tongue, argv, self._env, self._on_print, self._heir)
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
        await asyncio.gather(*(process.close() for process in self._processes.values()))
        self._processes.clear()


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
    node = shutil.which("node", path=env.get("PATH"))
    if node is None:
        what = "Node.js is needed for JavaScript and is not on the PATH; install Node.js 18 or newer"
        raise CodeError(what)
    return [node, host_file("javascript/host.js")]
