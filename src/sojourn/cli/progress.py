"""What is shown while a run goes on: on a terminal a line that counts trials and lanes, in a log one now and then."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from sojourn.drawing.plain import one_line, plain
from sojourn.model.plan import Plan
from sojourn.model.result import TrialResult

EVERY = 10.0
"""Seconds between two lines where nobody looks: a log shows that the run goes on, and is no longer than it need be."""

BAR = 20


class Progress:
    """Counts results on `out`; `show` passes on at once what users' hooks print. `clock` gives seconds."""

    def __init__(self, out: TextIO, *, wanted: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._drawn = wanted and out.isatty()
        self._written = wanted and not out.isatty()
        self._clock = clock
        self._last = clock()
        self._total = self._done = self._failed = 0
        self._sizes: dict[str, tuple[str, int]] = {}
        self._lanes: dict[str, int] = {}

    def begin(self, plan: Plan) -> None:
        """Take note of how much there is to do."""
        self._total = len(plan.trials)
        shared = [lane for lane in (*plan.first, *plan.lanes) if len(lane.trials) > 1]
        self._sizes = {lane.key: (one_line(lane.trials[0].name, 30), len(lane.trials)) for lane in shared}
        self._draw()

    def count(self, result: TrialResult) -> None:
        """Count one more."""
        self._done += 1
        self._failed += not result.passed
        self._count_lane(result.trial.lane, 1)
        self._draw()
        if self._written and self._clock() - self._last >= EVERY:
            self._last = self._clock()
            self._out.write(f"{self._counts()}{self._under_way()}\n")
            self._out.flush()

    def uncount(self, result: TrialResult) -> None:
        """Count one less: it was withdrawn."""
        self._done -= 1
        self._failed -= not result.passed
        self._count_lane(result.trial.lane, -1)

    def _count_lane(self, lane: str, by: int) -> None:
        if lane in self._sizes:
            self._lanes[lane] = self._lanes.get(lane, 0) + by
            if self._lanes[lane] in (0, self._sizes[lane][1]):
                del self._lanes[lane]

    def _counts(self) -> str:
        return f"{self._done}/{self._total}, {self._failed} not passed"

    def _under_way(self) -> str:
        """Return the lanes that are neither new nor over, each with how far it is."""
        told = [f"{self._sizes[lane][0]} {done}/{self._sizes[lane][1]}" for lane, done in self._lanes.items()]
        return f"; in lanes: {', '.join(told)}" if told else ""

    def _draw(self) -> None:
        if self._drawn and self._total:
            filled = BAR * self._done // self._total
            line = f"[{'#' * filled}{'.' * (BAR - filled)}] {self._counts()}{self._under_way()}"
            self._out.write(f"\r\x1b[K{one_line(line, _width(self._out) - 1)}")
            self._out.flush()

    def show(self, text: str) -> None:
        """Show what users' code printed, on standard output."""
        if text:
            self._clear()
            sys.stdout.write(plain(text))
            sys.stdout.flush()
            self._draw()

    def tell(self, text: str) -> None:
        """Show a line of our own, on standard error."""
        self._clear()
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        self._draw()

    def _clear(self) -> None:
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def end(self) -> None:
        """Take the line away."""
        self._clear()
        self._drawn = False


def _width(out: TextIO) -> int:
    """Return how many characters a line of the terminal has: a longer one would leave its beginning behind."""
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
