"""How the living undo what the dead left: sessions are reclaimed, the newest first, and afterAll hooks are run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil

from sojourn import registry
from sojourn.errors import SojournError
from sojourn.languages.runner import CodeRunner
from sojourn.lifecycle import ledger
from sojourn.lifecycle.ledger import LeftOpen, Remains
from sojourn.model.counting import counted
from sojourn.model.reference import Reference

RECLAIM_GRACE = 30.0
BORN_WITHIN = 1.0
GIVING_UP = "to give it up: sojourn sessions forget"


class Reaped(msgspec.Struct):
    """What was undone for one dead run, and what could not be."""

    run_id: str
    ended: bool = False
    closed: list[str] = msgspec.field(default_factory=list)
    hooks: list[str] = msgspec.field(default_factory=list)
    left: list[str] = msgspec.field(default_factory=list)
    lost: list[str] = msgspec.field(default_factory=list)

    def __str__(self) -> str:
        lost = f"; lost, for their kind has no reclaim: {', '.join(self.lost)}" if self.lost else ""
        done = f"{counted(len(self.closed), 'session')} closed, {counted(len(self.hooks), 'afterAll hook')} run"
        left = f"; not undone: {', '.join(self.left)} ({GIVING_UP})" if self.left else ""
        was = "has ended with more to close" if self.ended else "had died"
        return f"run {self.run_id} {was}: {done}{left}{lost}"


async def reap_all(root: Path, environ: Mapping[str, str]) -> list[Reaped]:
    """Undo what every dead run left; a run that lives is not touched."""
    found = [await reap(path, environ) for path in ledger.runs(root)]
    return [reaped for reaped in found if reaped is not None]


async def reap(path: Path, environ: Mapping[str, str]) -> Reaped | None:
    """Undo what one run left if it is dead, else return None. What cannot be undone stays in its ledger."""
    with ledger.if_dead(path) as dead:
        if not dead:
            return None
        remains = ledger.read(path)
        reaped = Reaped(remains.run_id, ended=remains.ended)
        end_processes(remains)
        code = CodeRunner({**environ, **_folder(remains)}, lambda _: None)
        try:
            for left in reversed(remains.sessions.values()):
                await _reclaim(left, code, path, reaped)
            for mark, call in remains.due.items():
                await _call(mark, call, code, path, reaped)
        finally:
            await code.close()
        shutil.rmtree(remains.folder or path, ignore_errors=True)
        if not reaped.left:
            shutil.rmtree(path, ignore_errors=True)
        return reaped


def forget_all(root: Path) -> list[Remains]:
    """Give up what every dead run left, as it is: its ledger goes; a run that lives is not touched."""
    forgotten = []
    for path in ledger.runs(root):
        with ledger.if_dead(path) as dead:
            if dead:
                forgotten.append(ledger.read(path))
                shutil.rmtree(path, ignore_errors=True)
    return forgotten


def _folder(remains: Remains) -> dict[str, str]:
    """Give the hooks of a dead run the private folder that it had."""
    return {"TMPDIR": remains.folder} if os.path.isdir(remains.folder) else {}


async def _reclaim(left: LeftOpen, code: CodeRunner, path: Path, reaped: Reaped) -> None:
    """Reclaim one session by its tag and handle; what is gone already counts as reclaimed.

    One whose kind has no `reclaim` is lost: it is told of once, and forgotten.
    """
    if not left.can_reclaim:
        _note(path, {"closed": left.tag})
        reaped.lost.append(left.name)
        return
    reference = registry.session_kind(left.kind, left.base)
    if reference is None:
        reaped.left.append(f"{left.name} (its kind {left.kind} cannot be reclaimed)")
        return
    request = {"do": "reclaim", "key": left.tag, "handle": left.handle}
    try:
        async with asyncio.timeout(RECLAIM_GRACE):
            await code.session(reference, request)
    except (SojournError, TimeoutError) as error:
        reaped.left.append(f"{left.name} ({error})" if str(error) else left.name)
        return
    _note(path, {"closed": left.tag})
    reaped.closed.append(left.name)


async def _call(mark: str, call: Mapping[str, Any], code: CodeRunner, path: Path, reaped: Reaped) -> None:
    """Run one afterAll hook; begun is begun, so it is never run again."""
    _note(path, {"begun": mark})
    reference = Reference(**call["reference"])
    try:
        await code.call(reference, *call["args"], deadline_ms=RECLAIM_GRACE * 1000)
    except SojournError as error:
        reaped.left.append(f"afterAll of {reference} ({error})")
        return
    reaped.hooks.append(str(reference))


def _note(path: Path, entry: Mapping[str, Any]) -> None:
    import json

    with open(path / "ledger.jsonl", "a", encoding="utf-8") as out:
        out.write(json.dumps(entry) + "\n")
        out.flush()
        os.fsync(out.fileno())


def end_processes(remains: Remains) -> None:
    """End the process groups that a dead run left: only those that are still the ones that it started."""
    for pid, born in remains.processes:
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if abs(psutil.Process(pid).create_time() - born) < BORN_WITHIN:
                os.killpg(pid, signal.SIGKILL)
