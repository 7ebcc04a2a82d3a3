"""What a run that is over leaves: its output files, the summary of a job, what the screen shows, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from sojourn.cli.options import complain
from sojourn.engine.outputs import write_output
from sojourn.errors import OutputError, SojournError, StoreError
from sojourn.model.ending import exit_code
from sojourn.model.result import Outcome
from sojourn.model.run_result import RunResult


def write(result: RunResult, paths: Iterable[str]) -> list[SojournError]:
    """Write every output file; one that cannot be written does not keep the others from it."""
    unwritten: list[SojournError] = []
    for path in paths:
        try:
            write_output(result, path)
            sys.stderr.write(f"written: {path}\n")
        except (OutputError, StoreError) as error:
            unwritten.append(error)
    return unwritten


def ended(result: RunResult, environ: Mapping[str, str], unwritten: Sequence[SojournError], *, table: bool) -> int:
    """Show what came of a run, and what could not be written of it; returns the exit code."""
    _summarise(result, environ)
    _show(result, table=table)
    for error in unwritten:
        complain(error)
    return 1 if unwritten and not result.interrupted else exit_code(result)


def _summarise(result: RunResult, environ: Mapping[str, str]) -> None:
    """Add the run to the summary of the GitHub job that it is part of, if it is part of one."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if path:
        from sojourn.reporters.markdown import append_summary

        try:
            append_summary(result, path)
        except (OSError, StoreError) as error:
            sys.stderr.write(f"warning: the summary of the job cannot be written: {error}\n")


def _show(result: RunResult, *, table: bool) -> None:
    from sojourn.reporters import console

    try:
        if table:
            console.table(result, sys.stdout)
        elif result.count(Outcome.PASSED) < len(result.results):
            console.problems(result, sys.stdout)
    except StoreError as error:
        complain(error)
    console.summary(result, sys.stdout)
