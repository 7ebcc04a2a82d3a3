from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.journal import Journal, NoLedger
from sojourn.lifecycle.keeper import Keeper
from sojourn.lifecycle.kinship import Family
from sojourn.model.session import Isolation, SessionSpec
from tests.lifecycle.playing import Recorder, journal, play, spec, stay


def test_a_run_session_opens_once_and_closes_when_the_last_user_has_gone() -> None:
    """A session of the run is opened by its first visitor and closed after its last, before the run ends."""
    recorder = Recorder()
    play(recorder, [spec("db"), spec("other")], [stay(0, "db"), stay(1, "db"), stay(2, "other")], jobs=1)
    assert recorder.told() == ["open db#1", "close db#1", "open other#1", "close other#1"]


def test_what_nobody_needs_is_never_opened() -> None:
    """Sessions are opened lazily."""
    recorder = Recorder()
    play(recorder, [spec("db"), spec("idle")], [stay(0, "db")])
    assert recorder.opened == {"db": 1}


def test_parents_open_first_and_close_last() -> None:
    """A child is opened inside its parents and closed before them."""
    recorder = Recorder()
    family = [spec("account"), spec("server"), spec("thread", "trial", parents=("account", "server"))]
    play(recorder, family, [stay(0, "thread")])
    assert recorder.told() == [
        "open account#1",
        "open server#1",
        "open thread#1",
        "close thread#1",
        "close server#1",
        "close account#1",
    ]


@pytest.mark.parametrize(("scope", "times"), [("run", 1), ("provider", 2), ("test", 3), ("trial", 12)])
def test_a_scope_says_how_often_a_session_opens(scope: str, times: int) -> None:
    """3 tests, 2 providers, 2 repeats: once a run, a provider, a test across repeats and providers, or a trial."""
    recorder = Recorder()
    places = [(test, provider) for test in range(3) for _ in range(2) for provider in range(2)]
    stays = [stay(n, "env", test=test, provider=provider, lane="one") for n, (test, provider) in enumerate(places)]
    play(recorder, [spec("env", scope)], stays)
    assert recorder.opened["env"] == times


def test_scopes_of_parents_multiply() -> None:
    """A test's session inside a provider's is one for each test and provider."""
    recorder = Recorder()
    places = [(test, provider) for test in range(3) for provider in range(2)]
    stays = [stay(n, "env", test=test, provider=provider, lane="one") for n, (test, provider) in enumerate(places)]
    play(recorder, [spec("account", "provider"), spec("env", "test", parents=("account",))], stays)
    assert recorder.opened == {"account": 2, "env": 6}


def test_a_failed_opening_is_the_cause_for_all_and_not_tried_again() -> None:
    """What depends on a session that would not open fails with its cause; siblings run."""
    recorder = Recorder(refuse=frozenset({"open db"}))
    specs = [spec("db"), spec("thread", "trial", parents=("db",)), spec("other", "trial")]
    played = play(recorder, specs, [stay(0, "thread"), stay(1, "thread"), stay(2, "other")])
    assert played.errors.keys() == {"trial 0", "trial 1"}
    assert all("refused" in error for error in played.errors.values())
    assert recorder.opened == {"db": 1, "other": 1}


def test_what_was_half_opened_can_be_reclaimed() -> None:
    """An opening that failed stays in the ledger where its kind can reclaim: something may have been made."""
    told: list[str] = []

    class Book(NoLedger):
        def closed(self, tag: str) -> None:
            told.append(tag)

    async def main(abilities: frozenset[str]) -> None:
        recorder = Recorder(refuse=frozenset({"open db"}), abilities=abilities)
        keeper = Keeper(Family([spec("db")]), {"db": recorder}, Journal("run", lambda: 0.0, Book()))
        keeper.expect([stay(0, "db")])
        with pytest.raises(SessionError):
            await keeper.visit(stay(0, "db"), []).__aenter__()

    asyncio.run(main(frozenset({"reclaim"})))
    assert told == []
    asyncio.run(main(frozenset()))
    assert told == ["run/1"]


@pytest.mark.parametrize("undone", [True, False])
def test_what_was_undone_at_once_is_not_left_to_others(undone: bool) -> None:  # noqa: FBT001  a case of the test
    """An opening that was struck stays in the ledger only if something may be left of it."""
    told: list[str] = []
    struck = SessionLostError("db", "its process ended")
    struck.undone = undone

    class Book(NoLedger):
        def closed(self, tag: str) -> None:
            told.append(tag)

    async def main() -> None:
        recorder = Recorder(refuse=frozenset({"open db"}), abilities=frozenset({"reclaim"}))
        recorder.refusal = struck
        keeper = Keeper(Family([spec("db")]), {"db": recorder}, Journal("run", lambda: 0.0, Book()))
        keeper.expect([stay(0, "db")])
        with pytest.raises(SessionLostError):
            await keeper.visit(stay(0, "db"), []).__aenter__()

    asyncio.run(main())
    assert told == ["run/1"] * undone


