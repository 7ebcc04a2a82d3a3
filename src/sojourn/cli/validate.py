"""`sojourn validate`: every mistake in the files, with its place; nothing is run."""

from __future__ import annotations

import asyncio
import sys

from sojourn.api import check
from sojourn.cli.options import complain, flags_of, parser, surroundings
from sojourn.errors import SojournError


def run(argv: list[str]) -> int:
    """Run the command; returns 0 where the suite can be run, else 1."""
    options = parser("validate", "Find every mistake in a suite without running it.").parse_args(argv)
    cwd, environ = surroundings()
    try:
        plan = asyncio.run(check(options.config, flags_of(options), cwd=cwd, environ=environ))
    except SojournError as error:
        return complain(error)
    for warning in plan.suite.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    sys.stdout.write(f"valid: {len(plan.trials)} trials, {len(plan.columns)} columns\n")
    return 0
