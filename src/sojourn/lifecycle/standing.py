"""Sessions that stand between runs: `sojourn sessions up NAME` keeps one open, and every run that needs it uses it.

A file for each, in the user's data folder, readable by its owner only: the handle in it may say how to get in. It
counts for as long as the run that holds the session lives.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from sojourn.lifecycle import ledger
from sojourn.model.session import SessionSpec


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A session that stands: which, by what it is reached, and who holds it since when."""

    name: str
    handle: Any
    pid: int
    run: str
    since: str


def _path(root: Path, spec: SessionSpec) -> Path:
    """Return where a session of this very entry is written down: another configuration is another session."""
    entry = json.dumps([spec.name, spec.kind, spec.base, dict(spec.config)], sort_keys=True, default=str)
    return root / "standing" / f"{spec.name}-{hashlib.sha256(entry.encode()).hexdigest()[:16]}.json"


def find(root: Path, spec: SessionSpec) -> Standing | None:
    """Return the session of an entry that stands, or None; one whose holder has died does not."""
    try:
        found = Standing(**json.loads(_path(root, spec).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    path = root / "runs" / found.run
    with ledger.if_dead(path) as dead:
        return found if path.exists() and not dead else None


def write(root: Path, spec: SessionSpec, standing: Standing) -> None:
    """Write down that a session stands."""
    path = _path(root, spec)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as out:
        json.dump(structs.asdict(standing), out)
    aside.rename(path)


def remove(root: Path, spec: SessionSpec) -> None:
    """Write down that it stands no more."""
    _path(root, spec).unlink(missing_ok=True)
