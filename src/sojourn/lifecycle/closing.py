"""The one way in which things are closed: every one, newest first, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec


class Closer(msgspec.Struct, frozen=True):
    """How to close one thing: its name for people, what to await, and how many seconds it may take."""

    name: str
    close: Callable[[], Awaitable[None]]
    grace: float


class Unclosed(msgspec.Struct, frozen=True):
    """A thing that could not be closed, and why."""

    name: str
    why: str


async def close_all(closers: Iterable[Closer]) -> list[Unclosed]:
    """Close everything, the last first; return what could not be closed.

    A cancellation waits until all is done and is then asked for again: what is being closed is never cut.
    """
    work = asyncio.ensure_future(_each(list(closers)))
    cancelled = False
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled = True
    task = asyncio.current_task()
    if cancelled and task is not None:
        task.cancel()
    return work.result()


async def _each(closers: list[Closer]) -> list[Unclosed]:
    unclosed = []
    for closer in reversed(closers):
        why = await close_one(closer)
        if why:
            unclosed.append(Unclosed(closer.name, why))
    return unclosed


async def close_one(closer: Closer, timed: Callable[[asyncio.Timeout], None] = lambda _: None) -> str:
    """Close one thing, in the task that asks; return what went wrong, or an empty string.

    `timed` is given the timer: whoever has it can shorten the time.
    """
    try:
        async with asyncio.timeout(closer.grace) as timer:
            timed(timer)
            await closer.close()
    except TimeoutError:
        return f"closing took more than {closer.grace:g} s"
    except BaseException as error:  # noqa: BLE001  the one place: no end of one thing may keep another open
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ""
