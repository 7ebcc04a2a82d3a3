import asyncio
import dataclasses
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from sojourn.errors import SessionError, SessionLostError
from sojourn.lifecycle.journal import Journal, NoLedger
from sojourn.lifecycle.keeper import Keeper, Stay
from sojourn.lifecycle.kinship import Family
from sojourn.model.session import Isolation, PoolLimits, Scope, SessionSpec
from sojourn.protocols import Opening

ABILITIES = frozenset({"check", "reset", "begin", "rollback", "fork"})


class Live(msgspec.Struct, eq=False):
    """A session of the tests: knows what it was opened in."""

    name: str
    number: int
    parents: tuple["Live", ...]
    is_fork: bool = False
    is_open: bool = True
    content: int = 0

    def __str__(self) -> str:
        return f"{self.name}#{self.number}"


class Recorder:
    """Opens sessions of the tests and writes down what happens to them; `pace` turns of the loop a step."""

    is_borrowed = False

    def __init__(
        self, *, pace: int = 0, refuse: frozenset[str] = frozenset(), abilities: frozenset[str] = ABILITIES
    ) -> None:
        self.abilities = abilities
        self.log: list[tuple[str, Live]] = []
        self.pace = pace
        self.refuse = refuse
        self.opened: Counter[str] = Counter()
        self.lost: set[str] = set()
        self.hang: set[str] = set()
        self.refusal: Exception = ValueError("unable")
        self.hanging = asyncio.Event()

    async def _step(self) -> None:
        for _ in range(self.pace):
            await asyncio.sleep(0)

    async def prepare(self) -> None:
        """Nothing to find out."""

    async def open(self, opening: Opening) -> Live:
        """Open one."""
        await self._step()
        name = opening.name.partition(" ")[0]
        self.opened[name] += 1
        if f"open {name}" in self.refuse:
            raise self.refusal if isinstance(self.refusal, SessionLostError) else ValueError("refused")
        if f"open {name}" in self.hang:
            self.hanging.set()
            await asyncio.Event().wait()
        live = Live(name, self.opened[name], tuple(opening.parents.values()))
        assert all(parent.is_open for parent in live.parents)
        self.log.append(("open", live))
        return live

    async def close(self, live: Live) -> None:
        """Close one."""
        await self._step()
        assert live.is_open, f"{live} is closed twice"
        live.is_open = False
        self.log.append(("close", live))
        if f"close {live.name}" in self.refuse:
            raise ValueError("stuck")

    async def lend(self, live: Live) -> Live:
        """Return it as it is."""
        return live

    async def act(self, ability: str, live: Live, **_: Any) -> Any:
        """Note what is done."""
        await self._step()
        assert live.is_open
        self.log.append((ability, live))
        if f"{ability} {live.name}" in self.refuse:
            raise self.refusal
        if f"{ability} {live.name}" in self.hang:
            await asyncio.Event().wait()
        return live.content if ability == "fingerprint" else True

    async def fork(self, live: Live, opening: Opening) -> Live:
        """Make a child."""
        assert opening.name.startswith("fork of ")
        await self._step()
        assert live.is_open
        self.opened[f"fork of {live.name}"] += 1
        child = Live(live.name, self.opened[f"fork of {live.name}"], (live,), is_fork=True)
        self.log.append(("fork", child))
        return child

    def is_lost(self, live: Live) -> bool:
        """Tell whether the test says that it is gone."""
        return str(live) in self.lost

    def handle(self, live: Live) -> Any:
        """Tell its number."""
        return live.number

    def marker(self, live: Any) -> Any:
        """Stand for itself."""
        return live

    def told(self) -> list[str]:
        """Return the log as short words."""
        return [f"{what} {live}" for what, live in self.log]


def spec(name: str, scope: str = "run", **more: Any) -> SessionSpec:
    limits = PoolLimits(**{key: more.pop(key) for key in ("max", "min", "capacity", "wait", "check") if key in more})
    return SessionSpec(name=name, kind="test", scope=Scope(scope), limits=limits, **more)


def stay(index: int, *needs: str, lane: str = "", test: int | None = None, provider: int = 0) -> Stay:
    lane = lane or f"lane {index}"
    place = {
        Scope.PROVIDER: str(provider),
        Scope.CONVERSATION: lane,
        Scope.TEST: str(index if test is None else test),
        Scope.TRIAL: str(index),
    }
    return Stay(f"trial {index}", lane, place, needs)


def journal() -> Journal:
    return Journal("run", asyncio.get_running_loop().time, NoLedger())


@dataclasses.dataclass
class Played:
    """What came of playing stays: each trial's sessions, errors and notes."""

    used: dict[str, dict[str, Live]]
    errors: dict[str, str]
    notes: list[str]
    keeper: Keeper
    most: Counter[str]


def play(recorder: Recorder, specs: list[SessionSpec], stays: list[Stay], *, jobs: int = 4, uses: int = 1) -> Played:
    """Let the stays' lanes be visited, each in order, so many at once."""

    async def main() -> Played:
        keeper = Keeper(Family(specs), {each.name: recorder for each in specs}, journal())
        keeper.expect(stays)
        lanes: dict[str, list[Stay]] = {}
        for each in stays:
            lanes.setdefault(each.lane, []).append(each)
        waiting = list(lanes.values())
        played = Played({}, {}, [], keeper, Counter())
        now: Counter[str] = Counter()

        async def one(each: Stay) -> None:
            try:
                async with keeper.visit(each, played.notes) as live:
                    played.used[each.name] = live
                    for session in live.values():
                        assert session.is_open
                        now[str(session)] += not session.is_fork
                        played.most[str(session)] = max(played.most[str(session)], now[str(session)])
                    for _ in range(uses):
                        await asyncio.sleep(0)
                    for session in live.values():
                        assert session.is_open
                        now[str(session)] -= not session.is_fork
            except SessionError as error:
                played.errors[each.name] = str(error)

        async def work() -> None:
            while waiting:
                for each in waiting.pop(0):
                    await one(each)

        async with asyncio.timeout(20):
            await asyncio.gather(*(work() for _ in range(jobs)))
        await keeper.close()
        return played

    return asyncio.run(main())


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


def keeper_of(recorder: Recorder, *specs: SessionSpec) -> Keeper:
    return Keeper(Family(specs), {each.name: recorder for each in specs}, journal())


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
