"""What the commands share that look at stored runs."""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
from collections.abc import Iterator

from sojourn.cli.options import Parser, surroundings
from sojourn.errors import StoreError
from sojourn.lifecycle.ledger import home
from sojourn.model.rebuilding import rebuilt
from sojourn.model.run_result import RunResult
from sojourn.store.place import file_of
from sojourn.store.runs import Head, Store


def command(name: str, usage: str, description: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    return Parser(prog=f"sojourn {name}", usage=f"sojourn {name} {usage}", description=description, allow_abbrev=False)


@contextlib.contextmanager
def stored() -> Iterator[Store]:
    """Open the user's store for a while; raises StoreError, also for what cannot be read in it."""
    place = home(surroundings()[1])
    try:
        with contextlib.closing(Store(place)) as store:
            yield store
    except sqlite3.Error as error:
        what = f"the store of runs cannot be read: {file_of(place)}: {error}"
        raise StoreError(what, todo="move that file away to begin with an empty one") from error


def run_of(store: Store, head: Head) -> RunResult:
    """Return a stored run as it was when it ended; one that was killed lasted as long as is known of it."""
    trials = ((each.number, each.row, each.times) for each in store.trials(head))
    result = rebuilt(store.document(head), trials, store.events(head), head.expected)
    result.duration_ms = result.duration_ms or store.passed(head) * 1000
    return result
