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
from sojourn.store.runs import Store

NAMES = ("filter_failing", "filter_failing_only", "filter_errors_only")


@contextlib.contextmanager
def with_rows(flags: Flags, home: Path, cwd: Path) -> Iterator[Flags]:
    """Give the flags with a file for each run that they name, which is there for as long as the suite is read."""
    named = {name: getattr(flags, name) for name in NAMES if getattr(flags, name)}
    runs = {name: value for name, value in named.items() if not (cwd / value).is_file()}
    if not runs:
        yield flags
        return
    with tempfile.TemporaryDirectory(prefix="sojourn-") as folder, contextlib.closing(Store(home)) as store:
        files: dict[str, Any] = {name: str(Path(folder, f"{name}.jsonl")) for name in runs}
        for name, run in runs.items():
            _write(store, run, Path(files[name]))
        yield dataclasses.replace(flags, **files)


def _write(store: Store, run: str, file: Path) -> None:
    try:
        head = store.head(run)
    except StoreError as error:
        todo = "name a JSON file that an earlier run wrote, or a run that `sojourn list` shows"
        raise StoreError(f"{run} is no file, and {error.what}", todo=todo) from None
    with file.open("wb") as out:
        out.writelines(encode(row) + b"\n" for row in store.rows(head))
