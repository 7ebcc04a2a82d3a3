"""Who is told of a run while it goes on, in spans: run, lanes, sessions, trials, calls of providers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from sojourn.model.plan import Lane, Trial
from sojourn.model.reply import Reply
from sojourn.model.result import TrialResult
from sojourn.model.run_result import RunResult


def _unheard(_: object) -> None:
    pass


class Call(msgspec.Struct, frozen=True):
    """A call under way: `traceparent`, by which the provider's own spans can belong to it, and who hears the reply."""

    traceparent: str = ""
    answered: Callable[[Reply], None] = _unheard


_NO_LANE = contextlib.nullcontext()
_NO_TRIAL = contextlib.nullcontext(_unheard)
_NO_CALL = contextlib.nullcontext(Call())


class Spans(Protocol):
    """Who is told of a run while it goes on."""

    def lane(self, lane: Lane, /) -> contextlib.AbstractContextManager[None]:
        """Bracket a lane."""

    def trial(self, trial: Trial, /) -> contextlib.AbstractContextManager[Callable[[TrialResult], None]]:
        """Bracket a trial; call what is given with its result."""

    def call(self, trial: Trial, provider: str, /) -> contextlib.AbstractContextManager[Call]:
        """Bracket a call of a provider."""

    def over(self, result: RunResult) -> None:
        """Hear what came of the run, and of its sessions."""

    def close(self) -> None:
        """Send what is not sent yet; this may take a while."""


class Silence:
    """Tells nobody."""

    def lane(self, *_: object) -> contextlib.AbstractContextManager[None]:
        """Do nothing."""
        return _NO_LANE

    def trial(self, *_: object) -> contextlib.AbstractContextManager[Callable[[TrialResult], None]]:
        """Do nothing."""
        return _NO_TRIAL

    def call(self, *_: object) -> contextlib.AbstractContextManager[Call]:
        """Do nothing."""
        return _NO_CALL

    def over(self, result: RunResult) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
