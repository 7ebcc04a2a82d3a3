"""`sojourn import`: store a run that was written to a file, by Sojourn or by promptfoo."""

from __future__ import annotations

import os
import sys

from sojourn.cli.stored import command, stored
from sojourn.cli.written import read
from sojourn.drawing.plain import one_line


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    made = command("import", "PATH ...", "Store runs that `eval -o` wrote as JSON; promptfoo's are understood, too.")
    made.add_argument("paths", nargs="+", metavar="PATH", help="JSON files (shards of one run: `sojourn join`)")
    found = [(path, *read(path, os.environ)) for path in made.parse_args(argv).paths]
    with stored() as store:
        for path, document, rows in found:
            store.put(document, rows, os.path.dirname(os.path.abspath(path)))
            sys.stdout.write(f"stored: {one_line(document['evalId'], 100)} ({len(rows)} results)\n")
    return 0