def test_a_close_that_fails_is_named_and_stops_nothing() -> None:
    """A session that cannot be closed is kept by name; its parent is closed all the same."""
    recorder = Recorder(refuse=frozenset({"close thread"}))
    played = play(recorder, [spec("db"), spec("thread", "trial", parents=("db",))], [stay(0, "thread")])
    assert [unclosed.name for unclosed in played.keeper.unclosed] == ["thread (trial 1)"]
    assert "close db#1" in recorder.told()
    assert played.errors == {}


def test_a_fork_is_private_and_its_parent_warmed_once() -> None:
    """Each trial has a child of its own of one parent, closed with the trial."""
    recorder = Recorder(pace=1)
    played = play(recorder, [spec("env", isolation=Isolation.FORK)], [stay(n, "env") for n in range(5)])
    assert recorder.opened == {"env": 1, "fork of env": 5}
    assert len({id(live["env"]) for live in played.used.values()}) == 5
    assert recorder.told()[-1] == "close env#1"


def test_a_rollback_brackets_every_trial() -> None:
    """With isolation rollback each trial begins and is rolled back on the same session."""
    recorder = Recorder()
    play(recorder, [spec("db", isolation=Isolation.ROLLBACK)], [stay(0, "db", lane="l"), stay(1, "db", lane="l")])
    bracket = ["begin db#1", "rollback db#1"]
    assert recorder.told() == ["open db#1", *bracket, *bracket, "close db#1"]


def test_a_session_that_cannot_be_rolled_back_is_replaced() -> None:
    """What a trial left in it is seen by no other: the next has a new one, and the trial is unclean."""
    recorder = Recorder(refuse=frozenset({"rollback db"}))
    stays = [stay(number, "db", lane="one") for number in range(2)]
    played = play(recorder, [spec("db", isolation=Isolation.ROLLBACK)], stays)
    assert [str(each["db"]) for each in played.used.values()] == ["db#1", "db#2"]
    assert played.notes == ["rollback of db: ValueError: unable"] * 2
    assert recorder.told()[-1] == "close db#2"


def test_a_reset_stands_between_trials() -> None:
    """With isolation reset a session is as new for each trial; one whose reset fails is replaced."""
    recorder = Recorder(refuse=frozenset({"reset db"}))
    stays = [stay(0, "db", lane="l"), stay(1, "db", lane="l")]
    played = play(recorder, [spec("db", isolation=Isolation.RESET)], stays)
    assert recorder.opened["db"] == 2
    assert len([note for note in played.notes if note.startswith("reset of db")]) == 2


def test_fresh_means_one_for_each_trial() -> None:
    """With isolation fresh nothing is shared, whatever the scope says."""
    recorder = Recorder()
    play(recorder, [spec("db", isolation=Isolation.FRESH)], [stay(n, "db", lane="l") for n in range(3)])
    assert recorder.opened["db"] == 3


def test_a_pool_is_never_larger_than_its_limit() -> None:
    """40 lanes over a pool of 3: at most 3 open, each used by one lane at a time."""
    recorder = Recorder(pace=2)
    played = play(recorder, [spec("db", max=3, pooled=True)], [stay(n, "db") for n in range(40)], jobs=16, uses=4)
    assert recorder.opened["db"] == 3
    assert set(played.most.values()) == {1}
    assert len(played.used) == 40


def test_a_pool_that_cannot_reset_throws_away() -> None:
    """Sessions of a pool are used once where nobody says that they may be shared and their kind cannot reset."""
    recorder = Recorder(abilities=frozenset())
    play(recorder, [spec("db", max=2, pooled=True)], [stay(n, "db") for n in range(5)])
    assert recorder.opened["db"] == 5
    shared = Recorder(abilities=frozenset())
    play(shared, [spec("db", max=2, pooled=True, isolation=Isolation.SHARED)], [stay(n, "db") for n in range(5)])
    assert shared.opened["db"] <= 2


def test_capacity_lets_several_lanes_in() -> None:
    """A session of capacity 3 is used by up to 3 lanes at once, and by no more."""
    recorder = Recorder()
    played = play(recorder, [spec("api", capacity=3)], [stay(n, "api") for n in range(12)], jobs=8, uses=5)
    assert (recorder.opened["api"], max(played.most.values())) == (1, 3)


def test_two_pools_are_taken_in_one_order() -> None:
    """Lanes that need two scarce pools in different orders do not wait for each other for ever."""
    stays = [stay(n, *needs, lane=f"lane {n // 2}") for n, needs in enumerate([("a",), ("b",), ("b",), ("a",)] * 4)]
    specs = [spec("a", max=1, pooled=True), spec("b", max=1, pooled=True)]
    assert len(play(Recorder(pace=1), specs, stays, jobs=8, uses=3).used) == 16


