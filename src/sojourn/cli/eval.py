"""`sojourn eval`: run a suite, show what came of it, write it down."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Mapping

from sojourn.api import load
from sojourn.cli import absent
from sojourn.cli.again import NEWEST, earlier
from sojourn.cli.earlier_rows import with_rows
from sojourn.cli.looking import looker
from sojourn.cli.options import complain, flags_of, parser, surroundings, warn
from sojourn.cli.progress import Progress
from sojourn.cli.recording import Record, repeatable
from sojourn.cli.telling import ended, write
from sojourn.cli.watching import Watch
from sojourn.config.files import shown
from sojourn.config.findings import in_order
from sojourn.engine.listeners import Listeners
from sojourn.engine.outputs import check_outputs
from sojourn.engine.preflight import broken_snippets
from sojourn.engine.preparing import prepared
from sojourn.engine.run import SECOND_STOP, Run
from sojourn.engine.signals import Interruption, listening
from sojourn.errors import ConfigError, Problem, SojournError, UsageError
from sojourn.lifecycle import ledger
from sojourn.model.suite import Suite

MORE = """exit codes:
  0    every test passed
  100  fewer than --fail-under per cent passed (else PROMPTFOO_PASS_RATE_THRESHOLD, else 100);
       PROMPTFOO_FAILED_TEST_EXIT_CODE is another code for it
  1    nothing or not everything could be run, or something could not be closed
  2    wrong usage
  130  stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP); what had finished is written

environment:
  GITHUB_STEP_SUMMARY       file to which a summary in Markdown is added (GitHub Actions sets it)
  SOJOURN_HOOK_TIMEOUT_MS   how long a call of a hook may take (60000; 0: as long as it likes)
  SOJOURN_STOP_TIMEOUT_MS   how long a run may take to end once it is stopped (10000; 0: as long as it likes)
  SOJOURN_HOME              where runs are stored, and what they have open is written down
"""


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code (0 passed, 100 failed, 1 not all could be run, 130 interrupted)."""
    made = parser("eval", "Run a suite.", MORE)
    table = argparse.BooleanOptionalAction
    made.add_argument("--table", action=table, help="show a table of results, or none (default: one)")
    made.add_argument("--no-progress-bar", dest="progress", action="store_false", help="show no progress")
    made.add_argument("--no-write", dest="write", action="store_false", help="keep no record of the run")
    made.add_argument(
        "--resume",
        nargs="?",
        const=NEWEST,
        metavar="ID",
        help="go on with a run that did not end: its finished lanes stand (default: the newest of this folder)",
    )
    made.add_argument(
        "--retry-errors", action="store_true", help="run again what was an error in the newest run of this folder"
    )
    made.add_argument("-w", "--watch", action="store_true", help="run again whenever a file of the suite changes")
    made.add_argument(*absent.MEANT_ANYWAY, action="store_true", help=argparse.SUPPRESS)
    options = made.parse_args(argv)
    return asyncio.run(_listening(options))


async def _listening(options: argparse.Namespace) -> int:
    with listening() as interruption:
        try:
            return await _watching(options, interruption)
        except (asyncio.CancelledError, SojournError):  # what was cut short may complain of just that
            if not interruption.reason:
                raise
            sys.stderr.write(f"{interruption.reason}: stopped before anything was run\n")
            return 128 + signal.Signals[interruption.reason]


async def _watching(options: argparse.Namespace, interruption: Interruption) -> int:
    """Run a suite; where it is watched, again whenever it has changed, until a signal ends it."""
    watch, progress = Watch(asked=options.watch), Progress(sys.stderr, wanted=False)
    with watch.noting():
        code = await _eval(options, interruption, watch)
        while watch.wanted and not interruption.reason:
            interruption.release()
            sys.stdout.flush()
            progress.tell(f"watching {len(watch)} files; a change runs the suite again, Ctrl-C ends this")
            try:
                changed = await watch.changed()
            except asyncio.CancelledError:
                return 128 + signal.Signals[interruption.reason]
            progress.tell(f"changed: {', '.join(shown(path, os.getcwd()) for path in changed)}")
            try:
                code = await _eval(options, interruption, watch)
            except SojournError as error:
                if interruption.reason:
                    raise
                complain(error)
    return code


