"""Formats of JSON schemas, by the grammars of their standards, and which of two moments is the later one.

Where a standard leaves something open, or promptfoo's users know it otherwise, the tests say what counts.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date as Date  # noqa: N812  `date` is a format here

from sojourn.assertions.schema_addresses import PATH as PATH_LETTERS
from sojourn.assertions.schema_addresses import is_hostname, is_mail_address, is_reference, is_spelt, is_uri, is_url
from sojourn.template.regexp import ForeignError, unicode_pattern

Format = Callable[[str], bool]
"""Tells whether a text has the format."""

DAY_S, MINUTE_S = 86_400, 60
_CLOCK = re.compile("(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2}([.][0-9]+)?)(?P<zone>.*)", re.DOTALL)
_ZONE = re.compile("(?P<sign>[-+])(?P<hour>[0-9]{2})(:?(?P<minute>[0-9]{2}))?")
_AMOUNT = re.compile("([0-9]+)([A-Z])")


def _day(text: str) -> int | None:
    """Return a date (RFC 3339's full-date) as a number of days; nothing where it is none."""
    if not (len(text) == 10 and text.isascii() and text[4] == text[7] == "-"):
        return None
    year = text[:4]
    try:
        return Date.fromisoformat("2000" + text[4:] if year == "0000" else text).toordinal() * (year != "0000")
    except ValueError:
        return None


def _clock(text: str, *, zoned: bool) -> float | None:
    """Return a time (RFC 3339's full-time) as seconds of Greenwich's day; nothing where it is none."""
    found = _CLOCK.fullmatch(text)
    ahead = _ahead(found["zone"], zoned=zoned) if found else None
    if found is None or ahead is None:
        return None
    minutes, second = int(found["hour"]) * 60 + int(found["minute"]), float(found["second"])
    is_leap = 60 <= second < 61 and (minutes - ahead + 1) % (24 * 60) == 0  # the last minute of Greenwich's day
    if int(found["hour"]) > 23 or int(found["minute"]) > 59 or not (second < 60 or is_leap):
        return None
    return (minutes - ahead) * MINUTE_S + second


def _ahead(zone: str, *, zoned: bool) -> int | None:
    """Return by how many minutes a zone is ahead of Greenwich; nothing where it is none, or lacking."""
    if zone in ("Z", "z") or not zone:
        return 0 if zone or not zoned else None
    found = _ZONE.fullmatch(zone)
    if found is None or int(found["hour"]) > 23 or int(found["minute"] or 0) > 59:
        return None
    away = int(found["hour"]) * 60 + int(found["minute"] or 0)
    return -away if found["sign"] == "-" else away


def _instant(text: str, *, zoned: bool) -> float | None:
    """Return a date with a time as seconds; nothing where it is none."""
    day, clock = _day(text[:10]), _clock(text[11:], zoned=zoned)
    apart = text[10:11]
    return None if day is None or clock is None or not (apart in "tT" or apart.isspace()) else day * DAY_S + clock


def moment(text: str) -> float | None:
    """Return a date, a time or both as a number to compare; nothing where a text is none of them."""
    day = _day(text)
    found = float(day) * DAY_S if day is not None else _instant(text, zoned=False)
    return _clock(text, zoned=False) if found is None else found


def _duration(text: str) -> bool:
    """Tell whether a text is a duration: weeks alone, or amounts from years to seconds, each smaller than the last."""
    days, apart, hours = text[1:].partition("T")
    if not text.startswith("P") or not (days or hours) or (apart and not hours):
        return False
    return (_in_order(days, "W") and not apart) or (_in_order(days, "YMD") and _in_order(hours, "HMS"))


def _in_order(text: str, units: str) -> bool:
    amounts = _AMOUNT.findall(text)
    places = [units.find(unit) for _, unit in amounts]
    is_all = "".join(number + unit for number, unit in amounts) == text
    return is_all and -1 not in places and places == sorted(set(places))


def _ip(kind: Callable[[str], object]) -> Format:
    def fits(text: str) -> bool:
        try:
            return text.isascii() and "%" not in text and bool(kind(text))
        except ValueError:
            return False

    return fits


def _regex(text: str) -> bool:
    """Tell whether JavaScript takes a pattern."""
    try:
        return bool(unicode_pattern(text))
    except ForeignError:
        return True
    except (re.error, RecursionError):
        return False


def _uuid(text: str) -> bool:
    import uuid

    written = text.lower().removeprefix("urn:uuid:")
    try:
        return str(uuid.UUID(written)) == written
    except ValueError:
        return False


def _byte(text: str) -> bool:
    import base64

    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return len(text) % 4 == 0


def _pointer(text: str) -> bool:
    """Tell whether a text is a JSON pointer (RFC 6901): a tilde stands for itself or a slash, by a number behind it."""
    return not text or (text[0] == "/" and all(part[:1] in ("0", "1") for part in text.split("~")[1:]))


def _fragment_pointer(text: str) -> bool:
    return text.startswith("#") and _pointer(text[1:]) and is_spelt(text[1:], PATH_LETTERS)


def _relative_pointer(text: str) -> bool:
    behind = text.lstrip("0123456789")
    steps = text[: len(text) - len(behind)]
    return steps != "" and (steps == "0" or steps[0] != "0") and (behind == "#" or _pointer(behind))


def _template(text: str) -> bool:
    """Tell whether a text is a template of addresses (RFC 6570): letters as they are, and expressions in braces."""
    parts = re.split(r"\{([^{}]*)\}", text)
    plain = all(not _UNPLAIN.search(part) and is_spelt(part, set(part)) for part in parts[::2])
    return plain and all(map(_expression, parts[1::2]))


_UNPLAIN = re.compile("[\\x00- \"'<>\\\\^`{|}]")


def _expression(text: str) -> bool:
    variables = text[1:] if text[:1] and text[0] in "+#./;?&=,!@|" else text
    return all(map(_variable, variables.split(",")))


def _variable(text: str) -> bool:
    name, colon, length = text.removesuffix("*").partition(":")
    fits = length.isascii() and length.isdigit() and length[0] != "0" and len(length) <= 4 and text[-1] != "*"
    return name != "" and is_spelt(name, _NAME_LETTERS) and (fits or not colon)


_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

FORMATS: dict[str, Format] = {
    "byte": _byte,
    "date": lambda text: _day(text) is not None,
    "date-time": lambda text: _instant(text, zoned=True) is not None,
    "duration": _duration,
    "email": is_mail_address,
    "hostname": is_hostname,
    "ipv4": _ip(ipaddress.IPv4Address),
    "ipv6": _ip(ipaddress.IPv6Address),
    "iso-date-time": lambda text: _instant(text, zoned=False) is not None,
    "iso-time": lambda text: _clock(text, zoned=False) is not None,
    "json-pointer": _pointer,
    "json-pointer-uri-fragment": _fragment_pointer,
    "regex": _regex,
    "relative-json-pointer": _relative_pointer,
    "time": lambda text: _clock(text, zoned=True) is not None,
    "uri": is_uri,
    "uri-reference": is_reference,
    "uri-template": _template,
    "url": is_url,
    "uuid": _uuid,
}
UNCHECKED = frozenset({"binary", "double", "float", "password"})
INTEGERS = {"int32": (-(2**31), 2**31 - 1), "int64": (None, None)}
ORDERED = frozenset({"date", "date-time", "iso-date-time", "iso-time", "time"})
