"""One call for both: a coroutine awaits it, a plain function (a Python assertion, say) just gets the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def settled(work: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
    """Return what is to be awaited; in a thread without a loop of its own wait for it, and return the answer."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run_coroutine_threadsafe(work, loop).result()
    return work
