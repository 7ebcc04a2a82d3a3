"""Sessions that say in their own code what they are: entries under `sessions` with what their decoration says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sojourn.config.expect import Path
from sojourn.config.files import read_text
from sojourn.config.reading import Reading
from sojourn.errors import CodeError
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict

WORD = "sojourn"
"""What stands in every file in which something is decorated; no other is loaded to look."""


async def with_marked(raw: Any, reading: Reading) -> Any:
    """Return the entries, each with its function's own settings where the entry has none; mistakes are noted.

    `raw` is the mapping of a configuration, or names a Python file whose sessions are meant, all of them.
    """
    if isinstance(raw, str):
        told = await _all_of(raw, reading)
        return {name: {"kind": f"{raw}:{name}", **_settings(each, told)} for name, each in told.items()}
    if not isinstance(raw, Mapping):
        return raw
    entries: JsonDict = dict(raw)
    for name, entry in raw.items():
        kind = entry.get("kind") if isinstance(entry, Mapping) else None
        reference = Reference.parse(kind, base=reading.base, role="session") if isinstance(kind, str) else None
        if reference is not None and _may_tell(reference):
            told = await _told(reference, reading, ("sessions", str(name), "kind"))
            entries[name] = {**_settings(told, entries), **entry}
    return entries


async def _all_of(file: str, reading: Reading) -> JsonDict:
    reference = Reference.parse(file, base=reading.base, role="sessions")
    todo = "write sessions: file://sessions.py, and in it @sojourn.session above a function"
    if reference is None or reference.tongue != "python" or reference.name:
        reading.findings.wrong(f"{file!r} names no Python file", reading.source, ("sessions",), todo=todo)
        return {}
    if not _may_tell(reference):
        reading.findings.wrong(f"there is no file {file} with sessions", reading.source, ("sessions",), todo=todo)
        return {}
    return await _told(reference, reading, ("sessions",))


def _may_tell(reference: Reference) -> bool:
    """Whether something may be decorated in a file, so that it is worth loading."""
    here = reference.tongue == "python" and os.path.isfile(reference.path)
    return here and WORD in read_text(reference.path, reference.path)


async def _told(reference: Reference, reading: Reading, at: Path) -> JsonDict:
    try:
        return await reading.code.load(reference)
    except CodeError as error:
        reading.findings.wrong(f"{reference} cannot be loaded: {error}", reading.source, at)
        return {}


def _settings(told: Mapping[str, Any], known: Mapping[str, Any]) -> JsonDict:
    """Return settings as an entry has them; parameters that are named after other sessions are parents."""
    if told.get("settings") is None:
        return {}
    parents = [name for name in told["parameters"] if name in known]
    return {**({"parent": parents} if parents else {}), **told["settings"]}
