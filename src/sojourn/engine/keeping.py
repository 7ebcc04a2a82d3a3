"""A run that code asked for, written down as `sojourn eval` does where its configuration says `writeLatestResults`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from sojourn.engine.listeners import Listeners
from sojourn.engine.run import Run
from sojourn.errors import StoreError
from sojourn.model.plan import Plan
from sojourn.model.redaction import redacted
from sojourn.model.result import TrialResult
from sojourn.model.run_result import RunResult
from sojourn.store.recorder import Recorder


class Keeping:
    """Hears of a run in the place of its `listeners`, and tells them once a result is in the store."""

    def __init__(self, home: Path, listeners: Listeners) -> None:
        self._recorder = Recorder(home, _warn)
        self._told = listeners

    @property
    def listeners(self) -> Listeners:
        """Who is to be told of the run."""
        return structs.replace(
            self._told,
            on_plan=self._plan,
            on_result=lambda result: self._recorder.take(result, self._told.on_result),
            on_withdrawn=lambda result: self._recorder.withdraw(result, self._told.on_withdrawn),
        )

    def _plan(self, plan: Plan, kept: Mapping[int, TrialResult]) -> None:
        self._recorder.planned(len(plan.trials) + len(kept), kept)
        self._told.on_plan(plan, kept)

    @contextlib.asynccontextmanager
    async def of(self, going: Run, asked: Mapping[str, Any]) -> AsyncIterator[Callable[[RunResult], None]]:
        """Write a run down from its beginning to its end, to be told what it came to; see `Recorder.begin`."""
        try:
            self._recorder.begin(going.seen, redacted(asked))
        except StoreError as error:
            raise StoreError(f"writeLatestResults: {error.what}", todo=error.todo) from error
        ended: list[RunResult] = []
        try:
            yield ended.append
        finally:
            await self._recorder.end(ended[0] if ended else None)
            self._recorder.close()


def _warn(what: str) -> None:
    warnings.warn(what, stacklevel=2)
