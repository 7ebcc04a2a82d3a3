"""The filters of nunjucks that write addresses: as parts of a URL, and as links in a text."""

from __future__ import annotations

import math
import re
import urllib.parse
from typing import Any

from sojourn.template.lookup import member
from sojourn.template.values import UNDEFINED, checked, keys, to_number, to_text

_URL_SAFE = "-_.!~*'()"
_BARE = re.compile(r"(?:\(|<|&lt;)?(.*?)(?:\.|,|\)|&gt;)?")
_MAIL = re.compile(r"[\w.!#$%&'*+\-/=?^`{|}~]+@[a-z\d-]+(?:\.[a-z\d-]+)+", re.IGNORECASE | re.ASCII)
_KNOWN_END = re.compile(r"\.(?:org|net|com)(?::|/|\Z)")


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
    found = _BARE.fullmatch(word)
    bare = found[1] if found else word
    if re.match(r"https?://", bare):
        return f'<a href="{bare}"{mark}>{bare[:shown]}</a>'
    if _MAIL.fullmatch(bare) and not bare.startswith("www."):
        return f'<a href="mailto:{bare}">{bare}</a>'
    if bare.startswith("www.") or _KNOWN_END.search(bare):
        return f'<a href="http://{bare}"{mark}>{bare[:shown]}</a>'
    return word