async def _eval(options: argparse.Namespace, interruption: Interruption, watch: Watch) -> int:
    if options.watch and (options.resume or options.retry_errors):
        todo = "watch a run of its own"
        raise UsageError("--watch does not go with --resume and --retry-errors: what goes on is over once", todo=todo)
    cwd, environ = surroundings()
    home = ledger.home(environ)
    before = earlier(options, home, cwd)
    flags = before.flags(flags_of(options)) if before else repeatable(flags_of(options), home, cwd)
    config = options.config or (before.asked["config"] if before else [])
    with with_rows(flags, home, cwd) as readable:
        suite = await load(config, readable, cwd=cwd, environ=environ)
    if not before:
        watch.take(suite)
    warn(suite.warnings)
    check_outputs(suite.outputs)
    await _undo_the_dead(environ)
    if before:
        await before.settled()
    progress = Progress(sys.stderr, wanted=options.progress and bool(suite.command_line.get("progressBar", True)))
    record = Record(home, progress, wanted=options.write and bool(suite.command_line.get("write", True)))
    listeners = Listeners(
        on_print=progress.show,
        on_plan=record.plan,
        on_result=record.take,
        on_withdrawn=record.withdraw,
        on_kept=looker(progress),
    )
    async with prepared(suite, listeners, run_id=before.head.id if before else "") as setting:
        going = Run(setting, listeners, before.standing, passed=before.passed) if before else Run(setting, listeners)
        await going.prepare()
        _tell_vain([*suite.vain, *await broken_snippets(suite, setting.code)], suite, strict=flags.strict)
        if before:
            progress.tell(f"going on with {before.head.id}: {len(going.kept)} of {len(going.result.plan.trials)} stand")
        if setting.house.borrowed:
            progress.tell(f"used as they stand, and left so: {', '.join(setting.house.borrowed)}")
        interruption.stop = _stopper(going, suite, progress)
        told = setting.secrets.clean(dataclasses.asdict(flags))
        asked = {"folder": str(cwd), "config": config, "flags": told}
        async with record.of(going, asked, before.beacon if before else None) as end:
            result = await going.go()
            if before:
                before.recall(result, going.kept)
            end(result)
            result.interrupted = interruption.reason
    progress.end()
    with contextlib.closing(record):  # results are read back from it until all is told
        return ended(result, environ, write(result, suite.outputs), table=_wanted(options.table, suite))


def _tell_vain(vain: list[Problem], suite: Suite, *, strict: bool) -> None:
    """Say beforehand which assertions and pieces of code can only break their tests; raises ConfigError if `strict`."""
    if vain and strict:
        raise ConfigError(in_order(vain), suite.warnings)
    warn(map(str, in_order(vain)))


async def _undo_the_dead(environ: Mapping[str, str]) -> None:
    """Look quietly whether an earlier run was killed and left something; if so, undo it and say so."""
    root = ledger.home(environ)
    if not ledger.runs(root):
        return
    from sojourn.lifecycle import reaper

    for reaped in await reaper.reap_all(root, environ):
        sys.stderr.write(f"{reaped}\n")


def _stopper(going: Run, suite: Suite, progress: Progress) -> Callable[[str, bool], None]:
    """Return what a signal does while a run goes on."""
    grace = suite.options.stop_timeout_ms / 2000
    time = f"have {grace:g} s to end" if grace else "may end"

    def stop(reason: str, again: bool) -> None:  # noqa: FBT001  what `Interruption.stop` is called with
        if again:
            progress.tell(
                f"{reason}: tests under way are cut short now; closings and after-hooks have {SECOND_STOP / 2:g} s"
            )
        else:
            progress.tell(
                f"{reason}: no more tests begin; those under way {time}, then sessions are closed and after-hooks run"
                " (again: at once)"
            )
        going.stop(reason, again=again)

    return stop


def _wanted(table: bool | None, suite: Suite) -> bool:  # noqa: FBT001  as the option was given, or not at all
    """Whether the table is shown: as the command line says, or else the suite."""
    return bool(suite.command_line.get("table", True)) if table is None else table
