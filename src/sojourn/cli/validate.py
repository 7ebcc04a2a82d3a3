"""`sojourn validate`: every mistake in the files, with its place; nothing is run."""

from __future__ import annotations

import asyncio
import sys

from sojourn.api import check
from sojourn.cli.options import flags_of, parser, surroundings, warn
from sojourn.model.counting import counted


def run(argv: list[str]) -> int:
    """Run the command; returns 0 where the suite can be run, else 1."""
    options = parser("validate", "Find every mistake in a suite without running it.").parse_args(argv)
    cwd, environ = surroundings()
    plan = asyncio.run(check(options.config, flags_of(options), cwd=cwd, environ=environ))
    warn(plan.suite.warnings)
    columns = counted(len(plan.columns), "column")
    sys.stdout.write(f"valid: {counted(len(plan.trials), 'trial')} in {columns} (a provider with a prompt)\n")
    return 0
