"""`--filter-failing ID` and the like: where no file has that name, the rows are those of a stored run."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sojourn.config.flags import Flags
from sojourn.encoding import encode
from sojourn.errors import StoreError
from sojourn.store.runs import Head, Store

NAMES = ("filter_failing", "filter_failing_only", "filter_errors_only")


def pinned(flags: Flags, home: Path, cwd: Path) -> Flags:
    """Return the flags with each run that they name by its whole id: `latest` is another one by and by."""
    runs = _runs(flags, cwd)
    if not runs:
        return flags
    with contextlib.closing(Store(home)) as store:
        ids: dict[str, Any] = {name: _head(store, run).id for name, run in runs.items()}
    return dataclasses.replace(flags, **ids)


@contextlib.contextmanager
def with_rows(flags: Flags, home: Path, cwd: Path) -> Iterator[Flags]:
    """Give the flags with a file for each run that they name, which is there for as long as the suite is read."""
    runs = _runs(flags, cwd)
    if not runs:
        yield flags
        return
    with tempfile.TemporaryDirectory(prefix="sojourn-") as folder, contextlib.closing(Store(home)) as store:
        files: dict[str, Any] = {name: str(Path(folder, f"{name}.jsonl")) for name in runs}
        for name, run in runs.items():
            with Path(files[name]).open("wb") as out:
                out.writelines(encode(row) + b"\n" for row in store.rows(_head(store, run)))
        yield dataclasses.replace(flags, **files)


def _runs(flags: Flags, cwd: Path) -> dict[str, str]:
    named = {name: getattr(flags, name) for name in NAMES if getattr(flags, name)}
    return {name: value for name, value in named.items() if not (cwd / value).is_file()}


def _head(store: Store, run: str) -> Head:
    try:
        return store.head(run)
    except StoreError as error:
        todo = "name a JSON file that an earlier run wrote, or a run that `sojourn list` shows"
        raise StoreError(f"{run} is no file, and {error.what}", todo=todo) from None
