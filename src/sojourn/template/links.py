"""The filters of nunjucks that write addresses: as parts of a URL, and as links in a text."""

from __future__ import annotations

import math
import re
import urllib.parse
from typing import Any

from sojourn.template.lookup import member
from sojourn.template.values import UNDEFINED, checked, keys, to_number, to_text

_URL_SAFE = "-_.!~*'()"
_OPENINGS, _CLOSINGS = ("(", "<", "&lt;"), (".", ",", ")", "&gt;")
_ENDS = (".org", ".net", ".com")
_LABEL = re.compile(r"[a-z\d-]+", re.IGNORECASE | re.ASCII)
_MAILBOX = re.compile(r"[^\s\"(),:;<>@\[\\\]]+", re.ASCII)


def urlencode(value: Any) -> str:
    """Encode a text, or the pairs of an object or array, for a URL."""
    if isinstance(value, str):
        return _encoded(value)
    if isinstance(value, dict):
        pairs = [(key, value[key]) for key in keys(value)]
    else:
        pairs = [(member(pair, 0), member(pair, 1)) for pair in value] if isinstance(value, list | tuple) else []
    return "&".join(f"{_encoded(key)}={_encoded(each)}" for key, each in pairs)


def _encoded(value: Any) -> str:
    return urllib.parse.quote(to_text(value), safe=_URL_SAFE, errors="replace")


def urlize(value: Any, length: Any = UNDEFINED, nofollow: Any = UNDEFINED) -> str:
    """Make links of the addresses in a text, with at most `length` characters of each shown."""
    if not isinstance(value, str):
        raise TypeError("needs a text")
    number = to_number(length)
    shown = None if math.isnan(number) else int(max(0, min(number, len(value))))
    mark = ' rel="nofollow"' if nofollow is True else ""
    return checked(re.sub(r"\S+", lambda word: _link(word[0], shown, mark), value))


def _link(word: str, shown: int | None, mark: str) -> str:
    bare = _bare(word)
    if bare.startswith(("http://", "https://")):
        return f'<a href="{bare}"{mark}>{bare[:shown]}</a>'
    if _is_mailbox(bare) and not bare.startswith("www."):
        return f'<a href="mailto:{bare}">{bare}</a>'
    if bare.startswith("www.") or any(part.endswith(_ENDS) for part in re.split("[:/]", bare)):
        return f'<a href="http://{bare}"{mark}>{bare[:shown]}</a>'
    return word


def _bare(word: str) -> str:
    """Return a word without the mark before it and the one behind it."""
    before = next(filter(word.startswith, _OPENINGS), "")
    word = word.removeprefix(before)
    return word.removesuffix(next(filter(word.endswith, _CLOSINGS), ""))


def _is_mailbox(text: str) -> bool:
    name, _, host = text.partition("@")
    labels = host.split(".")
    return text.isascii() and bool(_MAILBOX.fullmatch(name)) and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