def test_what_a_stopped_run_left_open_is_closed() -> None:
    """Closing the keeper closes what trials that never came would have closed, newest first."""
    recorder = Recorder()

    async def main() -> None:
        family = [spec("db"), spec("thread", parents=("db",))]
        keeper = Keeper(Family(family), {each.name: recorder for each in family}, journal())
        keeper.expect([stay(0, "thread"), stay(1, "thread")])
        async with keeper.visit(stay(0, "thread"), []):
            pass
        await keeper.close()

    asyncio.run(main())
    assert recorder.told() == ["open db#1", "open thread#1", "close thread#1", "close db#1"]


@pytest.mark.parametrize("when", range(1, 14))
def test_a_cancellation_leaves_nothing_open(when: int) -> None:
    """A trial cancelled at any step gives everything back, and what was opened is closed."""
    recorder = Recorder(pace=2)

    async def main() -> None:
        family = [spec("db"), spec("thread", "trial", parents=("db",), isolation=Isolation.FORK)]
        keeper = Keeper(Family(family), {each.name: recorder for each in family}, journal())
        keeper.expect([stay(0, "thread")])

        async def visit() -> None:
            async with keeper.visit(stay(0, "thread"), []):
                await asyncio.Event().wait()

        task = asyncio.create_task(visit())
        for _ in range(when):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await keeper.close()

    asyncio.run(main())
    assert not [live for what, live in recorder.log if what in ("open", "fork") and live.is_open]


SPECS = st.lists(
    st.tuples(
        st.sampled_from(["run", "provider", "test", "trial"]),
        st.sampled_from([None, Isolation.SHARED, Isolation.RESET, Isolation.FRESH, Isolation.FORK, Isolation.ROLLBACK]),
        st.integers(1, 3),
        st.booleans(),
        st.lists(st.integers(0, 3), max_size=2),
    ),
    min_size=1,
    max_size=5,
)


def family_of(drawn: list[tuple[str, Isolation | None, int, bool, list[int]]]) -> list[SessionSpec]:
    """Make specs whose parents stand before them, leaving out what kinship forbids."""
    specs: list[SessionSpec] = []
    for number, (scope, isolation, most, pooled, above) in enumerate(drawn):
        parents = tuple(dict.fromkeys(f"s{n}" for n in above if n < number))
        more = {"max": most, "pooled": True} if pooled else {"capacity": most}
        made = spec(f"s{number}", scope, isolation=isolation, parents=parents, **more)
        if Family([*specs, made]).problems():
            made = structs.replace(made, parents=())
        specs.append(made)
    return specs


@settings(max_examples=200, deadline=None)
@given(
    SPECS,
    st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 4), max_size=3)), max_size=16),
    st.integers(0, 3),
    st.integers(1, 16),
)
def test_whatever_is_planned_opens_and_closes_in_order(
    drawn: list[Any], wanted: list[tuple[int, list[int]]], pace: int, jobs: int
) -> None:
    """Whatever the schedule: parents open before and close after their children, and all is closed once."""
    specs = family_of(drawn)
    lanes = [f"lane {number}" for number, _ in wanted]
    needs = [tuple(dict.fromkeys(f"s{n % len(specs)}" for n in names)) for _, names in wanted]
    stays = [stay(n, *need, lane=lane, test=n // 2) for n, (need, lane) in enumerate(zip(needs, lanes, strict=True))]
    recorder = Recorder(pace=pace)
    played = play(recorder, specs, stays, jobs=jobs)
    assert played.errors == {}
    assert len(played.used) == len(stays)
    opens = [live for what, live in recorder.log if what in ("open", "fork")]
    assert [live for live in opens if live.is_open] == []
    closed = {id(live): place for place, (what, live) in enumerate(recorder.log) if what == "close"}
    assert len(closed) == len(opens)
    for live in opens:
        assert all(closed[id(live)] < closed[id(parent)] for parent in live.parents)


@pytest.mark.parametrize("isolation", [None, Isolation.RESET, Isolation.ROLLBACK, Isolation.FORK, Isolation.FRESH])
def test_what_is_kept_is_closed_with_the_run(isolation: Isolation | None) -> None:
    """What a kept trial had stays as it was until the run ends; others find theirs as they would have."""
    recorder = Recorder()
    lane = [stay(n, "thread", lane="one") for n in range(3)]

    async def main() -> None:
        family = [spec("db", capacity=2), spec("thread", parents=("db",), isolation=isolation)]
        keeper = Keeper(Family(family), {each.name: recorder for each in family}, journal())
        keeper.expect(lane)
        async with keeper.visit(lane[0], []) as live:
            mine = live["thread"]
            keeper.keep(lane[0])
        for each in lane[1:]:
            async with keeper.visit(each, []) as live:
                assert (live["thread"] is mine) is (isolation is None)
        assert mine.is_open
        assert not [what for what, live in recorder.log if live is mine and what in ("reset", "rollback")]
        assert [(kept.session, kept.trial) for kept in keeper.kept] == [("db", "trial 0"), ("thread", "trial 0")]
        await keeper.close()

    asyncio.run(main())
    assert [live for what, live in recorder.log if what in ("open", "fork") and live.is_open] == []
    assert recorder.told()[-1] == "close db#1"
