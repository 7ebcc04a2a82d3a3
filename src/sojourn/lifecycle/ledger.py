"""The durable record of a run: what is open and how to undo it, written before it is opened.

One folder a run, below the user's data folder: `ledger.jsonl` (one entry a line, in order) and `lock`. The lock is
held by the runner and, inherited, by every process that may still clean up after it: a ledger whose lock is free
belongs to the dead. A run that leaves nothing behind removes its folder.

    {"run": id, "pid": 1, "folder": "/tmp/...", "started": "2026-..."}
    {"process": 2, "born": 123.4}
    {"open": tag, "name": "db", "kind": "file:///...", "base": "/...", "can_reclaim": true}
    {"opened": tag, "handle": ...}   {"closed": tag}   {"ended": true}
    {"after_all": "afterAll:0", "needs": "beforeAll:0", "reference": {...}, "args": [...]}   {"begun": "afterAll:0"}
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from sojourn.errors import SojournError
from sojourn.model.redaction import redacted
from sojourn.model.secrecy import NO_SECRETS, Secrets
from sojourn.model.session import SessionSpec
from sojourn.protocols import Opening


def home(environ: Mapping[str, str]) -> Path:
    """Return Sojourn's folder in the user's data: SOJOURN_HOME, or the platform's usual place."""
    if environ.get("SOJOURN_HOME"):
        return Path(environ["SOJOURN_HOME"])
    data = environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(data) / "sojourn"


def no_record(place: Path, error: OSError) -> SojournError:
    """Say that runs cannot be written down in a folder."""
    todo = "set SOJOURN_HOME to a folder that can be written"
    return SojournError(f"no record of the run can be kept in {place}: {error.strerror}", todo=todo)


