"""`sojourn diff`: what changed between two stored runs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

from sojourn.cli.stored import command, stored
from sojourn.drawing.plain import one_line
from sojourn.errors import StoreError
from sojourn.model.diff import Change, Pair, compared, output_of
from sojourn.model.grading import Row
from sojourn.store.runs import Head, Store

REGRESSED = 100
MOST_CELL = 200

MORE = f"""exit codes:
  0    nothing that passed before does not pass now
  {REGRESSED}  something that passed before does not pass now, or is gone
"""


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code: 0, or 100 where something is worse."""
    made = command("diff", "[A [B]]", "Show what changed between two stored runs, test by test.")
    made.epilog = MORE
    made.add_argument("before", nargs="?", metavar="A", help="the earlier run (default: the one before B)")
    made.add_argument("after", nargs="?", default="latest", metavar="B", help="the later run (default: the newest)")
    options = made.parse_args(argv)
    with stored() as store:
        after = store.head(options.after)
        before = store.head(options.before) if options.before else _one_before(store, after)
        pairs = compared(store.rows(before), store.rows(after))
    sys.stdout.write(f"{before.id} -> {after.id}\n")
    order = list(Change)
    for pair in sorted(pairs, key=lambda pair: order.index(pair.change)):
        sys.stdout.writelines(f"{line}\n" for line in _told(pair))
    counts = Counter(pair.change for pair in pairs)
    sys.stdout.write("\n" + ", ".join(f"{counts[change]} {change.value}" for change in Change if counts[change]) + "\n")
    return REGRESSED if _is_worse(pairs) else 0


def _one_before(store: Store, after: Head) -> Head:
    """Return the newest whole run that is older and was asked for in the same folder."""
    folder = store.asked(after)["folder"]
    older = [head for head in store.heads() if head.number < after.number and head.is_over]
    older = [head for head in older if store.asked(head)["folder"] == folder]
    if not older:
        raise StoreError(f"no whole run before {after.id} is stored of {folder}", todo="name both: sojourn diff A B")
    return older[0]


def _is_worse(pairs: list[Pair]) -> bool:
    gone = any(pair.change is Change.GONE and pair.row["outcome"] == "passed" for pair in pairs)
    return gone or any(pair.change is Change.WORSE for pair in pairs)


def _told(pair: Pair) -> Iterator[str]:
    if pair.change is Change.SAME:
        return
    row = pair.row
    name = row.get("description") or f"test {row['testIdx'] + 1}"
    where = f"{row['provider'].get('label') or row['provider']['id']} {row['prompt']['label']}"
    yield f"{pair.change.value.upper():16} {one_line(name, 100)}  [{one_line(where, 80)}]"
    for sign, each in (("-", pair.before), ("+", pair.after)):
        if each is not None:
            yield f"  {sign} {_summary(each)}"


def _summary(row: Row) -> str:
    why = f": {one_line(row.get('error', ''), MOST_CELL)}" if row.get("error") else ""
    answer = output_of(row)
    told = f"; answered: {one_line(str(answer), MOST_CELL)}" if answer is not None else ""
    return f"{row['outcome']}, score {row['score']:g}{why}{told}"
