"""Where the store is, and how it is opened."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from pathlib import Path

from sojourn.database import connect
from sojourn.errors import StoreError
from sojourn.store.schema import STEPS

BUSY_S = 60.0
LOOKS, LOOK_S = 5, 0.01
"""How often a lock is tried that others hold for a moment when they only look whether the run is alive."""


def file_of(home: Path) -> Path:
    """Return the store's file below Sojourn's folder in the user's data."""
    return home / "runs.sqlite"


def open_store(home: Path) -> sqlite3.Connection:
    """Open the store, made if there is none; raises StoreError where that cannot be done."""
    try:
        return connect(file_of(home), STEPS, busy_s=BUSY_S)
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        is_broken = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        todo = "move that file away" if is_broken else "set SOJOURN_HOME to a folder that can be written"
        raise StoreError(f"the store of runs cannot be used: {file_of(home)}: {why}", todo=todo) from error


class Beacon:
    """Shows others that a run is alive: a lock that the system frees when the process is gone, however it goes.

    Raises StoreError where another process runs it.
    """

    def __init__(self, home: Path, number: int) -> None:
        self._path = _beacon(home, number)
        self._path.parent.mkdir(exist_ok=True, mode=0o700)
        for _ in range(LOOKS):
            self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if self._is_ours():
                return
            os.close(self._lock)
            time.sleep(LOOK_S)
        raise StoreError("the run is going on in another process", todo="wait for it, or stop it")

    def _is_ours(self) -> bool:
        """Take the lock, if nobody has it and the file has not been taken away meanwhile."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.path.samestat(os.fstat(self._lock), os.stat(self._path))
        except (BlockingIOError, FileNotFoundError):
            return False

    def end(self) -> None:
        """Show it no longer."""
        self._path.unlink(missing_ok=True)
        os.close(self._lock)


def is_alive(home: Path, number: int) -> bool:
    """Tell whether a run is still going on."""
    try:
        lock = os.open(_beacon(home, number), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _beacon(home: Path, number: int) -> Path:
    return home / "alive" / str(number)
