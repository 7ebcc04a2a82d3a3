"""How a run is cut short."""

from __future__ import annotations

import asyncio

import pytest

from sojourn.engine.stopping import Brake, OverdueError, Section


async def _stay(section: Section, unwinding: asyncio.Event, going_on: asyncio.Event) -> str:
    """Wait until the section ends, and unwind for as long as `going_on` is not set."""
    try:
        async with section:
            try:
                await asyncio.Event().wait()
            finally:
                unwinding.set()
                await going_on.wait()
    except OverdueError:
        return "ended"
    return "went through"


def test_a_section_that_is_unwinding_does_not_keep_the_others_from_being_cut() -> None:
    """A brake ends every section under way, also beside sections whose own time is up and that clean up after it."""

    async def go() -> list[str]:
        brake, going_on = Brake(), asyncio.Event()
        first, rest = asyncio.Event(), [asyncio.Event() for _ in range(8)]
        slow = asyncio.create_task(_stay(brake.section(0.001), first, going_on))
        others = [asyncio.create_task(_stay(brake.section(), each, going_on)) for each in rest]
        await first.wait()
        try:
            brake.cut_short("enough")
            await asyncio.wait_for(asyncio.gather(*(each.wait() for each in rest)), 5)
        finally:
            going_on.set()
        return await asyncio.gather(slow, *others)

    assert asyncio.run(go()) == ["ended"] * 9


def test_a_timeout_of_ones_own_is_not_the_sections() -> None:
    """What times out within a section, while the section has time left, is told from the section's own end."""

    async def go() -> None:
        async with Brake().section(600):
            await asyncio.wait_for(asyncio.Event().wait(), 0)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(go())
    assert not isinstance(caught.value, OverdueError)
