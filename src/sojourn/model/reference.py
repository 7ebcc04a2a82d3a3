"""Where a user's function is: a file and a name, or a piece of inline code."""

from __future__ import annotations

import os
import re
from typing import Literal

import msgspec

Tongue = Literal["python", "javascript", "go"]
Role = Literal[
    "provider",
    "hook",
    "assertion",
    "scoring",
    "transform",
    "transform_vars",
    "context_transform",
    "prompt",
    "variable",
    "tests",
    "config",
    "filter",
    "session",
    "sessions",
    "value",
    "request",
    "response",
    "parser",
    "status",
    "stream",
    "tool",
    "result",
    "page",
]

SUFFIXES: dict[str, Tongue] = {
    ".py": "python",
    ".js": "javascript",
    ".cjs": "javascript",
    ".mjs": "javascript",
    ".ts": "javascript",
    ".cts": "javascript",
    ".mts": "javascript",
}

_CODE_FILE = re.compile(
    r"^(?:(?:python|javascript|ruby):)?(?:file://)?"
    r"(?P<path>.*?\.(?:py|js|cjs|mjs|ts|cts|mts))(?::(?P<name>[^:/\\]+))?$"
)


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A user's function.

    One of: `path` (absolute) with an optional `name` (a function, or `Class.method`); inline `source`; an importable
    `module` with a `name`.
    `role` says what it is for, and so which names are looked up by default and how it is called. `executable` is an
    interpreter of its own, `workers` how many processes of its own it is spread over; 0: it lives with all others.
    """

    tongue: Tongue
    role: Role
    path: str = ""
    name: str = ""
    source: str = ""
    module: str = ""
    executable: str = ""
    workers: int = 0

    def __str__(self) -> str:
        if self.source:
            return f"inline {self.tongue}"
        if self.module:
            return f"{self.module}:{self.name}"
        return f"file://{self.path}" + (f":{self.name}" if self.name else "")

    @classmethod
    def parse(cls, text: str, *, base: str, role: Role) -> Reference | None:
        """Read `file://x.py:fn`, `python:x.py`, `python:file://x.py`, or a bare `x.js:fn`, relative to `base`.

        Returns None where the text does not name a Python or JavaScript file.
        """
        match = _CODE_FILE.match(text)
        if not match:
            return None
        path = os.path.normpath(os.path.join(base, match["path"]))
        suffix = path[path.rindex(".") :]
        return cls(tongue=SUFFIXES[suffix], role=role, path=path, name=match["name"] or "")

    @classmethod
    def inline(cls, tongue: Tongue, source: str, *, role: Role) -> Reference:
        """Make a reference to a piece of code that stands in the suite itself."""
        return cls(tongue=tongue, role=role, source=source)
