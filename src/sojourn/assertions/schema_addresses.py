"""Addresses that formats of JSON schemas ask for: URIs (RFC 3986), web addresses, hosts and mail addresses."""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Set as AbstractSet

_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)
_UNRESERVED = _ALPHANUMERIC | set("-._~")
_DELIMITERS = frozenset("!$&'()*+,;=")
_HOST = _UNRESERVED | _DELIMITERS
_USER = _HOST | {":"}
PATH = _USER | {"@", "/"}
"""Letters of a path; see `is_spelt`."""
_QUERY = PATH | {"?"}
_ATOM = _ALPHANUMERIC | set("!#$%&'*+-/=?^_`{|}~")
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")
_HEX = frozenset(string.hexdigits)
_WIDE = re.compile("[a-zA-Z0-9\u00a1-\uffff]+")
_WIDE_END = re.compile("[a-zA-Z\u00a1-\uffff]{2,}")
_NOBODYS = tuple(map(ipaddress.IPv4Network, ("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16")))
_NOBODYS += tuple(map(ipaddress.IPv4Network, ("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3")))


def is_spelt(text: str, letters: AbstractSet[str]) -> bool:
    """Tell whether a text is made of these letters, and of bytes written as a percent sign and two digits."""
    first, *coded = text.split("%")
    plain = first + "".join(part[2:] for part in coded)
    return letters >= set(plain) and all(len(part) > 1 and set(part[:2]) <= _HEX for part in coded)


def is_uri(text: str) -> bool:
    """Tell whether a text is an address with a scheme."""
    scheme, _, rest = text.partition(":")
    return bool(_SCHEME.fullmatch(scheme)) and rest[:1] not in ("", "?", "#") and _is_relative(rest)


def is_reference(text: str) -> bool:
    """Tell whether a text is an address, with or without a scheme."""
    return _is_relative(text) or is_uri(text)


def _is_relative(text: str) -> bool:
    rest, _, fragment = text.partition("#")
    path, _, query = rest.partition("?")
    if path.startswith("//"):
        authority, _, path = path[2:].partition("/")
        if not _is_authority(authority):
            return False
    return is_spelt(path, PATH) and is_spelt(query, _QUERY) and is_spelt(fragment, _QUERY)


def _is_authority(text: str) -> bool:
    user, _, place = text.rpartition("@")
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        fits = bracket != "" and _is_literal(host) and port[:1] in ("", ":")
        port = port[1:]
    else:
        host, _, port = place.partition(":")
        fits = is_spelt(host, _HOST)
    return fits and is_spelt(user, _USER) and set(port) <= set(string.digits)


def _is_literal(host: str) -> bool:
    """Tell whether a host in brackets is an address of version 6, or of one to come."""
    version, dot, rest = host[1:].partition(".")
    if host[:1] in ("v", "V"):
        return bool(version and dot and rest) and set(version) <= _HEX and set(rest) <= _USER
    try:
        return "%" not in host and bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def is_url(text: str) -> bool:
    """Tell whether a text is an address in the public web: no name of a single word, no address within a network."""
    scheme, _, rest = text.partition("://")
    authority = rest.partition("/")[0]
    host, colon, port = authority.rpartition("@")[2].partition(":")
    if scheme.lower() not in ("http", "https", "ftp") or re.search(r"\s", rest):
        return False
    fits = not colon or (2 <= len(port) <= 5 and set(port) <= set(string.digits))
    return fits and (_is_public(host) if re.fullmatch("[0-9.]+", host) else _is_named(host))


def _is_public(host: str) -> bool:
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return address.packed[3] not in (0, 255) and not any(address in network for network in _NOBODYS)


def _is_named(host: str) -> bool:
    *names, last = host.split(".")
    words = [word for name in names for word in name.split("-")]
    return bool(words) and all(map(_WIDE.fullmatch, words)) and bool(_WIDE_END.fullmatch(last))


def is_hostname(text: str) -> bool:
    """Tell whether a text is a name of a host (RFC 1123), perhaps with a last dot."""
    name = text.removesuffix(".")
    return len(name) <= 253 and all(len(label) <= 63 and _is_label(label) for label in name.split("."))


def is_mail_address(text: str) -> bool:
    """Tell whether a text is a mail address as people write it: nothing quoted, and a host of two names or more."""
    local, _, host = text.rpartition("@")
    labels = host.split(".")
    atoms = all(atom and set(atom) <= _ATOM for atom in local.split("."))
    return atoms and len(labels) > 1 and all(map(_is_label, labels))


def _is_label(text: str) -> bool:
    return bool(text) and text[0] != "-" != text[-1] and _ALPHANUMERIC | {"-"} >= set(text)
