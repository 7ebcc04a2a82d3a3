"""Who is told what while a run goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from sojourn.model.plan import Plan
from sojourn.model.result import TrialResult


def _unheard(_: object) -> None:
    pass


def _unplanned(_: Plan, _kept: Mapping[int, TrialResult]) -> None:
    pass


async def _unseen(_: object) -> None:
    pass


class Listeners(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told what while a run goes on: a text that was printed, the plan once it stands, each result.

    The plan is what is left to run; beside it come results of an earlier part that stand, by the trial's index. A
    result is withdrawn where its lane has to be run again from its start. Sessions (name, trial, handle) are kept open
    until `on_kept` returns.
    """

    on_print: Callable[[str], None] = _unheard
    on_plan: Callable[[Plan, Mapping[int, TrialResult]], None] = _unplanned
    on_result: Callable[[TrialResult], None] = _unheard
    on_withdrawn: Callable[[TrialResult], None] = _unheard
    on_kept: Callable[[list[tuple[str, str, Any]]], Awaitable[None]] = _unseen
