"""The small language of `__expected` cells: `type: value`, `type(threshold): value`, code, or the plain text itself."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sojourn import registry
from sojourn.catalog import FAMILIES
from sojourn.errors import ConfigError
from sojourn.model.reference import SUFFIXES
from sojourn.model.suite import JsonDict

_SCRIPTS = {"javascript": "javascript", "fn": "javascript", "eval": "javascript", "python": "python"}
_GRADES = ("grade", "llm-rubric")
_LISTS = frozenset({"contains-all", "contains-any", "icontains-all", "icontains-any"})
_WHOLE = frozenset({"contains-json", "is-json"})
_THRESHOLDS = frozenset(
    """
    answer-relevance classifier context-faithfulness context-recall context-relevance cost latency levenshtein
    perplexity-score perplexity rouge-n similar starts-with
    """.split()  # noqa: SIM905  a table of names
)
_OURS = frozenset({"empty", "session"})
"""Types that promptfoo does not know: these words alone are texts, as they are there."""
_SIMILAR = 0.8
_USUAL = 0.75
_CLOSE = 0.8
_HEAD = re.compile(
    r"(?P<negated>not-)?(?P<type>[a-z][a-z0-9-]*(?::[a-z][a-z0-9-]*)?)(?:\((?P<threshold>\d+(?:\.\d+)?)\))?"
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|"")*)"\s*(?:,|$)')


def read_expected(text: str) -> JsonDict:
    """Read one cell as an assertion in promptfoo's words; raises ConfigError for a list that cannot be read."""
    first, colon, rest = text.partition(":")
    if kind := _SCRIPTS.get(first):
        return {"type": kind, "value": rest.strip()}
    if colon and first in _GRADES:
        return {"type": "llm-rubric", "value": rest}
    if first == "file" and (found := _in_file(text)):
        return found
    return _typed(text) or {"type": "equals", "value": text}


def slip(text: str) -> str:
    """Return the type that a cell seems to misspell in `type: value`, or an empty string."""
    found = re.match(r"(?P<name>[a-z][a-z-]{3,})(?:\([^)]*\))?:", text)
    if not found or read_expected(text)["type"] != "equals":
        return ""
    name, sign = found["name"].removeprefix("not-"), "not-" if found["name"].startswith("not-") else ""
    if name in FAMILIES["assertion"]:
        return ""
    close = registry.nearest(name, FAMILIES["assertion"], cutoff=_CLOSE)
    return sign + close if close else ""


def _in_file(text: str) -> JsonDict | None:
    found = re.fullmatch(r"file://.+(\.\w+)(?::[\w.$]+)?", text)
    tongue = SUFFIXES.get(found[1]) if found else None
    return {"type": tongue, "value": text} if tongue else None


def _typed(text: str) -> JsonDict | None:
    """Read `type: value`, `family:type: value`, or a type alone."""
    head, colon, value = text.partition(":")
    if value[:1].islower():
        second, further, rest = value.partition(":")
        if made := _assertion(f"{head}:{second}", rest if further else None):
            return made
    return _assertion(head, value if colon else None)


def _knows(name: str, *, valued: bool) -> bool:
    """Ask the installed packages only where a value follows: a plain word is what people expect most."""
    if name in FAMILIES["assertion"] and name not in _OURS:
        return True
    return valued and registry.knows("assertion", name)


class _Head(NamedTuple):
    """What stands before the value: the type's name, whether `not-` stands before it, the threshold in brackets."""

    name: str
    written: str
    threshold: str | None


@functools.lru_cache(maxsize=1024)
def _head(text: str) -> _Head | None:
    found = _HEAD.fullmatch(text)
    return _Head(found["type"], (found["negated"] or "") + found["type"], found["threshold"]) if found else None


def _assertion(text: str, value: str | None) -> JsonDict | None:
    head = _head(text)
    if head is None or not _knows(head.name, valued=value is not None):
        return None
    name = head.name
    made: JsonDict = {"type": head.written}
    if value is not None:
        made["value"] = value if name in _WHOLE else list(_listed(value)) if name in _LISTS else value.strip()
    if name in _THRESHOLDS:
        default = _SIMILAR if name == "similar" else _USUAL
        made["threshold"] = default if head.threshold is None else float(head.threshold)
    return made


def _listed(value: str) -> Iterator[str]:
    """Split `a, b, "c, d"`; quotes hold a cell together, and two in a row are one."""
    rest = value.strip()
    while rest:
        if rest.startswith('"'):
            found = _QUOTED.match(rest)
            if not found:
                raise ConfigError.of(f"a comma must follow the closing quote in {value.strip()!r}")
            yield re.sub(r'\\(["\\])|""', lambda escaped: escaped[1] or '"', found[1])
            rest = rest[found.end() :].strip()
        else:
            item, _, rest = rest.partition(",")
            rest = rest.strip()
            if item.strip():
                yield item.strip()


def finite(text: Any) -> float | None:
    """Read a cell as a number; None where it holds none."""
    trimmed = str(text or "").strip()
    if not re.fullmatch(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", trimmed):
        return None
    value = float(trimmed)
    return value if abs(value) != float("inf") else None
