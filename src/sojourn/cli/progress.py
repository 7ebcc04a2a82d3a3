"""What is shown while a run goes on: a line that counts on a terminal, nothing elsewhere; and what hooks print."""

from __future__ import annotations

import sys
from typing import TextIO

from sojourn.drawing.plain import plain
from sojourn.model.plan import Plan
from sojourn.model.result import TrialResult


class Progress:
    """Counts results on `out` if it is a terminal; `show` passes on at once what users' hooks print."""

    def __init__(self, out: TextIO, *, wanted: bool) -> None:
        self._out = out
        self._drawn = wanted and out.isatty()
        self._total = self._done = self._failed = 0

    def begin(self, plan: Plan) -> None:
        """Take note of how much there is to do."""
        self._total = len(plan.trials)
        self._draw()

    def count(self, result: TrialResult) -> None:
        """Count one more."""
        self._done += 1
        self._failed += not result.passed
        self._draw()

    def uncount(self, result: TrialResult) -> None:
        """Count one less: it was withdrawn."""
        self._done -= 1
        self._failed -= not result.passed

    def _draw(self) -> None:
        if self._drawn and self._total:
            width = 30
            filled = width * self._done // self._total
            bar = "#" * filled + "." * (width - filled)
            self._out.write(f"\r[{bar}] {self._done}/{self._total}, {self._failed} not passed ")
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
