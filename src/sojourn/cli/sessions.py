"""`sojourn sessions`: what is open now, what dead runs left open, and the undoing of it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil

from sojourn.cli.options import Parser, wrong_verb
from sojourn.lifecycle import ledger, reaper

VERBS = {
    "list": "show what is open, in living and in dead runs",
    "reap": "close what dead runs left open; living runs are not touched",
    "forget": "give up what dead runs left open and cannot be closed",
    "up": "open a session now, and keep it for all runs that need it",
    "down": "close a session that is up",
}
STANDING = ("up", "down")
"""Those that say for themselves what they take."""
CLOSING = "its runner has died, what it had started is closing its sessions"


def run(argv: list[str]) -> int:
    """Run the command; returns 0, or 1 where something could not be undone."""
    parser = Parser(prog="sojourn sessions", description="Look after sessions that outlive their run.")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", parser_class=Parser)
    for verb, what in VERBS.items():
        verbs.add_parser(verb, help=what, add_help=verb not in STANDING)
    if argv[:1] in (["up"], ["down"], ["hold"]):
        from sojourn.cli import standing

        return {"up": standing.up, "down": standing.down, "hold": standing.hold_}[argv[0]](argv[1:])
    if not argv or not (argv[0] in VERBS or argv[0].startswith("-")):
        return wrong_verb("sessions", argv, VERBS)
    return {"list": show, "reap": reap, "forget": forget}[parser.parse_args(argv).verb]()


def _look(path: Path) -> tuple[str, ledger.Remains]:
    """Return the state of a run in words, and what stands in its ledger."""
    with ledger.if_dead(path) as dead:
        remains = ledger.read(path)
    if dead:
        return "ended with more to close" if remains.ended else "dead", remains
    return f"running, pid {remains.pid}" if psutil.pid_exists(remains.pid) else CLOSING, remains


def show() -> int:
    """Show every run that has a ledger, and what stands open in it."""
    found = ledger.runs(ledger.home(os.environ))
    for path in found:
        state, remains = _look(path)
        sys.stdout.write(f"{remains.run_id} ({state}, since {remains.started})\n")
        for left in remains.sessions.values():
            unsafe = "" if left.can_reclaim else " (only its own process can close it: its kind has no reclaim)"
            sys.stdout.write(f"  open: {left.name}, {left.kind}{unsafe}\n")
        for call in remains.due.values():
            sys.stdout.write(f"  due: {call['after_all'].partition(':')[0]} of {call['reference']['path']}\n")
    if not found:
        sys.stdout.write("nothing is open\n")
    return 0


def reap() -> int:
    """Undo what dead runs left, and tell of it."""
    reaped = asyncio.run(reaper.reap_all(ledger.home(os.environ), os.environ))
    for each in reaped:
        sys.stdout.write(f"{each}\n")
    if not reaped:
        closing = sum(_look(path)[0] == CLOSING for path in ledger.runs(ledger.home(os.environ)))
        more = f"; still closing by themselves after their runner died: {closing}" if closing else ""
        sys.stdout.write(f"no dead run has left anything{more}\n")
    return 1 if any(each.left or each.lost for each in reaped) else 0


def forget() -> int:
    """Give up what dead runs left, and tell what that was."""
    forgotten = reaper.forget_all(ledger.home(os.environ))
    for remains in forgotten:
        names = [left.name for left in remains.sessions.values()]
        names += [f"afterAll of {call['reference']['path']}" for call in remains.due.values()]
        sys.stdout.write(f"run {remains.run_id}: given up: {', '.join(names) or 'nothing was left'}\n")
    if not forgotten:
        sys.stdout.write("no dead run has left anything\n")
    return 0
