"""`sojourn show`: what came of a stored run."""

from __future__ import annotations

import sys

from sojourn.cli.list import counts
from sojourn.cli.stored import command, run_of, stored
from sojourn.drawing.plain import one_line


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    from sojourn.reporters import console

    made = command("show", "[ID]", "Show the results, lanes and sessions of a stored run.")
    made.add_argument("id", nargs="?", default="latest", metavar="ID", help="the run's id (default: the newest)")
    name = made.parse_args(argv).id
    with stored() as store:
        head = store.head(name)
        result = run_of(store, head)
        sys.stdout.write(f"{head.id} ({head.state}): {counts(head)}\n{store.asked(head)['folder']}\n")
    if head.description:
        sys.stdout.write(f"{one_line(head.description, 200)}\n")
    console.table(result, sys.stdout)
    console.summary(result, sys.stdout)
    return 0
