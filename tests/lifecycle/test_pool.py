import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from sojourn.errors import SessionError
from sojourn.lifecycle.host import SessionHost
from sojourn.lifecycle.pool import Care, Lease, Pool
from sojourn.model.session import PoolLimits


class Live(msgspec.Struct, eq=False):
    """A session of the tests."""

    number: int
    sound: bool = True
    is_open: bool = True
    canary: str = ""


class Bench:
    """A pool with sessions that can be watched; `now` is its clock, moved by hand."""

    def __init__(self, *, pace: int = 0, **limits: Any) -> None:
        self.now = 0.0
        self.pace = pace
        self.opened: list[Live] = []
        self.refuse: set[int] = set()
        self.hang: set[int] = set()
        self.stuck: set[int] = set()
        self.attempts = 0
        care = Care(check=self.check, reset=self.reset)
        self.pool = Pool("db", self.make, PoolLimits(**limits), care, lambda: self.now)

    @property
    def open(self) -> list[Live]:
        """Those that are open now."""
        return [live for live in self.opened if live.is_open]

    async def step(self) -> None:
        """Take some turns of the loop."""
        for _ in range(self.pace):
            await asyncio.sleep(0)

    def make(self) -> SessionHost:
        """Make a host for one more session."""
        self.attempts += 1
        number = self.attempts

        async def open_() -> Live:
            await self.step()
            if number in self.hang:
                await asyncio.Event().wait()
            if number in self.refuse:
                raise ConnectionError("refused")
            self.opened.append(Live(number))
            return self.opened[-1]

        async def close(live: Live) -> None:
            await self.step()
            live.is_open = False
            if live.number in self.stuck:
                raise ConnectionError("stuck")

        return SessionHost(f"db {number}", open_, close, open_timeout=60, close_timeout=60)

    async def check(self, live: Live) -> bool:
        """Tell whether a session is sound; one that is beyond telling raises."""
        await self.step()
        if live.canary == "beyond telling":
            raise ConnectionError("gone")
        return live.sound

    async def reset(self, live: Live) -> None:
        """Make a session as new; one that is stained for good cannot be."""
        await self.step()
        if live.canary == "indelible":
            raise ValueError("cannot be cleaned")
        live.canary = ""


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await work()

    asyncio.run(main())


def test_the_bound_holds_and_waiting_is_first_come_first_served() -> None:
    """40 borrowers of 3 sessions, 1,000 leases: never more than 3 open, and nobody is overtaken."""

    async def work() -> None:
        bench = Bench(max=3, pace=1)
        asked: list[int] = []
        served: list[int] = []
        tickets = iter(range(1000))

        async def borrower() -> None:
            for ticket in tickets:
                asked.append(ticket)
                lease = await bench.pool.lease(f"b{ticket}")
                served.append(ticket)
                assert len(bench.open) <= 3
                await asyncio.sleep(0)
                await bench.pool.give_back(lease)

        await asyncio.gather(*(borrower() for _ in range(40)))
        assert served == asked
        assert await bench.pool.close() == []
        assert (bench.open, bench.attempts) == ([], 3)

    run(work)


def test_waiting_ends_in_time_and_says_who_holds_the_sessions() -> None:
    """A borrower that waits too long is told how long, of how many, and who has them since when."""

    async def work() -> None:
        bench = Bench(max=1, wait=0.05)
        held = await bench.pool.lease("test 1")
        bench.now = 12.5
        with pytest.raises(SessionError, match=r"none was free within 0.05 s \(at most 1\); held by test 1 for 12.5 s"):
            await bench.pool.lease("test 2")
        assert bench.pool.waiting == 0
        await bench.pool.give_back(held)
        await bench.pool.close()

    run(work)


