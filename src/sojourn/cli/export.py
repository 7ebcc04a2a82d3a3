"""`sojourn export`: write a stored run to a file, in any output format."""

from __future__ import annotations

import sys

from sojourn.cli.stored import command, run_of, stored
from sojourn.engine.outputs import check_outputs, write_output


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    made = command("export", "[ID] -o PATH ...", "Write a stored run to files, in the formats that `eval -o` knows.")
    made.add_argument("id", nargs="?", default="latest", metavar="ID", help="the run's id (default: the newest)")
    made.add_argument(
        "-o", "--output", nargs="+", action="extend", required=True, metavar="PATH", help="files to write"
    )
    options = made.parse_args(argv)
    check_outputs(options.output)
    with stored() as store:
        result = run_of(store, store.head(options.id))
    for path in options.output:
        write_output(result, path)
        sys.stderr.write(f"written: {path}\n")
    return 0
