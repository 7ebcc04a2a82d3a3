"""`sojourn delete`: forget stored runs."""

from __future__ import annotations

import sys

from sojourn.cli.stored import command, stored


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    made = command("delete", "ID ...", "Forget stored runs and all their results.")
    made.add_argument("ids", nargs="+", metavar="ID", help="ids of runs, or `latest`")
    with stored() as store:
        heads = [store.head(name) for name in made.parse_args(argv).ids]
        for head in {head.id: head for head in heads}.values():
            store.delete(head)
            sys.stdout.write(f"deleted: {head.id}\n")
    return 0
