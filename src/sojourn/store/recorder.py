"""Writes a run down while it goes on: a trial counts as done once its row is in the store.

Rows are written by a thread of its own, many that wait for it together, so that the run waits for no disk. A busy
event loop leaves a thread next to no time: Python lends its lock to whoever asks first, which is the loop. So the loop
stands still for a moment whenever many rows have come to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from msgspec import structs

from sojourn.database import insert, together, writing
from sojourn.encoding import encode, writable
from sojourn.errors import StoreError
from sojourn.model.document import document
from sojourn.model.event import Event
from sojourn.model.mark import mark_of
from sojourn.model.plan import Trial
from sojourn.model.restoring import Times, restored
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.row import row
from sojourn.model.run_result import RunResult
from sojourn.store.gists import Kept, drop_rows
from sojourn.store.place import Beacon, open_store
from sojourn.store.runs import told as told_of
from sojourn.store.schema import EVENT, TRIAL

GATHER_S = 0.02
"""How long further rows are waited for after some were written, if not many come: one commit for many costs less."""

MANY, STILL_S = 512, 0.25
"""At each so many rows that wait, the run stands still until what is being written is written, but no longer."""

Told = Callable[[TrialResult], None]


class Recorder:
    """Records one run: `begin` before it, `take` and `withdraw` for each result, `end` after it, `close` in the end.

    `on_broken` hears once that no more can be written; the run goes on without. `written` is told of each result that
    is in the store, and answers whether it was let go of, to be `read` again.
    """

    def __init__(self, home: Path, on_broken: Callable[[str], None]) -> None:
        self._home = home
        self._on_broken = on_broken
        self._store: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        self._beacon: Beacon | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[tuple[Told, TrialResult, bool]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._writing: Future[None] | None = None
        self._recorded: dict[int, TrialResult] = {}
        self._hurry = asyncio.Event()
        self._gather_s = GATHER_S
        self._events = self._told = 0
        self._broken = False
        self.written: Callable[[TrialResult], bool] = lambda _: False

    def begin(self, result: RunResult, asked: Mapping[str, Any], beacon: Beacon | None = None) -> None:
        """Write down that a run begins; `asked` is what is needed to ask for it again.

        `beacon`: the run was begun before, and shows already that it is alive. Raises StoreError where nothing can be
        written.
        """
        self._result = result
        self._store = store = open_store(self._home)
        try:
            self._reading = open_store(self._home)
            with writing(store):
                self._new(store, result, asked) if beacon is None else self._again(store, result, beacon)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(f"the store of runs cannot be written: {error}") from error
        self._origin = result.began

    def _new(self, store: sqlite3.Connection, result: RunResult, asked: Mapping[str, Any]) -> None:
        planned = structs.replace(result, columns=result.columns or result.plan.columns)
        made = store.execute(
            "INSERT INTO runs (id, created, description, state, asked, document, expected)"
            " VALUES (?, ?, ?, 'running', ?, ?, ?)",
            (
                result.run_id,
                result.created,
                writable(result.plan.suite.description),
                _text(asked),
                _text(document(planned, {})),
                len(result.plan.trials),
            ),
        )
        assert made.lastrowid is not None
        self._number = made.lastrowid
        self._beacon = Beacon(self._home, self._number)

    def _again(self, store: sqlite3.Connection, result: RunResult, beacon: Beacon) -> None:
        """Take up a run."""
        [number] = store.execute("SELECT number FROM runs WHERE id = ?", (result.run_id,)).fetchone()
        self._number, self._beacon = number, beacon
        store.execute("UPDATE runs SET state = 'running' WHERE number = ?", (number,))
        asked = "SELECT coalesce(max(number) + 1, 0) FROM events WHERE run = ?"
        [self._events] = store.execute(asked, (number,)).fetchone()

    def planned(self, expected: int, kept: Mapping[int, TrialResult]) -> None:
        """Hear how many trials there are, and which results of an earlier part stand: what does not stand goes."""
        if self._store is None:
            return
        self._recorded = {index: each for index, each in kept.items() if not self.written(each)}
        try:
            with writing(self._store):
                self._store.execute("UPDATE runs SET expected = ? WHERE number = ?", (expected, self._number))
                found = self._store.execute("SELECT number FROM trials WHERE run = ?", (self._number,)).fetchall()
                gone = [(self._number, each) for [each] in found if each not in kept]
                self._store.executemany("DELETE FROM trials WHERE run = ? AND number = ?", gone)
                drop_rows(self._store, gone)
        except (sqlite3.Error, OSError) as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        self._broken = True
        self._on_broken(f"no further record of the run is kept: {error}")

    def take(self, result: TrialResult, told: Told) -> None:
        """Write down a result; `told` is called once it is in the store."""
        self._put(told, result, written=True)

    def withdraw(self, result: TrialResult, told: Told) -> None:
        """Hear that a result will be replaced by another: its row stands until then."""
        self._put(told, result, written=False)

    def _put(self, told: Told, result: TrialResult, *, written: bool) -> None:
        self._waiting.append((told, result, written))
        if len(self._waiting) % MANY == 0:
            self._hurry.set()
            if self._writing is not None:
                wait([self._writing], STILL_S)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        while self._waiting:
            some = together(len(self._waiting))
            batch, self._waiting = self._waiting[:some], self._waiting[some:]
            self._hurry.clear()
            await self._write([result for _, result, written in batch if written])
            for told, result, _ in batch:
                told(result)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._gather_s):
                    await self._hurry.wait()

    async def _write(self, results: list[TrialResult]) -> None:
        if self._store is None or self._broken:
            return
        events = self._result.events[self._told :]
        self._told += len(events)
        try:
            self._writing = self._thread.submit(self._written, self._store, results, events)
            await asyncio.wrap_future(self._writing)
        except (sqlite3.Error, OSError) as error:
            self._break(error)
            return
        self._recorded.update((each.trial.index, each) for each in results if not self.written(each))

    def _written(self, store: sqlite3.Connection, results: list[TrialResult], events: list[Event]) -> None:
        kept = Kept(self._number, ((each.trial.index, row(each, self._result.run_id)) for each in results))
        trials = [self._trial(each) for each in results]
        told = [(self._number, self._events + n, *self._event(event)) for n, event in enumerate(events)]
        with writing(store):
            insert(store, TRIAL, trials)
            kept.put(store)
            insert(store, EVENT, told)
        self._events += len(events)

    def _trial(self, result: TrialResult) -> tuple[Any, ...]:
        trial = result.trial
        began, ended = result.started or result.ended, result.ended
        return (
            self._number,
            trial.index,
            trial.test_index,
            trial.column.index,
            trial.repeat,
            result.outcome.value,
            result.score,
            began - self._origin,
            ended - self._origin,
            result.latency_ms,
            writable(trial.lane),
            writable(result.session_id),
            writable(trial.name),
            mark_of(trial),
        )

    def _event(self, event: Event) -> tuple[Any, ...]:
        return (event.at - self._origin, event.what, writable(event.session), writable(event.tag), event.trial)

    def _end(self, store: sqlite3.Connection) -> None:
        result = self._result
        state = "done" if not result.unrun else "stopped"
        counts = [result.count(outcome) for outcome in Outcome]
        store.execute(
            "UPDATE runs SET state = ?, document = ?, passed = ?, failed = ?, errors = ?, skipped = ? WHERE number = ?",
            (state, _text(document(result, {})), *counts, self._number),
        )

    async def end(self, result: RunResult | None) -> None:
        """Write down the run as a whole, and each row that was changed since; None: it was not brought to an end."""
        self._gather_s = 0
        self._hurry.set()
        if self._flushing is not None:
            await self._flushing
        if result is not None:
            changed = [each for each in result.results.held if self._recorded.get(each.trial.index) is not each]
            self._result = result
            await self._write(changed)
            try:
                if self._store is not None and not self._broken:
                    self._end(self._store)
            except (sqlite3.Error, OSError) as error:
                self._break(error)
        self._thread.shutdown()

    def texts(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return the rows of some trials as they were written, in JSON, by the trial's index: of those that were."""
        if self._reading is None or self._broken:
            return {}
        marks = ", ".join("?" * len(numbers))
        asked = f"SELECT number, row FROM rows WHERE run = ? AND number IN ({marks})"
        try:
            return dict(self._reading.execute(asked, (self._number, *numbers)))
        except sqlite3.Error as error:
            raise told_of(error) from error

    def read(self, trials: Sequence[Trial]) -> Iterator[TrialResult]:
        """Yield what came of trials whose results are written down; raises StoreError where it cannot be read."""
        if self._reading is None:
            raise StoreError("the store of runs is closed")
        known = {trial.index: trial for trial in trials}
        asked = (
            "SELECT number, began, ended, session, row FROM trials JOIN rows USING (run, number)"
            f" WHERE run = ? AND number IN ({', '.join('?' * len(known))})"
        )
        try:
            for number, began, ended, session, text in self._reading.execute(asked, (self._number, *known)):
                times = Times(began=self._origin + began, ended=self._origin + ended, session=session)
                yield restored(json.loads(text), known[number], times)
        except sqlite3.Error as error:
            raise told_of(error) from error

    def close(self) -> None:
        """Let go of the store, and of the run: others may do with it what they like."""
        for each in (self._store, self._reading):
            if each is not None:
                each.close()
        self._store = self._reading = None
        if self._beacon is not None:
            self._beacon.end()
            self._beacon = None


def _text(value: Any) -> str:
    return encode(value).decode()
