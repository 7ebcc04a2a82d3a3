"""The small language of `__expected` cells: `type: value`, `type(threshold): value`, code, or the plain text itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sojourn import registry
from sojourn.catalog import FAMILIES
from sojourn.errors import ConfigError
from sojourn.model.reference import SUFFIXES
from sojourn.model.suite import JsonDict

_SCRIPTS = {"javascript": "javascript", "fn": "javascript", "eval": "javascript", "python": "python"}
_GRADES = ("grade:", "llm-rubric:")
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
_NAME = r"(?P<negated>not-)?(?P<type>{})(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>[\s\S]*))?"
_FORMS = [re.compile(_NAME.format(name)) for name in (r"[a-z][a-z0-9-]*:[a-z][a-z0-9-]*", r"[a-z][a-z0-9-]*")]
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|"")*)"\s*(?:,|$)')


def read_expected(text: str) -> JsonDict:
    """Read one cell as an assertion in promptfoo's words; raises ConfigError for a list that cannot be read."""
    return _script(text) or _grade(text) or _typed(text) or {"type": "equals", "value": text}


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


def _script(text: str) -> JsonDict | None:
    kind = _SCRIPTS.get(text.partition(":")[0])
    if kind:
        return {"type": kind, "value": text.partition(":")[2].strip()}
    if not text.startswith("file://"):
        return None
    found = re.fullmatch(r"file://.+(\.\w+)(?::[\w.$]+)?", text)
    tongue = SUFFIXES.get(found[1]) if found else None
    return {"type": tongue, "value": text} if tongue else None


def _grade(text: str) -> JsonDict | None:
    for start in _GRADES:
        if text.startswith(start):
            return {"type": "llm-rubric", "value": text.removeprefix(start)}
    return None


def _typed(text: str) -> JsonDict | None:
    for form in _FORMS:
        found = form.fullmatch(text)
        if found and _knows(found["type"], valued=found["value"] is not None):
            return _assertion(found)
    return None


def _knows(name: str, *, valued: bool) -> bool:
    """Ask the installed packages only where a value follows: a plain word is what people expect most."""
    if name in FAMILIES["assertion"] and name not in _OURS:
        return True
    return valued and registry.knows("assertion", name)


def _assertion(found: re.Match[str]) -> JsonDict:
    name, value = found["type"], found["value"]
    made: JsonDict = {"type": (found["negated"] or "") + name}
    if value is not None:
        made["value"] = value if name in _WHOLE else list(_listed(value)) if name in _LISTS else value.strip()
    if name in _THRESHOLDS:
        default = _SIMILAR if name == "similar" else _USUAL
        made["threshold"] = default if found["threshold"] is None else float(found["threshold"])
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
