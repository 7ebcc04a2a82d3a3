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

DEADLINE_MS = 10_000


class BlockingCode:
    """Calls functions and waits for them, on whatever thread it is asked."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._code = CodeRunner(env, lambda _: None)
        self._thread.start()

    def function(self, name: str, reference: Reference) -> Callable[..., Any]:
        """Return a template filter that calls a user's function; it raises TemplateError where that breaks."""

        def call(*arguments: Any) -> Any:
            work = self._code.call(reference, *arguments, deadline_ms=DEADLINE_MS)
            try:
                return asyncio.run_coroutine_threadsafe(work, self._loop).result().value
            except CodeError as error:
                raise TemplateError(f"the filter {name!r} broke: {error}") from error

        return call

    def close(self) -> None:
        """Stop the processes and the thread."""
        asyncio.run_coroutine_threadsafe(self._code.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
