"""What the viewer asks of the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sojourn.model.event import Event
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, TrialResult
from sojourn.store import queries
from sojourn.store.queries import Wanted
from sojourn.store.recorder import Recorder
from sojourn.store.runs import Head, Store
from tests.conftest import make_run, make_trial

OUTCOMES = (Outcome.PASSED, Outcome.FAILED, Outcome.ERROR, Outcome.PASSED)


def record(home: Path, *results: TrialResult, events: tuple[Event, ...] = ()) -> None:
    """Record a run of these results."""

    async def write() -> None:
        run = make_run(*results, events=list(events))
        recorder = Recorder(home, pytest.fail)
        recorder.begin(run, {"folder": "/", "config": [], "flags": {}})
        for result in results:
            recorder.take(result, lambda _: None)
        await recorder.end(run)
        recorder.close()

    asyncio.run(write())


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[Store, Head]]:
    """A run of four tests: passed, failed, error, passed, each later and with a lower score than the one before."""
    trials = [
        make_trial(
            n,
            raw={"description": f"100% of_{n}"},
            outcome=outcome,
            score=1 - n / 10,
            started=n,
            ended=n + 1,
            reply=Reply(output=f"Answer {n} É\0"),
        )
        for n, outcome in enumerate(OUTCOMES)
    ]
    told = [
        Event(at=0, what="opening", session="thread", tag="a"),
        Event(at=0, what="opening", session="thread", tag="b"),
        Event(at=0.5, what="closed", session="thread", tag="b"),
        Event(at=1.5, what="waiting", session="thread", trial=1),
        Event(at=9, what="closed", session="thread", tag="a"),
    ]
    record(tmp_path, *trials, events=tuple(told))
    with contextlib.closing(Store(tmp_path)) as store:
        yield store, store.head("latest")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), (4, [0, 1, 2, 3])),
        (Wanted(limit=2, offset=1), (4, [1, 2])),
        (Wanted(offset=10), (4, [])),
        (Wanted(outcomes=("failed", "error")), (2, [1, 2])),
        (Wanted(sort="score"), (4, [3, 2, 1, 0])),
        (Wanted(sort="-score"), (4, [0, 1, 2, 3])),
        (Wanted(text="ANSWER 2 é"), (1, [2])),
        (Wanted(text="100% of_1"), (1, [1])),
        (Wanted(text="100_"), (0, [])),
        (Wanted(text="nowhere", offset=3), (0, [])),
        (Wanted(text="answer", outcomes=("passed",), sort="-began", limit=1), (2, [3])),
    ],
)
def test_tests_are_found(stored: tuple[Store, Head], wanted: Wanted, found: tuple[int, list[int]]) -> None:
    """Outcome, text and order choose tests; the count is that of all that are found, on every page."""
    assert queries.tests(*stored, wanted) == found


def test_cells_come_with_their_gist(stored: tuple[Store, Head]) -> None:
    """A cell says what came of its trial, when, and how its answer begins."""
    [one, two] = queries.cells(*stored, [1, 3])
    assert (one.number, one.outcome, one.began, one.name) == (1, "failed", 1, "100% of_1")
    assert two.shown["output"] == "Answer 3 É\0"


def test_a_trial_is_found_with_its_neighbours(stored: tuple[Store, Head]) -> None:
    """A trial has its whole row, and knows which come before and after; of no trial there is nothing."""
    found = queries.row(*stored, 2)
    assert found is not None
    assert found[1]["outcome"] == "error"
    assert queries.row(*stored, 99) is None
    assert queries.around(*stored, 2) == (1, 3)
    assert queries.around(*stored, 0) == (None, 1)


def test_sessions_of_a_span_come_with_their_whole_life(stored: tuple[Store, Head]) -> None:
    """Who looks at a part of the run sees each session that was there, from its opening on, and no other."""
    store, head = stored
    told = [(each.what, each.tag) for each in queries.events_between(store, head, (1, 2))]
    assert told == [("opening", "a"), ("waiting", ""), ("closed", "a")]
