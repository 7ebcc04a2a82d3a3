import asyncio
from typing import Any

import pytest

from sojourn.errors import SessionError
from sojourn.lifecycle.closing import Closer, Unclosed, close_all
from sojourn.lifecycle.host import SessionHost
from sojourn.model.session import MOVES, State


def host(open_: Any, close: Any = None, *, open_timeout: float = 5, close_timeout: float = 5) -> SessionHost:
    async def nothing(live: object) -> None:
        del live

    return SessionHost("s", open_, close or nothing, open_timeout=open_timeout, close_timeout=close_timeout)


def test_one_task_opens_and_closes() -> None:
    """A session that holds a task group is closed by the task that opened it, whoever asks."""

    async def main() -> None:
        group = asyncio.TaskGroup()
        tasks: list[Any] = []

        async def open_() -> asyncio.TaskGroup:
            tasks.append(asyncio.current_task())
            return await group.__aenter__()

        async def close(live: asyncio.TaskGroup) -> None:
            tasks.append(asyncio.current_task())
            await live.__aexit__(None, None, None)

        one = host(open_, close)
        await asyncio.create_task(one.open())
        assert await asyncio.create_task(one.close()) is None
        assert tasks[0] is tasks[1]
        assert one.state is State.CLOSED

    asyncio.run(main())


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_closing_that_hangs_can_be_cut_short(when: str) -> None:
    """Whoever has no time says how much there is: for a closing that is under way, and for one that is to come."""

    async def main() -> None:
        begun = asyncio.Event()

        async def open_() -> str:
            return "live"

        async def close(live: str) -> None:
            assert live == "live"
            begun.set()
            await asyncio.Event().wait()

        one = host(open_, close, close_timeout=600)
        await one.open()
        one.hurry()
        if when == "before":
            one.hurry(0.01)
        closing = asyncio.create_task(one.close())
        await begun.wait()
        if when == "while":
            one.hurry(0.01)
            one.hurry(300)
        assert await closing == Unclosed("s", "it was still being closed when the run had to end")

    asyncio.run(main())


def test_closing_twice_closes_once() -> None:
    """However often it is asked, a session is closed once; one that was never opened is simply closed."""

    async def main() -> None:
        closes = 0

        async def open_() -> str:
            return "live"

        async def close(live: str) -> None:
            nonlocal closes
            closes += 1
            assert live == "live"

        one = host(open_, close)
        await one.open()
        await asyncio.gather(one.close(), one.close())
        await one.close()
        never = host(open_, close)
        await never.close()
        assert (closes, never.state) == (1, State.CLOSED)

    asyncio.run(main())


@pytest.mark.parametrize(("error", "told"), [(ValueError("no"), "no"), (ValueError(), "ValueError"), (None, "0.01 s")])
def test_an_opening_that_fails_says_why(error: Exception | None, told: str) -> None:
    """What opening raises, or that it takes too long, is the cause; the session is broken and needs no close."""

    async def main() -> None:
        async def open_() -> None:
            if error is not None:
                raise error
            await asyncio.Event().wait()

        one = host(open_, open_timeout=0.01)
        with pytest.raises(SessionError, match=told):
            await one.open()
        assert one.state is State.BROKEN
        assert await one.close() is None

    asyncio.run(main())


def test_a_cancelled_opening_is_closed_again() -> None:
    """Who stops waiting for an opening leaves nothing open: it is finished and then closed."""

    async def main() -> None:
        going, closed = asyncio.Event(), asyncio.Event()

        async def open_() -> str:
            await going.wait()
            return "live"

        async def close(live: str) -> None:
            assert live == "live"
            closed.set()

        one = host(open_, close)
        task = asyncio.create_task(one.open())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        going.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed.is_set()

    asyncio.run(main())


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_an_opening_can_be_hurried(turns: int) -> None:
    """When the run has to end, what is being opened is cancelled, however far it is; twice is no more than once."""

    async def main() -> None:
        cancelled = False

        async def open_() -> None:
            nonlocal cancelled
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled = True
                raise

        one = host(open_)
        task = asyncio.create_task(one.open())
        for _ in range(turns):
            await asyncio.sleep(0)
        one.hurry()
        await asyncio.sleep(0)
        one.hurry()
        with pytest.raises(SessionError, match="it was still being opened when the run had to end"):
            await task
        assert cancelled
        assert one.state is State.BROKEN

    asyncio.run(main())


def test_what_is_open_is_not_hurried() -> None:
    """Once it is open a session has all its time."""

    async def main() -> None:
        async def open_() -> str:
            return "live"

        one = host(open_)
        await one.open()
        one.hurry()
        assert await one.close() is None

    asyncio.run(main())


def test_a_close_that_hangs_is_given_up_in_time() -> None:
    """A close that takes too long is told of, and the session counts as broken."""

    async def main() -> None:
        async def open_() -> str:
            return "live"

        async def close(live: str) -> None:
            del live
            await asyncio.Event().wait()

        one = host(open_, close, close_timeout=0.01)
        await one.open()
        assert await one.close() == Unclosed("s", "closing took more than 0.01 s")
        assert one.state is State.BROKEN

    asyncio.run(main())


def test_every_illegal_move_is_a_mistake() -> None:
    """States change only as the table says."""

    async def open_() -> None: ...

    for start in State:
        for to in State:
            one = host(open_)
            one.state = start
            if to in MOVES[start]:
                one.move(to)
            else:
                with pytest.raises(AssertionError):
                    one.move(to)


def test_all_are_closed_newest_first_whatever_happens() -> None:
    """One that raises, one that hangs, one that asks to exit: the others are closed, and each is named."""

    async def main() -> None:
        closed: list[str] = []

        def closer(name: str, error: BaseException | None = None, *, hangs: bool = False) -> Closer:
            async def close() -> None:
                closed.append(name)
                if hangs:
                    await asyncio.Event().wait()
                if error is not None:
                    raise error

            return Closer(name, close, 0.01)

        closers = [closer("a"), closer("b", ValueError("x")), closer("c", hangs=True), closer("d", SystemExit())]
        unclosed = await close_all(closers)
        assert closed == ["d", "c", "b", "a"]
        assert [(each.name, each.why) for each in unclosed] == [
            ("d", "SystemExit"),
            ("c", "closing took more than 0.01 s"),
            ("b", "ValueError: x"),
        ]

    asyncio.run(main())


def test_a_cancellation_waits_for_the_closing() -> None:
    """Closing is not cut by a cancellation; it is asked for again when all is closed."""

    async def main() -> None:
        closed: list[str] = []
        begun, going = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            begun.set()
            await going.wait()
            closed.append("slow")

        async def fast() -> None:
            closed.append("fast")

        async def work() -> None:
            await close_all([Closer("fast", fast, 5), Closer("slow", slow, 5)])
            await asyncio.sleep(0)
            closed.append("never")

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        going.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed == ["slow", "fast"]

    asyncio.run(main())
