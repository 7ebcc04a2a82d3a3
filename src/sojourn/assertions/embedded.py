"""JSON objects inside prose: what models wrap in explanations, fences and comments."""

from __future__ import annotations

import json
import re
from typing import Any

_DECODER = json.JSONDecoder()
_LONGEST = 100_000
_ATTEMPTS = 200
_DEEPEST = 100
_ANCHOR = re.compile(r"[\s,:\[{]&[^\s,\[\]{}]")
_COMMENT = re.compile(r"(^|[\s,{\[])//", re.MULTILINE)


def objects_in(text: str) -> list[Any]:
    """Return the objects in a text, in its order; what is nearly JSON (YAML's flow style, comments) counts too."""
    found: list[Any] = []
    ends = _closings(text)
    attempts = 0
    at = text.find("{")
    while 0 <= at < len(text) - 1 and attempts < _ATTEMPTS:
        value, after = _exact(text, at)
        if value is None:
            attempts += 1
            value, after = _loose(text, at, ends.get(at))
        if value is not None:
            found.append(value)
        at = text.find("{", max(after, at + 1))
    return found


def _exact(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, at


def _closings(text: str) -> dict[int, int]:
    """Pair every opening brace with its closing one, quotes or no quotes."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for found in re.finditer(r"[{}]", text):
        if found[0] == "{":
            opened.append(found.start())
        elif opened:
            pairs[opened.pop()] = found.end()
    return pairs


def _loose(text: str, at: int, end: int | None) -> tuple[Any, int]:
    """Read an object as YAML does; one that is never closed is closed at the text's end."""
    stop = min(end or len(text), at + _LONGEST)
    piece = text[at:stop]
    if end is None or end > stop:
        piece += "}" * max(1, min(100, piece.count("{") - piece.count("}")))
    value = _yaml(piece)
    return (value, stop) if isinstance(value, dict) else (None, at)


def _yaml(piece: str) -> Any:
    """Read YAML from a stranger: without anchors, which multiply, and not so deep that the parser's stack ends."""
    import yaml

    if _ANCHOR.search(piece) or _depth(piece) > _DEEPEST:
        return None
    try:
        text = _COMMENT.sub(r"\1# ", piece)
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  both are safe
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None


def _depth(piece: str) -> int:
    depth = deepest = 0
    for found in re.finditer(r"[\[{]|[\]}]", piece):
        depth += 1 if found[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
