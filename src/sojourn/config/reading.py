"""Where a suite is read: its folders, its environment, who runs users' code, and what was found so far."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import structs

from sojourn.config.files import shown
from sojourn.config.findings import Findings, Source
from sojourn.protocols import Code


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What every reader of a part of the suite needs; `base` is the folder that relative paths start from."""

    cwd: str
    base: str
    env: Mapping[str, str]
    code: Code
    findings: Findings
    source: Source

    def at(self, base: str) -> Reading:
        """Return the same with another folder to start from."""
        return structs.replace(self, base=base)

    def name(self, path: str) -> str:
        """Return an absolute path as people call it."""
        return shown(path, self.cwd)
