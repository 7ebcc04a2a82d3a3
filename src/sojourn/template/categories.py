"""Unicode's categories of characters, as the inside of a class in a regular expression."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator

_CATEGORIES = (
    {"Letter": "L", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Mark": "M", "Number": "N"}
    | {"Decimal_Number": "Nd", "Punctuation": "P", "Symbol": "S", "Separator": "Z"}
    | {name: name for name in ("L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "Z")}
    | {name: name for name in ("P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Zs")}
)


@functools.lru_cache(maxsize=64)
def category(name: str, *, negated: bool) -> str:
    """Write the characters of a category, or all others, as ranges; nothing where the name is that of none."""
    short = _CATEGORIES.get(name)
    if not short:
        return ""
    groups = itertools.groupby(
        range(0x110000), lambda code: unicodedata.category(chr(code)).startswith(short) != negated
    )
    return "".join(_range(codes) for inside, codes in groups if inside)


def _range(codes: Iterator[int]) -> str:
    first = last = next(codes)
    for last in codes:  # noqa: B007  the last one is what is asked for
        pass
    return f"{re.escape(chr(first))}-{re.escape(chr(last))}"
