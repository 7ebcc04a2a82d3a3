"""Users' functions for code that cannot wait: template filters are called in the middle of a rendering.

They run in processes of their own, spoken to from a thread of their own, so that the run's loop is held up only for
as long as one small call takes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sojourn.errors import CodeError, TemplateError
from sojourn.languages.runner import CodeRunner
from sojourn.model.reference import Reference

DEADLINE_MS = 1000
"""How long the run's loop may be held up by one call."""


class BlockingCode:
    """Calls functions and waits for them, on whatever thread it is asked."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._code = CodeRunner(env, lambda _: None)
        self._thread.start()

    def function(self, name: str, reference: Reference) -> Callable[..., Any]:
        """Return a template filter that calls a user's function; it raises TemplateError where that breaks.

        One that has hung is not called again.
        """
        loaded = False
        hung = ""

        async def work(arguments: tuple[Any, ...]) -> Any:
            nonlocal loaded
            if not loaded:  # what a file takes to load is no call's time
                await self._code.load(reference)
                loaded = True
            return (await self._code.call(reference, *arguments, deadline_ms=DEADLINE_MS)).value

        def call(*arguments: Any) -> Any:
            nonlocal hung
            if hung:
                raise TemplateError(hung)
            try:
                return asyncio.run_coroutine_threadsafe(work(arguments), self._loop).result()
            except CodeError as error:
                what = f"the filter {name!r} broke: {error}"
                hung = what if error.overdue else ""
                raise TemplateError(what) from error

        return call

    def close(self) -> None:
        """Stop the processes and the thread."""
        asyncio.run_coroutine_threadsafe(self._code.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
