"""What is lent and kept where a run is cut, waits, or cannot go on as planned."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from sojourn.errors import SessionError
from sojourn.lifecycle.keeper import Keeper, Stay
from sojourn.model.session import Isolation
from tests.lifecycle.playing import ABILITIES, Recorder, keeper_of, play, spec, stay


def test_a_trial_that_will_not_come_is_counted() -> None:
    """The last one who forgoes a session closes it; a family tells who lives in whom."""
    recorder = Recorder()

    async def main() -> None:
        keeper = keeper_of(recorder, spec("db"), spec("thread", parents=("db",)))
        assert [each.name for each in keeper.lineage("thread")] == ["db", "thread"]
        keeper.expect([stay(0, "thread", lane="one"), stay(1, "thread", lane="one")])
        async with keeper.visit(stay(0, "thread", lane="one"), []):
            pass
        await keeper.forgo(stay(1, "thread", lane="one"))

    asyncio.run(main())
    assert recorder.told()[-2:] == ["close thread#1", "close db#1"]


@pytest.mark.parametrize(("when", "why"), [("opening", "when the run had to end"), ("not yet", "")])
def test_a_run_that_has_to_end_waits_for_no_opening(when: str, why: str) -> None:
    """What is being opened is given up, and what is open stays as it is until it is closed."""
    recorder = Recorder()
    recorder.hang = {"open slow"}

    async def main() -> None:
        keeper = keeper_of(recorder, spec("fast"), spec("slow", parents=("fast",)))
        keeper.expect([stay(0, "slow"), stay(1, "fast")])
        if when == "opening":
            work = asyncio.create_task(keeper.visit(stay(0, "slow"), []).__aenter__())
            await recorder.hanging.wait()
            keeper.hurry()
            with pytest.raises(SessionError, match=why):
                await work
        keeper.hurry()
        await keeper.close()

    asyncio.run(main())
    assert not [live for what, live in recorder.log if what == "open" and live.is_open]


@pytest.mark.parametrize("when", ["while", "before"])
def test_a_run_that_has_to_end_waits_for_no_closing(when: str) -> None:
    """What is being closed, or is to be, has the time that is said, and what it lives in is closed all the same."""
    recorder = Recorder()
    recorder.hang = {"close child"}

    async def main() -> Keeper:
        keeper = keeper_of(recorder, spec("home"), spec("child", parents=("home",)))
        keeper.expect([stay(0, "child"), stay(1, "home")])
        async with keeper.visit(stay(0, "child"), []):
            if when == "before":
                keeper.hurry(0)
            else:
                asyncio.get_running_loop().call_soon(asyncio.create_task, hurried(keeper))
        await keeper.close()
        return keeper

    async def hurried(keeper: Keeper) -> None:
        await recorder.hanging.wait()
        keeper.hurry(0)

    keeper = asyncio.run(main())
    assert [each.why for each in keeper.unclosed] == ["it was still being closed when the run had to end"]
    assert recorder.told() == ["open home#1", "open child#1", "close child#1", "close home#1"]


def test_a_run_that_is_cut_takes_leases_back_before_it_closes() -> None:
    """Whoever still holds one when all is closed loses it, and it is closed once."""
    recorder = Recorder()

    async def main() -> None:
        keeper = keeper_of(recorder, spec("pool", pooled=True))
        lane = [stay(n, "pool", lane="one") for n in range(2)]
        keeper.expect(lane)
        async with keeper.visit(lane[0], []):
            pass
        await keeper.close()

    asyncio.run(main())
    assert recorder.told() == ["open pool#1", "reset pool#1", "close pool#1"]


def test_giving_back_is_finished_although_the_trial_is_cancelled() -> None:
    """A cancellation in the middle of it goes on when all is given back; so does one that comes twice."""
    recorder = Recorder(pace=4)

    async def main() -> None:
        keeper = keeper_of(recorder, spec("db"))
        keeper.expect([stay(0, "db")])
        used = asyncio.Event()

        async def visit() -> None:
            async with keeper.visit(stay(0, "db"), []):
                used.set()

        task = asyncio.create_task(visit())
        await used.wait()
        for _ in range(2):
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert recorder.told() == ["open db#1", "close db#1"]


@pytest.mark.parametrize("changes", [0, 1])
def test_who_changes_a_shared_session_is_named(changes: int) -> None:
    """A trial that leaves it otherwise than it found it has leaked; a fingerprint that breaks then tells nothing."""
    recorder = Recorder(abilities=ABILITIES | {"fingerprint"})
    lane = [stay(n, "db", lane="one") for n in range(2)]

    async def main() -> list[str]:
        keeper = keeper_of(recorder, spec("db"))
        keeper.expect(lane)
        async with keeper.visit(lane[0], []) as live:
            live["db"].content += changes
        async with keeper.visit(lane[1], []) as live:
            live["db"].content += 1
            recorder.refuse = frozenset({"fingerprint db"})
        return keeper.leaks

    assert asyncio.run(main()) == ["trial 0 changed the shared session db"] * changes


@pytest.mark.parametrize(
    ("how", "why"), [("hang", "it was not ready after 0.01 s"), ("refuse", "unable"), ("say", "full")]
)
def test_what_a_session_needs_before_a_trial_has_its_time(how: str, why: str) -> None:
    """A beginning that hangs or breaks is the trial's error, with its cause."""
    recorder = Recorder()
    if how == "hang":
        recorder.hang = {"begin db"}
    if how == "refuse":
        recorder.refuse = frozenset({"begin db"})
    specs = [structs.replace(spec("db", isolation=Isolation.ROLLBACK), open_timeout=0.01)]

    if how == "say":
        recorder.refuse, recorder.refusal = frozenset({"begin db"}), SessionError("db", "full")
    assert why in play(recorder, specs, [stay(0, "db")]).errors["trial 0"]


