"""`sojourn diff`: what changed between two stored runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from sojourn.cli.list import line
from sojourn.cli.stored import command, stored
from sojourn.drawing.plain import one_line
from sojourn.errors import StoreError
from sojourn.model.diff import Change
from sojourn.model.grading import Row
from sojourn.store.comparing import Side, Twins, compare, earlier
from sojourn.store.runs import Head, Store

REGRESSED = 100
MOST_CELL = 200
CHANGES = [change.value for change in Change if change is not Change.SAME]
EVERY = (-1, 0)
"""All of the pairs that changed, none left out."""

MORE = f"""exit codes:
  0    nothing that passed before does not pass now
  {REGRESSED}  something that passed before does not pass now, or is gone; repeats that count as one (minPasses) are one
"""


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code: 0, or 100 where something is worse."""
    made = command("diff", "[A [B]]", "Show what changed between two stored runs, test by test.")
    made.epilog = MORE
    made.add_argument(
        "before", nargs="?", metavar="A", help="the earlier run (default: the newest whole one with tests of B)"
    )
    made.add_argument("after", nargs="?", default="latest", metavar="B", help="the later run (default: the newest)")
    options = made.parse_args(argv)
    with stored() as store:
        after = store.head(options.after)
        before = store.head(options.before) if options.before else _one_before(store, after)
        counts, found = compare(store, before, after, CHANGES, EVERY)
        columns = [f"  [{_named(each)}]" for each in store.document(before)["results"]["prompts"]]
    sys.stdout.write(f"- {line(before)}\n+ {line(after)}\n\n")
    for each in found:
        where = columns[each.column] if 1 < len(columns) > each.column else ""
        sys.stdout.writelines(f"{told}\n" for told in _told(each, where))
    told = [f"{counts[change.value]} {change.value}" for change in Change if change.value in counts]
    sys.stdout.write(("\n" if found else "") + ", ".join(told) + "\n")
    return REGRESSED if any(map(_is_worse, found)) else 0


def _one_before(store: Store, after: Head) -> Head:
    found = earlier(store, after)
    if found is None:
        what = f"no whole run before {after.id} is stored that has tests in common with it"
        raise StoreError(f"{what}, of {store.asked(after)['folder']}", todo="name both: sojourn diff A B")
    return found


def _is_worse(twins: Twins) -> bool:
    """Whether what passed before does not pass now, or is gone."""
    is_gone = twins.after is None and twins.before is not None and twins.before.outcome == "passed"
    return is_gone or twins.change == Change.WORSE.value


def _named(column: Row) -> str:
    return one_line(f"{column['provider']} {column['label']}", 80)


def _told(twins: Twins, where: str) -> Iterator[str]:
    yield f"{twins.change.upper():16} {one_line(twins.name, 100)}{where}"
    for sign, each in (("-", twins.before), ("+", twins.after)):
        if each is not None:
            yield f"  {sign} {_summary(each)}"


def _summary(side: Side) -> str:
    reason, answer = (one_line(side.shown[name], MOST_CELL) for name in ("reason", "output"))
    why = f": {reason}" if reason else ""
    return f"{side.outcome}, score {side.score:g}{why}" + (f"; answered: {answer}" if answer else "")