class RunLedger:
    """The ledger of one run, made on first use; see `lifecycle.journal.Ledger`."""

    def __init__(self, root: Path, run_id: str, folder: Path, secrets: Secrets = NO_SECRETS) -> None:
        self.path = root / "runs" / run_id.replace(":", "-")
        self.file = self.path / "ledger.jsonl"
        self.secrets = secrets
        self.lock = -1
        self._run_id = run_id
        self._folder = folder
        self._out = -1
        self._running: asyncio.Future[None] | None = None
        self._next: asyncio.Future[None] | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was written down."""
        return self._out >= 0

    def create(self) -> None:
        """Make the ledger and take its lock; once however often it is asked."""
        if self.exists:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made aside and moved into place with its lock held: nobody may take a run that is starting for a dead one.
        aside = Path(tempfile.mkdtemp(dir=self.path.parent.parent, prefix="starting-"))
        self.lock = os.open(aside / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self._out = os.open(aside / self.file.name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        aside.rename(self.path)
        started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self.write({"run": self._run_id, "pid": os.getpid(), "folder": str(self._folder), "started": started})

    def write(self, entry: Mapping[str, Any]) -> None:
        """Add an entry; it outlives this process, though not a loss of power. Raises SojournError where it cannot."""
        line = json.dumps(entry, default=str).encode() + b"\n"
        try:
            whole = os.write(self._out, line) == len(line)
            if not whole:
                os.write(self._out, b"\n")  # half a line is no entry, and must not spoil the next
        except OSError as error:
            raise no_record(self.path.parent.parent, error) from error
        if not whole:
            raise no_record(self.path.parent.parent, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def note(self, entry: Mapping[str, Any]) -> None:
        """Add an entry that comes too late to refuse anything: without it there is only more to look after."""
        with contextlib.suppress(SojournError):
            self.write(entry)

    async def begin(self, opening: Opening, spec: SessionSpec, *, can_reclaim: bool) -> None:
        """Write down that a session is about to be opened; if it can be reclaimed, on the disk when this returns."""
        self.create()
        told = {"open": opening.tag, "name": opening.name, "kind": spec.kind, "base": spec.base}
        self.write({**told, "can_reclaim": can_reclaim})
        if not can_reclaim:
            return
        if self._next is None:
            self._next = asyncio.ensure_future(self._sync(self._running))
        await asyncio.shield(self._next)

    async def _sync(self, before: asyncio.Future[None] | None) -> None:
        """Put on the disk what was written by many openings at once, after the sync that is under way."""
        if before is not None:
            await before
        self._running, self._next = self._next, None
        await asyncio.to_thread(os.fdatasync, self._out)

    def opened(self, tag: str, handle: Any) -> None:
        """Write down by what a session can be found."""
        self.note({"opened": tag, "handle": self.secrets.clean(redacted(handle))})

    def closed(self, tag: str) -> None:
        """Write down that a session is gone."""
        self.note({"closed": tag})

    def close(self) -> None:
        """Let go of the ledger; remove it where nothing is left to undo."""
        if not self.exists:
            return
        remains = read(self.path)
        if not remains.sessions and not remains.due:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.note({"ended": True})
        for descriptor in (self._out, self.lock):
            os.close(descriptor)
        self._out = self.lock = -1


class LeftOpen(msgspec.Struct, frozen=True):
    """A session that was opened, or about to be, and not closed."""

    tag: str
    name: str
    kind: str
    base: str
    handle: Any = None
    can_reclaim: bool = True


class Remains(msgspec.Struct):
    """What a ledger says is still to be undone: sessions in the order of opening, hooks not begun, processes.

    `ended`: the run came to its end, and could not close what is left.
    """

    run_id: str = ""
    pid: int = 0
    started: str = ""
    folder: str = ""
    sessions: dict[str, LeftOpen] = msgspec.field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    processes: list[tuple[int, float]] = msgspec.field(default_factory=list)
    begun: set[str] = msgspec.field(default_factory=lambda: {""})
    ended: bool = False

    @property
    def due(self) -> dict[str, dict[str, Any]]:
        """The afterAll hooks that are still to run: those whose beforeAll was begun."""
        return {mark: call for mark, call in self.calls.items() if call["needs"] in self.begun}

    def take(self, entry: Mapping[str, Any]) -> None:
        """Take one entry into account."""
        if "run" in entry:
            self.run_id, self.pid = entry["run"], entry["pid"]
            self.started, self.folder = entry["started"], entry["folder"]
        elif "open" in entry:
            known = {"handle": None, "can_reclaim": entry.get("can_reclaim", True)}
            self.sessions[entry["open"]] = LeftOpen(entry["open"], entry["name"], entry["kind"], entry["base"], **known)
        elif "opened" in entry and entry["opened"] in self.sessions:
            left = self.sessions[entry["opened"]]
            self.sessions[left.tag] = structs.replace(left, handle=entry["handle"])
        elif "closed" in entry:
            self.sessions.pop(entry["closed"], None)
        elif "after_all" in entry:
            self.calls[entry["after_all"]] = dict(entry)
        elif "begun" in entry:
            self.calls.pop(entry["begun"], None)
            self.begun.add(entry["begun"])
        elif "ended" in entry:
            self.ended = True
        elif "process" in entry:
            self.processes.append((entry["process"], entry["born"]))


def read(path: Path) -> Remains:
    """Read what a run's ledger leaves to be undone; a last line that was cut off while it was written is no entry."""
    remains = Remains()
    with contextlib.suppress(FileNotFoundError):
        for line in (path / "ledger.jsonl").read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                remains.take(json.loads(line))
    return remains


@contextlib.contextmanager
def if_dead(path: Path) -> Iterator[bool]:
    """Hold the lock of a run's ledger if nobody else does: yields whether its run is dead."""
    try:
        lock = os.open(path / "lock", os.O_RDWR)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)


def runs(root: Path) -> list[Path]:
    """Return the folders of all runs that have a ledger, the oldest first."""
    found = []
    with contextlib.suppress(OSError):
        for path in (root / "runs").iterdir():
            with contextlib.suppress(OSError):
                found.append(((path / "ledger.jsonl").stat().st_mtime, path))
    return [path for _, path in sorted(found)]
