"""What `sojourn eval` writes into the store, and how it counts: a trial is done once its row is there."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from sojourn.cli.earlier_rows import pinned
from sojourn.cli.progress import Progress
from sojourn.config.flags import Flags
from sojourn.engine.run import Run
from sojourn.errors import StoreError, UsageError
from sojourn.model.plan import Plan
from sojourn.model.redaction import redacted
from sojourn.model.result import TrialResult
from sojourn.model.run_result import RunResult
from sojourn.store.place import Beacon
from sojourn.store.recorder import Recorder


class Record:
    """Records a run, where that is wanted and can be done; a run is never stopped for want of its record."""

    def __init__(self, home: Path, progress: Progress, *, wanted: bool) -> None:
        self._home = home
        self._progress = progress
        self._wanted = wanted
        self._recorder: Recorder | None = None

    @contextlib.asynccontextmanager
    async def of(
        self, going: Run, asked: Mapping[str, Any], beacon: Beacon | None
    ) -> AsyncIterator[Callable[[RunResult], None]]:
        """Record a run from its beginning to its end, to be told what it came to; see `Recorder.begin`."""
        recorder = Recorder(self._home, lambda what: self._progress.tell(f"warning: {what}"))
        try:
            if self._wanted:
                recorder.begin(going.seen, redacted(asked), beacon)
                recorder.written = going.shelve(recorder.read)
                self._recorder = recorder
        except StoreError as error:
            if beacon is not None:  # what goes on has its record already, and may be another's now
                raise
            self._progress.tell(f"warning: no record of this run is kept: {error}")
        ended: list[RunResult] = []
        try:
            yield ended.append
        finally:
            if self._recorder is not None:
                await self._recorder.end(ended[0] if ended else None)
                if ended:
                    ended[0].texts = self._recorder.texts
                else:
                    self._recorder.close()

    def close(self) -> None:
        """Let go of the store: nothing more is written of the run."""
        if self._recorder is not None:
            self._recorder.close()

    def plan(self, plan: Plan, kept: Mapping[int, TrialResult]) -> None:
        """Hear what is left to run, and what stands already."""
        if self._recorder is not None:
            self._recorder.planned(len(plan.trials) + len(kept), kept)
        self._progress.begin(plan)

    def take(self, result: TrialResult) -> None:
        """Record a result, then count it."""
        if self._recorder is None:
            self._progress.count(result)
        else:
            self._recorder.take(result, self._progress.count)

    def withdraw(self, result: TrialResult) -> None:
        """Count a result no longer: another will take its place."""
        if self._recorder is None:
            self._progress.uncount(result)
        else:
            self._recorder.withdraw(result, self._progress.uncount)


def repeatable(flags: Flags, home: Path, cwd: Path) -> Flags:
    """Return the flags with what is left to chance chosen, so that they ask for the same once more.

    Raises UsageError where shards would each choose for themselves.
    """
    flags = pinned(flags, home, cwd)
    if flags.filter_sample is None or flags.filter_sample_seed is not None:
        return flags
    if flags.shard is not None:
        todo = "give --filter-sample-seed, the same for all"
        raise UsageError("each shard would choose a sample of its own", todo=todo)
    return dataclasses.replace(flags, filter_sample_seed=secrets.randbelow(2**31))
