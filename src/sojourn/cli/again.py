"""`sojourn eval --resume` and `--retry-errors`: which run is meant, and what of it stands."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from sojourn.config.flags import Flags, spelling
from sojourn.engine.recalling import FAULTS, recall
from sojourn.engine.resuming import standing
from sojourn.errors import StoreError
from sojourn.lifecycle import ledger
from sojourn.model.event import Event
from sojourn.model.plan import Plan
from sojourn.model.redaction import REDACTED
from sojourn.model.result import TrialResult
from sojourn.model.run_result import RunResult
from sojourn.store.place import Beacon
from sojourn.store.runs import Head, Store, Stored

_CLOSE_IT = "`sojourn sessions list` shows it, `sojourn sessions reap` closes it, `sojourn sessions forget` gives it up"
PATIENCE_S = 20.0
"""How long is waited for a run that was killed to close what it had open."""
NEWEST = ""
FREE = frozenset(
    {
        "max_concurrency",
        "delay",
        "cache",
        "output",
        "env_file",
        "grader",
        "races",
        "keep_sessions",
        "fail_under",
        "strict",
    }
)
"""Flags that do not say which trials there are."""


class Earlier(msgspec.Struct, frozen=True):
    """A run that is to go on; `errors_again`: what was an error in it does not stand."""

    head: Head
    asked: Mapping[str, Any]
    home: Path
    errors_again: bool
    beacon: Beacon
    passed: float
    faults: Sequence[Event]

    def standing(self, plan: Plan, began: float) -> dict[int, TrialResult]:
        """Return the results of the run that stand; `began` is the moment at which it began, on the run's clock."""

        def stands(trial: Stored) -> bool:
            return not (self.errors_again and trial.row["outcome"] == "error")

        with closing(Store(self.home)) as store:
            return standing(plan, (each.shifted(began) for each in store.trials(self.head)), stands)

    def recall(self, result: RunResult, kept: AbstractSet[int]) -> None:
        """Tell of the whole run what was wrong in its earlier part."""
        recall(result, kept, self.faults)

    def flags(self, now: Flags) -> Flags:
        """Return the flags of the run, but for what is said now; raises StoreError where a blanked one is missing."""
        asked = self.asked["flags"].items()
        told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in asked}
        before, unsaid = Flags(**told), Flags()
        said = {name: getattr(now, name) for name in told if getattr(now, name) != getattr(unsaid, name)}
        again = {"var"} if REDACTED in str(before.var) else set()
        other = [spelling(name) for name in said if name not in FREE | again]
        if other:
            what = f"{', '.join(other)} would make another run of it"
            raise StoreError(what, todo="a run goes on with the tests that it had; begin a new one for others")
        flags = dataclasses.replace(before, **said)
        hidden = [f"--var {name}=..." for name, value in flags.var.items() if REDACTED in value]
        hidden += [spelling(name) for name in told if name != "var" and REDACTED in str(getattr(flags, name))]
        if hidden:
            raise StoreError("a secret of the run is not stored", todo=f"give it again: {' '.join(hidden)}")
        return flags

    async def settled(self) -> None:
        """Wait until all that the run had open is closed; raises StoreError where that takes too long."""
        place = ledger.RunLedger(self.home, self.head.id, Path()).path
        until = time.monotonic() + PATIENCE_S
        while place.exists():
            if time.monotonic() > until:
                what = f"what the run {self.head.id} had open is not closed yet"
                raise StoreError(what, todo=_CLOSE_IT)
            await asyncio.sleep(0.05)


def earlier(options: argparse.Namespace, home: Path, cwd: Path) -> Earlier | None:
    """Return the run that the command line means, or None for a new one; raises StoreError where it cannot go on."""
    if options.resume is None and not options.retry_errors:
        return None
    with closing(Store(home)) as store:
        head = _meant(options, store, cwd)
        asked = store.asked(head)
        _check_place(head, asked, cwd)
        if options.config and options.config != asked["config"]:
            what = f"the run {head.id} was made of {' '.join(asked['config']) or 'the configuration of its folder'}"
            raise StoreError(what, todo="leave -c out, or name a run of that configuration")
        beacon = Beacon(home, head.number)
        head = store.head(head.id)  # as it is now that nobody else goes on with it
        passed, faults = store.passed(head), store.events(head, FAULTS)
    if options.retry_errors and not head.errors:
        raise StoreError(f"the run {head.id} has no errors", todo="`sojourn show` shows it")
    if head.is_over and not options.retry_errors:
        todo = "`--retry-errors` runs its errors again" if head.errors else "`sojourn show` shows it"
        raise StoreError(f"the run {head.id} is complete", todo=todo)
    return Earlier(head, asked, home, options.retry_errors, beacon, passed, faults)


def _check_place(head: Head, asked: Mapping[str, Any], cwd: Path) -> None:
    if not asked["flags"]:
        raise StoreError(f"the run {head.id} was not made by `sojourn eval` here", todo="only such runs can go on")
    if head.state == "running":
        raise StoreError(f"the run {head.id} is still going on", todo="wait for it, or stop it")
    if asked["folder"] != str(cwd):
        raise StoreError(f"the run {head.id} was begun in {asked['folder']}", todo="go there to go on with it")


def _meant(options: argparse.Namespace, store: Store, cwd: Path) -> Head:
    if options.resume:
        return store.head(options.resume)
    of_it = f"of {' '.join(options.config)} " if options.config else ""
    here = [head for head in store.heads() if _is_meant(store.asked(head), options, cwd)]
    found = [head for head in here if options.retry_errors or not head.is_over]
    if not found:
        what = (
            f"no run {of_it}that was begun in this folder is unfinished"
            if here
            else f"no run {of_it}was begun in this folder"
        )
        raise StoreError(what, todo="`sojourn list` shows all")
    return found[0]


def _is_meant(asked: Mapping[str, Any], options: argparse.Namespace, cwd: Path) -> bool:
    """Whether a run was made here, of the configuration that is named, or of any where none is."""
    return asked["folder"] == str(cwd) and bool(asked["flags"]) and options.config in ([], asked["config"])
