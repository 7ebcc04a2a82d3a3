"""`sojourn explain`: which lanes there are and why; nothing is run."""

from __future__ import annotations

import asyncio
import sys

from sojourn.api import plan_of
from sojourn.cli.options import flags_of, parser, surroundings, warn
from sojourn.engine.lanes import describe
from sojourn.engine.sessions import described
from sojourn.model.counting import counted


def run(argv: list[str]) -> int:
    """Run the command; returns 0, or 1 where the suite cannot be run."""
    options = parser("explain", "Show the lanes of a suite and why they are; nothing is run.").parse_args(argv)
    cwd, environ = surroundings()
    plan = asyncio.run(plan_of(options.config, flags_of(options), cwd=cwd, environ=environ))
    warn(plan.suite.warnings)
    sys.stdout.write(f"{counted(len(plan.trials), 'trial')}, up to {counted(plan.jobs, 'lane')} at once\n")
    for line in describe(plan):
        sys.stdout.write(f"  {line}\n")
    for line in described(plan):
        sys.stdout.write(f"  {line}\n")
    for extension in plan.suite.extensions:
        sys.stdout.write(f"  hook: {extension}\n")
    return 0
