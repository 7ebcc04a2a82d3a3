"""`sojourn list`: the runs that are stored."""

from __future__ import annotations

import sys
from datetime import datetime

from sojourn.cli.stored import command, stored
from sojourn.drawing.plain import one_line
from sojourn.model.counting import counted
from sojourn.store.runs import Head

MOST = 25


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    made = command("list", "[-n N]", "Show the runs that are stored, the newest first.")
    made.add_argument("-n", type=int, default=MOST, metavar="N", help=f"how many (default {MOST}; 0: all)")
    most = made.parse_args(argv).n
    with stored() as store:
        heads = store.heads(most if most > 0 else -1)
        sys.stdout.writelines(f"{line(head)}\n" for head in heads)
    if not heads:
        sys.stdout.write("no run is stored yet: `sojourn eval` stores each that it makes\n")
    return 0


def line(head: Head) -> str:
    """Say which run it is, when it was made and what it came to."""
    made = datetime.fromisoformat(head.created).astimezone() if head.created else None
    when = f"{made:%Y-%m-%d %H:%M:%S}" if made else ""
    return f"{head.id:<34} {when:<19} {head.state:<8} {counts(head):<44} {one_line(head.description, 60)}".rstrip()


def counts(head: Head) -> str:
    """Say what a run came to."""
    told = [f"{head.passed} passed", f"{head.failed} failed", counted(head.errors, "error")]
    if head.skipped:
        told.append(f"{head.skipped} skipped")
    done = head.passed + head.failed + head.errors + head.skipped
    return ", ".join(told) + (f" ({done} of {head.expected})" if done < head.expected else "")
