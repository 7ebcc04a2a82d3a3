import asyncio
import dataclasses

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.engine.lanes import Learner, Schedule
from sojourn.model.plan import Column, Lane, Trial
from sojourn.model.run_result import Race
from sojourn.model.suite import Case, Prompt, ProviderSpec

COLUMN = Column(index=0, provider=ProviderSpec(id="echo"), prompt=Prompt(raw="", label="", id=""))


class Played(msgspec.Struct, frozen=True):
    """A trial as a test plays it: which session it uses, whether its hooks tell, how long each step takes."""

    session: str
    told: bool = False
    before: int = 0
    asking: int = 1


def trial(index: int, lane: str = "") -> Trial:
    case = Case(raw={}, vars={})
    return Trial(index=index, test_index=index, test_number=index, repeat=0, column=COLUMN, case=case, lane=lane)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@dataclasses.dataclass
class Seen:
    """What was seen of a run: which trials asked at once, the order of asking, and what was learnt."""

    together: set[frozenset[int]]
    order: list[int]
    learner: Learner

    def overlapped(self, first: int, second: int) -> bool:
        """Whether two trials asked at the same time."""
        return any({first, second} <= group for group in self.together)

    @property
    def most(self) -> int:
        """How many trials asked at the same time, at most."""
        return max((len(group) for group in self.together), default=0)


def play(parts: list[Played], *, jobs: int = 4, hooks: bool = True, lanes: list[str] | None = None) -> Seen:
    """Run the parts through a Learner with so many workers."""

    async def main() -> Seen:
        learner = Learner("hooks" if hooks else "")
        seen = Seen(set(), [], learner)
        asking: set[int] = set()
        waiting = [trial(index, lanes[index] if lanes else "") for index in range(len(parts))]

        async def work() -> None:
            while waiting:
                mine = waiting.pop(0)
                part = parts[mine.index]
                visit = await learner.admit(mine, declared=bool(mine.lane))
                await turns(part.before)
                if not learner.knows(visit, part.session if part.told else ""):
                    await learner.turn(visit)
                asking.add(mine.index)
                seen.order.append(mine.index)
                seen.together.add(frozenset(asking))
                await turns(part.asking)
                asking.discard(mine.index)
                learner.done(visit, part.session)

        async with asyncio.timeout(30):
            await asyncio.gather(*(work() for _ in range(jobs)))
        return seen

    return asyncio.run(main())


def test_hooks_and_one_session_keep_the_order_of_the_file() -> None:
    """In a suite with hooks, trials that report one session run one after another, in file order."""
    seen = play([Played("s")] * 6, jobs=4)
    assert (seen.order, seen.most) == ([0, 1, 2, 3, 4, 5], 1)
    assert "they run in order" in seen.learner.told()


def test_sessions_that_differ_set_the_rest_free() -> None:
    """Once two trials have reported different sessions, the rest run in parallel."""
    seen = play([Played(f"s{n}", asking=5) for n in range(10)], jobs=4)
    assert seen.most == 4
    assert "parallel" in seen.learner.told()
    assert not seen.overlapped(0, 1)


def test_sessions_told_before_the_call_are_parallel_at_once() -> None:
    """Trials whose before-hooks name sessions of their own wait for nobody, not even the first two."""
    seen = play([Played(f"s{n}", told=True, asking=20) for n in range(8)], jobs=4)
    assert seen.overlapped(0, 1)
    assert seen.most == 4


def test_a_session_told_twice_is_used_by_one_at_a_time() -> None:
    """Trials told of the same session wait for each other; others pass them by."""
    seen = play([Played("a", told=True, asking=9), Played("a", told=True), Played("b", told=True, asking=9)], jobs=3)
    assert not seen.overlapped(0, 1)
    assert seen.overlapped(0, 2)


def test_no_report_means_order() -> None:
    """In a suite with hooks in which nobody reports a session, nothing is proved and order is kept."""
    seen = play([Played("")] * 5, jobs=4)
    assert seen.most == 1
    assert "no session id was reported" in seen.learner.told()


def test_no_hooks_means_parallel_from_the_start() -> None:
    """Without hooks and reports nobody waits."""
    seen = play([Played("", asking=9)] * 8, jobs=4, hooks=False)
    assert seen.most == 4


def test_a_race_is_seen_and_ends_the_haste() -> None:
    """Two trials at once on one session are a race; from then on order is kept."""
    seen = play([Played("s", asking=9)] * 8, jobs=2, hooks=False)
    assert [(race.first.index, race.second.index) for race in seen.learner.races] == [(0, 1), (1, 2)]
    assert seen.learner.in_order
    assert not any(seen.overlapped(a, b) for a in range(3, 8) for b in range(3, 8) if a != b)


def test_one_after_another_is_no_race() -> None:
    """A session used twice, but not at once, is shared and not raced."""
    assert play([Played("s")] * 3, jobs=1, hooks=False).learner.races == []


def test_declared_lanes_do_not_wait_to_be_learnt() -> None:
    """What the file declares is not held up by what is still to be learnt; a race between lanes is seen."""
    seen = play([Played("s", asking=9), Played("s", asking=9)], jobs=2, lanes=["a", "b"])
    assert seen.overlapped(0, 1)
    assert [type(race) for race in seen.learner.races] == [Race]


PLAYED = st.builds(
    Played,
    session=st.sampled_from(["", "a", "b", "c", "d"]),
    told=st.booleans(),
    before=st.integers(0, 3),
    asking=st.integers(0, 5),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PLAYED, max_size=14), st.integers(1, 6))
def test_whatever_is_played_ends_and_no_told_session_is_shared(parts: list[Played], jobs: int) -> None:
    """No schedule hangs, every trial asks once, and two trials told of one session never ask at once."""
    seen = play(parts, jobs=jobs)
    assert sorted(seen.order) == list(range(len(parts)))
    told = [index for index, part in enumerate(parts) if part.told and part.session]
    clashes = [(a, b) for a in told for b in told if a < b and parts[a].session == parts[b].session]
    assert not any(seen.overlapped(a, b) for a, b in clashes)


def test_the_rest_of_a_schedule_is_what_was_not_begun() -> None:
    """What was given back and what was not handed out is the rest."""
    schedule = Schedule([Lane(key=str(n), why="", trials=(trial(n),)) for n in range(3)])
    first = schedule.next()
    assert first is not None
    assert [[each.index for each in lane] for lane in schedule.rest()] == [[1], [2]]
    schedule.give_back(first.trials)
    assert [[each.index for each in lane] for lane in schedule.rest()] == [[0], [1], [2]]


def test_waiting_for_a_told_session_is_no_race() -> None:
    """A trial that waited for the session which its hooks named, and used it alone, raced nobody."""
    parts = [Played("a", told=True, asking=9), Played("a", told=True, asking=3), Played("a", told=True)]
    assert play(parts, jobs=3).learner.races == []
