"""Formats of JSON schemas: what texts of each look like, and which of two moments is the later one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date as Date  # noqa: N812  `date` is a format here

from sojourn.template.regexp import ForeignError, Regex

Format = Callable[[str], bool]
"""Tells whether a text has the format."""

_TIME = re.compile(r"(\d\d):(\d\d):(\d\d(?:\.\d+)?)(?:([zZ])|([+-])(\d\d)(?::?(\d\d))?)?", re.ASCII)
_CHAR = r"(?:[\w\-.~!$&'()*+,;=:@]|%[0-9a-f]{2})"
_HOST = r"(?:\[([0-9a-f:.]+|v[0-9a-f]+\.[\w\-.~!$&'()*+,;=:]+)\]|(?:(?![:@])" + _CHAR + ")*)"
_AUTHORITY = rf"(?:(?:(?!@){_CHAR})*@)?{_HOST}(?::\d*)?"
_TAIL = rf"(?:\?(?:{_CHAR}|[/?])*)?(?:#(?:{_CHAR}|[/?])*)?"
_PATH = rf"(?://?{_AUTHORITY}(?:/{_CHAR}*)*|/?{_CHAR}+(?:/{_CHAR}*)*|/)"
_URI = re.compile(rf"[a-z][a-z0-9+\-.]*:{_PATH}{_TAIL}", re.IGNORECASE | re.ASCII)
_REFERENCE = re.compile(rf"(?:[a-z][a-z0-9+\-.]*:)?{_PATH}?{_TAIL}", re.IGNORECASE | re.ASCII)
_NAME = r"(?:[a-z0-9_]|%[0-9a-f]{2})+(?::[1-9]\d{0,3}|\*)?"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_WIDE_LABEL = r"(?:[a-z0-9\u00a1-\uffff]+-)*[a-z0-9\u00a1-\uffff]+"
_URL = re.compile(
    rf"(?:https?|ftp)://(?:\S+@)?(?:(\d+\.\d+\.\d+\.\d+)|{_WIDE_LABEL}(?:\.{_WIDE_LABEL})*\.[a-z\u00a1-\uffff]{{2,}})"
    r"(?::\d{2,5})?(?:/\S*)?",
    re.IGNORECASE,
)
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_POINTER = r"(?:/(?:[^~/]|~0|~1)*)*"


def _text(pattern: str) -> Format:
    compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _date(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII)) and bool(Date.fromisoformat(text))
    except ValueError:
        return text.startswith("0000-") and _date("2000" + text[4:])  # a leap year, too


def _time(text: str, *, zoned: bool = True) -> bool:
    found = _TIME.fullmatch(text)
    if not found or (zoned and not found[4] and not found[5]):
        return False
    hours, minutes, away = int(found[1]), int(found[2]), _offset(found)
    if int(found[6] or 0) > 23 or int(found[7] or 0) > 59:
        return False
    if hours < 24 and minutes < 60 and float(found[3]) < 60:
        return True
    return float(found[3]) < 61 and hours < 24 and minutes < 60 and (hours * 60 + minutes - away) % 1440 == 1439


def _offset(found: re.Match[str]) -> int:
    """Return by how many minutes a time is ahead of Greenwich's."""
    away = int(found[6] or 0) * 60 + int(found[7] or 0)
    return -away if found[5] == "-" else away


def _date_time(text: str, *, zoned: bool = True) -> bool:
    parts = re.split(r"[tT\s]", text)
    return len(parts) == 2 and _date(parts[0]) and _time(parts[1], zoned=zoned)


def _uri(text: str) -> bool:
    return _host_fits(_URI.fullmatch(text))


def _reference(text: str) -> bool:
    return _host_fits(_REFERENCE.fullmatch(text))


def _host_fits(found: re.Match[str] | None) -> bool:
    """Tell whether what stands in brackets as a host, if anything does, is an address."""
    return bool(found) and (not found or not found[1] or found[1][0] in "vV" or _ipv6(found[1]))


def _url(text: str) -> bool:
    found = _URL.fullmatch(text)
    return bool(found and (not found[1] or _public(found[1])))


def _public(address: str) -> bool:
    """Tell whether an address may be met on the internet: not at home, in a company or on the machine itself."""
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    inner = found.is_loopback or found.is_link_local or any(found in net for net in _INNER)
    return not inner and 0 < found.packed[0] < 224 and 0 < found.packed[3] < 255


_INNER = [ipaddress.IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]


def _ipv4(text: str) -> bool:
    try:
        return text.isascii() and bool(ipaddress.IPv4Address(text))
    except ValueError:
        return False


def _ipv6(text: str) -> bool:
    try:
        return text.isascii() and "%" not in text and bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _regex(text: str) -> bool:
    """Tell whether JavaScript takes a pattern; one that ends as Python's do is none."""
    try:
        _ = Regex(text)
    except ForeignError:
        return True
    except re.error:
        return False
    return not re.search(r"[^\\]\\Z", text)


def _hostname(text: str) -> bool:
    return len(text.removesuffix(".")) <= 253 and _dotted(text)


_dotted = _text(rf"{_LABEL}(?:\.{_LABEL})*\.?")
FORMATS: dict[str, Format] = {
    "byte": _text(r"(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?"),
    "date": _date,
    "date-time": _date_time,
    "duration": _text(r"(?-i:P(?!\Z)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?))"),
    "email": _text(rf"{_ATOM}(?:\.{_ATOM})*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"),
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "iso-date-time": lambda text: _date_time(text, zoned=False),
    "iso-time": lambda text: _time(text, zoned=False),
    "json-pointer": _text(_POINTER),
    "json-pointer-uri-fragment": _text(r"#(?:/(?:[a-z0-9_\-.!$&'()*+,;:=@]|%[0-9a-f]{2}|~0|~1)*)*"),
    "regex": _regex,
    "relative-json-pointer": _text(rf"(?:0|[1-9]\d*)(?:#|{_POINTER})"),
    "time": _time,
    "uri": _uri,
    "uri-reference": _reference,
    "uri-template": _text(
        r"(?:[^\x00-\x20\"'<>%\\^`{|}]|%[0-9a-f]{2}|" + rf"\{{[+#./;?&=,!@|]?{_NAME}(?:,{_NAME})*\}})*"
    ),
    "url": _url,
    "uuid": _text(r"(?:urn:uuid:)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
}
UNCHECKED = frozenset({"binary", "double", "float", "password"})
INTEGERS = {"int32": (-(2**31), 2**31 - 1), "int64": (None, None)}
ORDERED = frozenset({"date", "date-time", "iso-date-time", "iso-time", "time"})


def moment(text: str) -> float | None:
    """Return a date, a time or both as a number to compare; nothing where a text is none of them."""
    parts = re.split(r"[tT\s]", text)
    days = Date.fromisoformat(parts[0]).toordinal() if _date(parts[0]) and parts[0] >= "0001" else 0
    if len(parts) == 1 and _date(text):
        return days * 86_400.0
    found = _TIME.fullmatch(parts[-1])
    if not found:
        return None
    return days * 86_400.0 + (int(found[1]) * 60 + int(found[2]) - _offset(found)) * 60 + float(found[3])