def test_what_all_may_use_at_once_is_kept_for_all() -> None:
    """A session that others borrow too is not taken from them because one trial's is kept."""
    recorder = Recorder()
    lane = [stay(n, "api", lane="one") for n in range(2)]

    async def main() -> None:
        keeper = keeper_of(recorder, spec("api", capacity=2, isolation=Isolation.RESET))
        keeper.expect(lane)
        async with keeper.visit(lane[0], []) as live:
            keeper.keep(lane[0])
            mine = live["api"]
        async with keeper.visit(lane[1], []) as live:
            assert live["api"] is mine
        await keeper.close()

    asyncio.run(main())
    assert recorder.opened == {"api": 1}


@pytest.mark.parametrize("isolation", [Isolation.RESET, Isolation.ROLLBACK])
def test_a_place_in_a_pool_is_kept_where_a_session_has_to_be_replaced(isolation: Isolation) -> None:
    """Whoever waits in line gets none before the lane is through: it may be running alone."""
    recorder = Recorder(refuse=frozenset({"reset db", "rollback db"}))
    lane, other = [stay(n, "db", lane="one") for n in range(2)], stay(9, "db", lane="other")

    async def main() -> list[str]:
        keeper = keeper_of(recorder, spec("db", pooled=True, isolation=isolation))
        keeper.expect([*lane, other])
        had = []

        async def visit(each: Stay) -> None:
            async with keeper.visit(each, []) as live:
                had.append(f"{each.name}: {live['db']}")

        await visit(lane[0])
        waiting = asyncio.create_task(visit(other))
        for _ in range(9):
            await asyncio.sleep(0)
        await visit(lane[1])
        await waiting
        return had

    assert asyncio.run(main()) == ["trial 0: db#1", "trial 1: db#2", "trial 9: db#3"]


def test_what_was_half_begun_is_lent_to_nobody() -> None:
    """After a `begin` that failed the next trial of the lane has another session, and is not an error."""
    recorder = Recorder(refuse=frozenset({"begin db"}))
    lane = [stay(n, "db", lane="one") for n in range(2)]

    async def main() -> str:
        keeper = keeper_of(recorder, spec("db", isolation=Isolation.ROLLBACK))
        keeper.expect(lane)
        with pytest.raises(SessionError, match="unable"):
            await keeper.visit(lane[0], []).__aenter__()
        recorder.refuse = frozenset()
        async with keeper.visit(lane[1], []) as live:
            return str(live["db"])

    assert asyncio.run(main()) == "db#2"


def test_what_a_lane_has_given_back_is_claimed_anew() -> None:
    """A trial that runs again leases all that others share before it lets nobody else go on."""
    recorder = Recorder()
    lane, others = [stay(0, "pool", lane="one"), stay(1, "own", lane="one")], stay(9, "pool", lane="other")

    async def main() -> None:
        keeper = keeper_of(recorder, spec("pool", pooled=True), spec("own", "conversation"))
        keeper.expect([*lane, others])
        async with keeper.visit(lane[0], []):
            pass
        keeper.expect([lane[0]])
        await keeper.claim(lane[0], anew=True)
        waiting = asyncio.create_task(keeper.visit(others, []).__aenter__())
        async with keeper.visit(lane[0], []):
            assert not waiting.done()
        await waiting

    asyncio.run(main())
