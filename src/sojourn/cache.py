"""Answers of services on disk, so that a suite that is run again asks only what it has not asked before.

One SQLite table, shared by all runs at once. Who reads or writes while another holds it for long does without: the
cache saves work, and is never a reason to fail.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from sojourn.database import connect
from sojourn.errors import StoreError
from sojourn.model.secrecy import NO_SECRETS, Secrets

TTL_S = 14 * 24 * 3600.0
BUSY_S = 2.0
UNUSABLE = (sqlite3.Error, OSError, StoreError)
"""What a cache that cannot be used raises."""
_STEPS = ("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL NOT NULL, answer TEXT NOT NULL)",)


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What a cache holds: its file, how many answers, how many bytes, how many of the answers are too old."""

    file: Path
    answers: int = 0
    size: int = 0
    outdated: int = 0


class ReplyCache:
    """Keeps answers (plain data) by keys for their time; `file` None keeps them in memory, for one run."""

    def __init__(self, file: Path | None, ttl_s: float = TTL_S, secrets: Secrets = NO_SECRETS) -> None:
        self._file = file
        self._ttl_s = ttl_s
        self._secrets = secrets
        self._memory: dict[str, Any] = {}
        self._opened: sqlite3.Connection | None = None

    @classmethod
    def of(cls, env: Mapping[str, str], home: Path, secrets: Secrets = NO_SECRETS) -> ReplyCache:
        """Return the cache that the environment speaks of: PROMPTFOO_CACHE_PATH, _TYPE and _TTL (in seconds)."""
        folder = Path(env.get("PROMPTFOO_CACHE_PATH") or home / "cache")
        try:
            ttl = float(env.get("PROMPTFOO_CACHE_TTL") or TTL_S)
        except ValueError:
            ttl = TTL_S
        return cls(None if env.get("PROMPTFOO_CACHE_TYPE") == "memory" else folder / "answers.sqlite", ttl, secrets)

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _table(self) -> sqlite3.Connection:
        assert self._file is not None
        if self._opened is None:
            self._opened = connect(self._file, _STEPS, busy_s=BUSY_S)
        return self._opened

    def get(self, key: str) -> Any:
        """Return the answer under a key, or None where there is none that is young enough."""
        if self._file is None:
            return self._memory.get(key)
        since = time.time() - self._ttl_s
        with suppress(*UNUSABLE, ValueError):
            asked = "SELECT answer FROM answers WHERE key = ? AND at > ?"
            found = self._table().execute(asked, (key, since)).fetchone()
            return json.loads(found[0]) if found else None
        return None

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer; one with a secret in it is not written to the disk."""
        if self._file is None:
            self._memory[key] = answer
            return
        with suppress(*UNUSABLE):
            row = (key, time.time(), json.dumps(answer))
            if self._secrets.touches(row[2]):
                return
            self._table().execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    def stats(self) -> Stats:
        """Tell what is kept; raises one of UNUSABLE where that cannot be read."""
        if self._file is None or not self._file.exists():
            return Stats(file=self._file or Path())
        table = self._table()
        [count] = table.execute("SELECT count(*) FROM answers").fetchone()
        [old] = table.execute("SELECT count(*) FROM answers WHERE at <= ?", (time.time() - self._ttl_s,)).fetchone()
        return Stats(file=self._file, answers=count, size=self._file.stat().st_size, outdated=old)

    def clear(self) -> int:
        """Forget everything; returns how many answers there were. Raises OSError where that cannot be done."""
        count = 0
        with suppress(sqlite3.Error, StoreError):
            count = self.stats().answers
        self.close()
        if self._file is not None:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._file}{suffix}").unlink(missing_ok=True)
        return count


def key_of(*parts: Any) -> str:
    """Make a key of plain data; nothing of it can be read back."""
    text = json.dumps(parts, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
