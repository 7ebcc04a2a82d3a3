"""Sessions that went with the process that they lived in: who has another in their place, and who is told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.keeper import Keeper
from sojourn.lifecycle.kinship import Family
from sojourn.model.session import Isolation, SessionSpec
from tests.lifecycle.playing import Recorder, journal, spec, stay

Steps = Callable[[Keeper], Awaitable[None]]
GONE = "the process that it lived in has ended"


def run(recorder: Recorder, specs: list[SessionSpec], stays: list[Any], steps: Steps) -> Keeper:
    """Take steps with a keeper that expects the stays, then close it."""

    async def main() -> Keeper:
        keeper = Keeper(Family(specs), {each.name: recorder for each in specs}, journal())
        keeper.expect(stays)
        async with asyncio.timeout(20):
            await steps(keeper)
            await keeper.close()
        return keeper

    return asyncio.run(main())


async def visited(keeper: Keeper, each: Any, notes: list[str] | None = None) -> str:
    """Visit, and return what was lent."""
    async with keeper.visit(each, [] if notes is None else notes) as live:
        return " ".join(str(session) for session in live.values())


def test_a_lane_that_lost_what_it_had_is_told() -> None:
    """Who left something in a shared session is not lent another as if it were the same."""
    recorder, lane = Recorder(), [stay(n, "db", lane="one") for n in range(2)]

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, lane[0])
        recorder.lost.add("db#1")
        with pytest.raises(SessionLostError, match=GONE):
            await visited(keeper, lane[1])

    run(recorder, [spec("db")], lane, steps)
    assert recorder.told() == ["open db#1", "close db#1"]


def test_a_lane_begins_again_in_sessions_as_new() -> None:
    """What the lane had alone is opened anew although it lives; what all may use is kept."""
    recorder, lane = Recorder(), [stay(n, "api", "db", lane="one") for n in range(3)]

    async def steps(keeper: Keeper) -> None:
        assert await visited(keeper, lane[0]) == "api#1 db#1"
        await visited(keeper, lane[1])
        keeper.expect(lane[:2])
        keeper.renew("one")
        assert await visited(keeper, lane[0]) == "api#1 db#2"
        assert await visited(keeper, lane[1]) == "api#1 db#2"
        assert await visited(keeper, lane[2]) == "api#1 db#2"

    run(recorder, [spec("api", capacity=2), spec("db")], lane, steps)
    assert recorder.told()[-2:] == ["close db#2", "close api#1"]


def test_a_lane_that_goes_on_is_noted() -> None:
    """One whose own trial was the cause has another session, and the trial a note of what is missing in it."""
    recorder, lane, notes = Recorder(), [stay(n, "db", lane="one") for n in range(3)], list[str]()

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, lane[0])
        recorder.lost.add("db#1")
        keeper.go_on(lane[0])
        assert await visited(keeper, lane[1], notes) == "db#2"
        assert await visited(keeper, lane[2], notes) == "db#2"

    run(recorder, [spec("db")], lane, steps)
    assert notes == [f"db was opened anew, without what earlier tests had left in it: {GONE}"]


def test_a_conversation_is_not_continued_in_another_session() -> None:
    """Not even in a lane that goes on: what is asked next belongs to what was said before."""
    recorder, lane = Recorder(), [stay(n, "thread", lane="one") for n in range(2)]

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, lane[0])
        recorder.lost.add("thread#1")
        keeper.go_on(lane[0])
        with pytest.raises(SessionError, match="a conversation is not continued in another"):
            await visited(keeper, lane[1])

    run(recorder, [spec("thread", "conversation")], lane, steps)
    assert recorder.opened == {"thread": 1}


@pytest.mark.parametrize("isolation", [Isolation.RESET, Isolation.ROLLBACK, Isolation.FORK])
def test_who_finds_it_as_new_anyway_notices_nothing(isolation: Isolation) -> None:
    """Where no trial sees what the one before it did, another session is as good."""
    recorder, lane, notes = Recorder(), [stay(n, "db", lane="one") for n in range(2)], list[str]()

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, lane[0], notes)
        recorder.lost.add("db#1")
        await visited(keeper, lane[1], notes)

    run(recorder, [spec("db", isolation=isolation)], lane, steps)
    assert (recorder.opened["db"], notes) == (2, [])


def test_what_is_lost_under_a_trial_is_neither_rolled_back_nor_reset() -> None:
    """There is nothing left to take back, and nothing to complain of."""
    recorder, notes = Recorder(refuse=frozenset({"rollback db", "reset pool"})), list[str]()
    stays = [stay(0, "db", "pool", lane="one"), stay(1, "db", "pool", lane="one")]

    async def steps(keeper: Keeper) -> None:
        async with keeper.visit(stays[0], notes):
            recorder.lost |= {"db#1", "pool#1"}
        assert await visited(keeper, stays[1]) == "db#2 pool#2"

    specs = [spec("db", isolation=Isolation.ROLLBACK), spec("pool", pooled=True, isolation=Isolation.RESET)]
    run(recorder, specs, stays, steps)
    assert notes == []


def test_a_child_is_opened_anew_with_its_parent() -> None:
    """What lives in a lost session is closed, and opened in the one that takes its place."""
    recorder = Recorder()
    lanes = [stay(n, "child", lane=f"lane {n}") for n in range(2)]

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, lanes[0])
        recorder.lost.add("server#1")
        async with keeper.visit(lanes[1], []) as live:
            assert str(live["child"]) == "child#2"
            assert [str(parent) for parent in live["child"].parents] == ["server#2"]

    run(recorder, [spec("server", capacity=2), spec("child", capacity=2, parents=("server",))], lanes, steps)
    assert recorder.told() == [
        "open server#1",
        "open child#1",
        "close server#1",
        "open server#2",
        "close child#1",
        "open child#2",
        "close child#2",
        "close server#2",
    ]


def test_all_who_borrow_a_lost_session_have_the_same_other() -> None:
    """It is replaced once, by the first who notices; nobody has to give anything back before."""
    recorder = Recorder(pace=3)
    stays = [stay(n, "api", lane=f"lane {n % 4}") for n in range(8)]

    async def steps(keeper: Keeper) -> None:
        assert {await visited(keeper, each) for each in stays[:4]} == {"api#1"}
        recorder.lost.add("api#1")
        assert set(await asyncio.gather(*(visited(keeper, each) for each in stays[4:]))) == {"api#2"}

    run(recorder, [spec("api", capacity=4)], stays, steps)
    assert recorder.opened == {"api": 2}


def test_one_that_cannot_be_opened_anew_is_the_cause_for_all() -> None:
    """It is tried once, and everybody hears why."""
    recorder = Recorder()
    stays = [stay(n, "api", lane=f"lane {n % 2}") for n in range(4)]

    async def steps(keeper: Keeper) -> None:
        for each in stays[:2]:
            await visited(keeper, each)
        recorder.lost.add("api#1")
        recorder.refuse = frozenset({"open api"})
        for each in stays[2:]:
            with pytest.raises(SessionError, match="refused"):
                await visited(keeper, each)

    run(recorder, [spec("api", capacity=2)], stays, steps)
    assert recorder.opened == {"api": 2}


def test_a_lost_session_that_waits_in_its_pool_is_not_lent() -> None:
    """Who is next in line has another, at once."""
    recorder = Recorder()
    stays = [stay(n, "db") for n in range(2)]

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, stays[0])
        recorder.lost.add("db#1")
        assert await visited(keeper, stays[1]) == "db#2"

    run(recorder, [spec("db", pooled=True, isolation=Isolation.SHARED)], stays, steps)


def test_a_lost_session_in_a_pool_that_has_no_other_is_the_error_of_who_is_next() -> None:
    """What cannot be opened in its place is told to the one who would have had it; the next tries again."""
    recorder = Recorder()
    stays = [stay(n, "db") for n in range(3)]

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, stays[0])
        recorder.lost.add("db#1")
        recorder.refuse = frozenset({"open db"})
        with pytest.raises(SessionError, match="refused"):
            await visited(keeper, stays[1])
        recorder.refuse = frozenset()
        assert await visited(keeper, stays[2]) == f"db#{recorder.opened['db']}"

    run(recorder, [spec("db", pooled=True, isolation=Isolation.SHARED)], stays, steps)


@pytest.mark.parametrize("when", range(1, 9))
def test_a_replacement_that_is_cancelled_leaves_nothing_open(when: int) -> None:
    """Given up at any step, neither the lost nor the new session stays; the next trial has one that works."""
    recorder = Recorder(pace=2)
    stays = [stay(n, "api", lane="one") for n in range(3)]

    async def steps(keeper: Keeper) -> None:
        await visited(keeper, stays[0])
        recorder.lost.add("api#1")
        task = asyncio.create_task(visited(keeper, stays[1]))
        for _ in range(when):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await visited(keeper, stays[2]) == f"api#{recorder.opened['api']}"

    run(recorder, [spec("api", capacity=2)], stays, steps)
    assert [live for what, live in recorder.log if what == "open" and live.is_open] == []
