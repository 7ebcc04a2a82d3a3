"""`sojourn join`: make one run of its shards, as if it had not been cut.

The files may come from elsewhere, so none of the code that they name is run.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from sojourn.cli.options import surroundings, warn
from sojourn.cli.stored import command, stored
from sojourn.cli.telling import ended, write
from sojourn.cli.written import read
from sojourn.config.flags import Flags, from_options
from sojourn.config.options import run_options
from sojourn.engine.deriving import derive, without_code
from sojourn.engine.outputs import check_outputs
from sojourn.model.document import document
from sojourn.model.grading import Row
from sojourn.model.joining import joined
from sojourn.model.rebuilding import rebuilt
from sojourn.model.restoring import Times
from sojourn.model.run_result import RunResult
from sojourn.reporters.stamp import stamp

OWN = ("output", "fail_under", "races")
"""The fields of Flags that say what is made of a run once it is there."""


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code that the whole run would have had."""
    made = command("join", "PATH ... [options]", "Make one run of what `eval --shard K/N -o FILE.json` wrote.")
    made.epilog = "The run is stored, shown and written, and the exit code is its own, as if it had not been cut."
    made.add_argument("paths", nargs="+", metavar="PATH", help="the JSON files of all shards")
    for field in dataclasses.fields(Flags):
        if field.name in OWN:
            more = dict(field.metadata["argparse"])
            made.add_argument(*field.metadata["flags"], dest=field.name, help=field.metadata["help"], **more)
    made.add_argument("--table", action=argparse.BooleanOptionalAction, default=True, help="show a table of results")
    options = made.parse_args(argv)
    cwd, environ = surroundings()
    flags = from_options(vars(options))
    check_outputs(flags.output)
    whole, rows = joined([(path, *read(path, environ)) for path in options.paths])
    result = asyncio.run(_counted(whole, rows, flags, environ))
    with stored() as store:
        if not store.has(result.run_id):  # joined once more, with other outputs
            store.put(document(result, stamp()), [row for _, row in rows], str(cwd))
    return ended(result, environ, write(result, flags.output), table=options.table)


async def _counted(
    whole: dict[str, Any], rows: Sequence[tuple[int, Row]], flags: Flags, environ: Mapping[str, str]
) -> RunResult:
    """Return the run with all that is counted over its columns; when its trials ran, no shard has written down."""
    timed = ((number, row, Times(began=0, ended=0, session=_session(row))) for number, row in rows)
    result = rebuilt(whole, timed)
    metrics, left_out = without_code(result.plan.suite.config.get("derivedMetrics") or ())
    if left_out:
        names = ", ".join(left_out)
        warn([f"derivedMetrics from files are left out: {names} (join runs no code; each shard has its own of them)"])
    options = structs.replace(run_options(flags, {}, environ), repeat=result.plan.suite.options.repeat)
    suite = structs.replace(result.plan.suite, options=options, derived_metrics=metrics)
    result.plan = structs.replace(result.plan, suite=suite)
    result.derived = await derive(result, None)
    return result


def _session(row: Row) -> str:
    return str(row["metadata"].get("sessionId") or "")
