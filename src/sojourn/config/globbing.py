"""File patterns as promptfoo's users write them: `*`, `**`, `?`, `[ab]` and `{a,b}`, relative to a folder."""

from __future__ import annotations

import os
import re

_MAGIC = re.compile(r"[*?\[{]")
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def has_pattern(text: str) -> bool:
    """Tell whether a path holds a character that makes it a pattern."""
    return _MAGIC.search(text) is not None


def matches(pattern: str, base: str) -> list[str]:
    """Return the paths that a pattern names, sorted, each relative as the pattern was; a plain path names itself."""
    if os.path.lexists(os.path.join(base, pattern)):
        return [_tidy(pattern)]
    if not has_pattern(pattern):
        return []
    import glob

    found: set[str] = set()
    for plain in _alternatives(pattern):
        found.update(_tidy(path) for path in glob.glob(plain, root_dir=base, recursive=True))
    return sorted(found)


def _tidy(path: str) -> str:
    return os.path.normpath(path)


def _alternatives(pattern: str) -> list[str]:
    found = _BRACES.search(pattern)
    if not found:
        return [pattern]
    start, end = found.span()
    options = [pattern[:start] + option + pattern[end:] for option in found[1].split(",")]
    return [plain for option in options for plain in _alternatives(option)]
