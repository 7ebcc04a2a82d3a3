"""What the end of a run means to scripts and to readers: one rule for the exit code and for the marks of reports."""

from __future__ import annotations

import signal

from sojourn.model.repeats import pass_rate
from sojourn.model.run_result import RunResult


def exit_code(result: RunResult) -> int:
    """Return what the run's end means to a script."""
    if result.interrupted:
        return 128 + signal.Signals[result.interrupted]
    tally = result.results.tally
    if result.troubles or tally.unclean or tally.unbegun or result.unrun:
        return 1
    options = result.plan.suite.options
    raced = bool(result.races) and options.races == "error"
    return 0 if not raced and pass_rate(result) >= options.pass_rate else options.failed_code
