"""What is written down of a run while it goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sojourn.errors import StoreError
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult
from sojourn.store.place import Beacon
from sojourn.store.recorder import Recorder
from sojourn.store.runs import Store
from tests.conftest import make_run, make_trial

Make = Callable[..., Any]
ASKED = {"folder": "/suite", "config": [], "flags": {}}


def unbroken(what: str) -> None:
    """Nothing may break."""
    raise AssertionError(what)


def recorded(home: Path, *results: TrialResult, **changes: Any) -> RunResult:
    """Record a run of these results."""
    run = make_run(*results, **changes)

    async def record() -> None:
        recorder = Recorder(home, unbroken)
        recorder.begin(run, ASKED)
        for result in results:
            recorder.take(result, lambda _: None)
        await recorder.end(run)
        recorder.close()

    asyncio.run(record())
    return run


def test_a_run_is_found_again_as_it_was(tmp_path: Path) -> None:
    """Head, document, rows and times of a run are read back as they were written."""
    failed = make_trial(1, outcome=Outcome.FAILED, score=0.5, reason="no", session_id="s-1", started=3, ended=4)
    recorded(tmp_path, make_trial(0, started=1, ended=2.5), failed)
    with contextlib.closing(Store(tmp_path)) as store:
        [head] = store.heads()
        assert (head.id, head.state, head.expected, head.passed, head.failed) == ("eval-1", "done", 2, 1, 1)
        assert store.document(head)["results"]["stats"]["failures"] == 1
        assert [row["outcome"] for row in store.rows(head)] == ["passed", "failed"]
        assert [(each.times.began, each.times.ended, each.times.session) for each in store.trials(head)] == [
            (1, 2.5, ""),
            (3, 4, "s-1"),
        ]
        assert store.asked(head) == ASKED


def test_a_trial_is_told_of_when_its_row_can_be_read_by_others(tmp_path: Path) -> None:
    """Whoever hears that a trial is done finds its row in the store, although the run goes on."""
    seen: list[int] = []

    def look(_: TrialResult) -> None:
        with contextlib.closing(Store(tmp_path)) as store:
            [head] = store.heads()
            assert head.state == "running"
            assert [each["provider"] for each in store.document(head)["results"]["prompts"]] == ["bot"]
            seen.append(len(list(store.rows(head))))

    async def record() -> None:
        run = make_run(make_trial(0), make_trial(1))
        columns, run.columns = run.columns, ()
        recorder = Recorder(tmp_path, unbroken)
        recorder.begin(run, ASKED)
        run.columns = columns
        for result in run.results:
            recorder.take(result, look)
        await recorder.end(run)
        recorder.close()

    asyncio.run(record())
    assert seen == [2, 2]


def test_a_row_that_changed_is_replaced(tmp_path: Path) -> None:
    """What comparisons make of a trial in the end stands in its row; a result that is redone is there once."""

    async def record() -> None:
        run = make_run(make_trial(0))
        recorder = Recorder(tmp_path, unbroken)
        recorder.begin(run, ASKED)
        recorder.take(run.results[0], lambda _: None)
        run.results.replace(make_trial(0, outcome=Outcome.FAILED))
        await recorder.end(run)
        recorder.close()

    asyncio.run(record())
    with contextlib.closing(Store(tmp_path)) as store:
        assert [row["outcome"] for row in store.rows(store.head("latest"))] == ["failed"]


def test_a_run_whose_process_is_gone_was_killed(tmp_path: Path) -> None:
    """A run that never ended and that nobody holds any more is neither running nor done; its rows are counted."""

    async def record() -> None:
        run = make_run(make_trial(0), make_trial(1))
        recorder = Recorder(tmp_path, unbroken)
        recorder.begin(run, ASKED)
        recorder.take(run.results[0], lambda _: None)
        await recorder.end(None)
        recorder.close()

    asyncio.run(record())
    with contextlib.closing(Store(tmp_path)) as store:
        head = store.head("latest")
        assert (head.state, head.passed, head.expected) == ("killed", 1, 2)


def test_a_run_is_known_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    """An id is found by as much of it as tells it from others; what is not there, or not clear, is said."""
    for name in ("eval-1", "eval-20", "eval-21"):
        run = make_run(make_trial(0))
        run.run_id = name

        async def record(run: RunResult = run) -> None:
            recorder = Recorder(tmp_path, unbroken)
            recorder.begin(run, ASKED)
            await recorder.end(run)
            recorder.close()

        asyncio.run(record())
    with contextlib.closing(Store(tmp_path)) as store:
        assert store.head("eval-1").id == "eval-1"
        assert store.head("eval-21").id == "eval-21"
        assert store.head("latest").id == "eval-21"
        with pytest.raises(StoreError, match="several runs begin with 'eval-2'"):
            store.head("eval-2")
        with pytest.raises(StoreError, match="no run '%' is stored"):
            store.head("%")


def test_a_run_that_is_deleted_leaves_nothing(tmp_path: Path) -> None:
    """A run that is forgotten is gone with its rows; others stay."""
    recorded(tmp_path, make_trial(0))
    with contextlib.closing(Store(tmp_path)) as store:
        head = store.head("latest")
        store.delete(head)
        assert store.heads() == []
        assert list(store.rows(head)) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A store that cannot be made says where and what to do."""
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError, match=r"runs\.sqlite: .* \(set SOJOURN_HOME to a folder that can be written\)"):
        Store(tmp_path / "home")


def test_a_store_that_breaks_is_told_of_once(tmp_path: Path) -> None:
    """A run whose record cannot go on says so once, and its trials are still counted."""
    told: list[str] = []
    counted: list[TrialResult] = []

    async def record() -> None:
        run = make_run(make_trial(0), make_trial(1))
        recorder = Recorder(tmp_path, told.append)
        recorder.begin(run, ASKED)
        with contextlib.closing(Store(tmp_path)) as store:
            store._rows.execute("DROP TABLE rows")
        for result in run.results:
            recorder.take(result, counted.append)
            await asyncio.sleep(0)
        await recorder.end(run)
        recorder.close()

    asyncio.run(record())
    assert len(told) == 1
    assert "no further record of the run is kept" in told[0]
    assert len(counted) == 2


def test_two_do_not_go_on_with_one_run(tmp_path: Path) -> None:
    """Whoever goes on with a run that another process is running is refused, and takes nothing of it away."""

    async def record() -> None:
        run = make_run(make_trial(0), make_trial(1))
        recorder = Recorder(tmp_path, unbroken)
        recorder.begin(run, ASKED)
        recorder.take(run.results[0], lambda _: None)
        with pytest.raises(StoreError, match="going on in another process"):
            Beacon(tmp_path, recorder._number)
        await recorder.end(run)
        recorder.close()

    asyncio.run(record())
    with contextlib.closing(Store(tmp_path)) as store:
        head = store.head("latest")
        assert (head.state, head.expected, len(list(store.rows(head)))) == ("done", 2, 2)


def test_a_busy_run_is_written_while_it_goes_on(tmp_path: Path) -> None:
    """A loop that never rests stands still for the store's thread: results do not pile up until the run's end."""
    results = [make_trial(index) for index in range(6_000)]
    run = make_run(*results)

    async def record() -> int:
        recorder = Recorder(tmp_path, unbroken)
        recorder.begin(run, ASKED)
        told: list[TrialResult] = []
        for result in results:
            recorder.take(result, told.append)
            await asyncio.sleep(0)
        before_the_end = len(told)
        await recorder.end(run)
        recorder.close()
        return before_the_end

    assert asyncio.run(record()) > 6_000 / 4
