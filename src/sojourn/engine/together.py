"""Work that is done side by side, and ends together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Found = TypeVar("Found")


async def together(*work: Coroutine[Any, Any, Found]) -> list[Found]:
    """Await all side by side; where one raises, or the caller is cancelled, none of the others goes on behind it."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