def test_one_hung_opening_blocks_nobody_else() -> None:
    """While one opening hangs, others are opened and lent."""

    async def work() -> None:
        bench = Bench(max=2, wait=0.2)
        bench.hang.add(1)
        waiting = [asyncio.create_task(bench.pool.lease(f"b{n}")) for n in range(2)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert done.pop().result().live.number == 2
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    run(work)


def test_what_never_opened_is_not_tried_again() -> None:
    """If the first opening fails, all who wait and all who come later hear its cause."""

    async def work() -> None:
        bench = Bench(max=1)
        bench.refuse.add(1)
        asked = await asyncio.gather(*(bench.pool.lease(f"b{n}") for n in range(5)), return_exceptions=True)
        assert all("refused" in str(error) for error in asked)
        with pytest.raises(SessionError, match="refused"):
            await bench.pool.lease("late")
        assert bench.attempts == 1

    run(work)


def test_a_replacement_that_fails_costs_one_borrower() -> None:
    """Once a session was open, a failing replacement is the trouble of the first in line alone."""

    async def work() -> None:
        bench = Bench(max=1, check=True)
        lease = await bench.pool.lease("a")
        lease.live.sound = False
        bench.refuse.add(2)
        await bench.pool.give_back(lease)
        with pytest.raises(SessionError, match="refused"):
            await bench.pool.lease("b")
        assert (await bench.pool.lease("c")).live.number == 3

    run(work)


@pytest.mark.parametrize("canary", ["", "beyond telling"])
def test_a_dead_session_is_never_lent(canary: str) -> None:
    """A session that fails its check, or cannot be checked, is thrown away and replaced."""

    async def work() -> None:
        bench = Bench(max=2, check=True)
        chance = random.Random(7)
        for number in range(200):
            lease = await bench.pool.lease(f"b{number}")
            live = lease.live
            assert live.sound
            await bench.pool.give_back(lease)
            if chance.random() < 0.5:
                live.sound, live.canary = bool(canary), canary
        await bench.pool.close()
        assert bench.attempts > 50

    run(work)


def test_nothing_of_one_borrower_is_seen_by_the_next() -> None:
    """A session is reset when it comes back; one that cannot be reset is thrown away, and the borrower is told."""

    async def work() -> None:
        bench = Bench(max=2)
        told = []
        for number in range(100):
            lease = await bench.pool.lease(f"b{number}")
            assert lease.live.canary == ""
            lease.live.canary = "indelible" if number % 10 == 0 else "seen"
            told.append(await bench.pool.give_back(lease))
        assert len([why for why in told if "cannot be cleaned" in why]) == 10
        assert bench.attempts == 11

    run(work)


def test_a_lifetime_never_ends_a_session_in_use() -> None:
    """A session that is too old, or used too often, is replaced when it is free, not before."""

    async def work() -> None:
        bench = Bench(max=1, max_lifetime=10)
        lease = await bench.pool.lease("a")
        bench.now = 99.0
        assert lease.live.is_open
        await bench.pool.give_back(lease)
        second = await bench.pool.lease("b")
        assert second.live.number == 2
        await bench.pool.give_back(second)
        bench.now = 200.0
        assert (await bench.pool.lease("c")).live.number == 3
        worn = Bench(max=1, max_uses=2)
        for number in range(4):
            await worn.pool.give_back(await worn.pool.lease(f"b{number}"))
        assert worn.attempts == 2

    run(work)


def test_misuse_is_refused_by_name() -> None:
    """Use after giving back and giving back to another pool are refused; giving back twice changes nothing."""

    async def work() -> None:
        bench, other = Bench(max=1), Bench(max=1)
        lease = await bench.pool.lease("test 1")
        with pytest.raises(SessionError, match="test 1 gives back a session of 'db'"):
            await other.pool.give_back(lease)
        await bench.pool.give_back(lease)
        assert await bench.pool.give_back(lease) == ""
        with pytest.raises(SessionError, match="test 1 uses it after giving it back"):
            _ = lease.live
        await bench.pool.close()
        with pytest.raises(SessionError, match="closed already"):
            await bench.pool.lease("late")

    run(work)


@pytest.mark.seeds(20)
def test_cancelling_at_any_await_loses_nothing(seed: int) -> None:
    """After cancels at random moments of leasing, checking and resetting: none in use, none waiting, none lost."""

    async def work() -> None:
        chance = random.Random(seed)
        bench = Bench(max=3, check=True, pace=2)

        async def borrower(number: int) -> None:
            lease: Lease | None = None
            try:
                lease = await bench.pool.lease(f"b{number}")
                await bench.step()
            finally:
                if lease is not None:
                    await bench.pool.give_back(lease)

        tasks: list[asyncio.Task[None]] = []
        for number in range(60):
            tasks.append(asyncio.create_task(borrower(number)))
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            if chance.random() < 0.6:
                chance.choice(tasks).cancel()
        await asyncio.wait(tasks)
        assert bench.pool.waiting == 0
        spare = [await bench.pool.lease(f"last {n}") for n in range(3)]
        assert len(bench.open) == len({lease.live.number for lease in spare}) == 3
        for lease in spare:
            await bench.pool.give_back(lease)
        assert await bench.pool.close() == []
        assert bench.open == []

    run(work)


def test_the_least_is_opened_ahead_and_the_waiting_are_refused_at_the_end() -> None:
    """`min` sessions are warm before the first borrower; who still waits when the pool closes is told so."""

    async def work() -> None:
        bench = Bench(max=2, min=2)
        await bench.pool.warm()
        assert (bench.pool.size, len(bench.open)) == (2, 2)
        held = [await bench.pool.lease(f"b{n}") for n in range(2)]
        late = asyncio.create_task(bench.pool.lease("late"))
        await asyncio.sleep(0)
        bench.stuck.add(1)
        unclosed = await bench.pool.close()
        with pytest.raises(SessionError, match="closed while waiting"):
            await late
        assert [each.why for each in unclosed] == ["ConnectionError: stuck"]
        assert len(held) == 2

    run(work)


def test_a_lease_may_be_renewed_in_place() -> None:
    """Renewing resets without giving back; where that fails another takes its place, and the place is kept."""

    async def work() -> None:
        bench = Bench(max=1)
        lease = await bench.pool.lease("lane")
        lease.live.canary = "seen"
        assert await bench.pool.renew(lease) == ""
        assert lease.live.canary == ""
        lease.live.canary = "indelible"
        assert "cannot be cleaned" in await bench.pool.renew(lease)
        assert lease.is_lost
        await bench.pool.replace(lease)
        assert (lease.live.number, bench.pool.size) == (2, 1)

    run(work)


@pytest.mark.parametrize("sound", [True, False])
def test_a_session_is_lent_to_nobody_while_it_is_checked(sound: bool) -> None:  # noqa: FBT001  a case of the test
    """With a capacity of two, a second borrower waits for the check; a session that fails it is closed under nobody."""

    async def work() -> None:
        bench = Bench(max=1, capacity=2, check=True, max_uses=2, pace=2)
        first = await bench.pool.lease("before")
        await bench.pool.give_back(first)
        bench.open[0].sound = sound
        leases = await asyncio.gather(bench.pool.lease("one"), bench.pool.lease("two"))
        assert all(lease.live.is_open for lease in leases)
        for lease in leases:
            await bench.pool.give_back(lease)
        assert await bench.pool.close() == []
        assert bench.open == []

    run(work)


def test_a_session_is_lent_to_nobody_while_it_is_reset() -> None:
    """A borrower that comes during a reset gets the session when it is as new."""

    async def work() -> None:
        bench = Bench(max=1, capacity=2, pace=3)
        first = await bench.pool.lease("one")
        first.live.canary = "seen"
        back = asyncio.create_task(bench.pool.give_back(first))
        await asyncio.sleep(0)
        second = await bench.pool.lease("two")
        assert second.live.canary == ""
        await back

    run(work)
