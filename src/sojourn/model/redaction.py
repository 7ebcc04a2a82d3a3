"""Keeps credentials out of what is written down.

A value is a secret when its key says so; what stands in free text cannot be known and is left alone.
"""

from __future__ import annotations

import functools
import json
import math
import operator
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

REDACTED = "[REDACTED]"

SECRETS = frozenset(
    {
        "accesstoken",
        "apikey",
        "apitoken",
        "auth",
        "authorization",
        "authtoken",
        "bearer",
        "bearertoken",
        "certkey",
        "clientsecret",
        "codeverifier",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "csrftoken",
        "encryptionkey",
        "idtoken",
        "jwt",
        "keystorepassword",
        "passphrase",
        "passwd",
        "password",
        "pfxpassword",
        "privatekey",
        "proxyauthorization",
        "pwd",
        "refreshtoken",
        "secret",
        "secretkey",
        "secrets",
        "sessiontoken",
        "setcookie",
        "sig",
        "signature",
        "signingkey",
        "sslpassword",
        "subjecttoken",
        "token",
        "webhooksecret",
        "xapikey",
        "xauthtoken",
    }
)

IDENTITIES = frozenset({"session", "sessionid"})
"""No secrets, but blanked in a row's `vars`, where promptfoo blanks them; the metadata names the session."""

ADDRESSES = frozenset({"connectionstring", "dsn", "endpoint", "httpproxy", "httpsproxy", "proxy"})
"""What stands there says how to reach something, and may hold a password, or a secret in its query.

Only that is blanked; so with URLs.
"""

_PASSWORD = re.compile(r"(://[^/?#@:\s]*:)[^/?#\s]+(?=@)|(password=)(?:'(?:[^'\\]|\\.)*'|\S+)")
_QUERY = re.compile(r"([?&]([^=&#\s]+)=)([^&#\s]+)")
_VARS = SECRETS | IDENTITIES
_PLAIN = frozenset({str, int, float, bool, type(None)})
_JSON = ("{", "[")
_HALVES = re.compile("[\ud800-\udfff]")
_DROPPED = str.maketrans("", "", "-_ =")


@functools.lru_cache(maxsize=8192)
def _normal(key: object) -> str:
    return str(key).lower().translate(_DROPPED)


@functools.lru_cache(maxsize=8192)
def _is_address(key: object) -> bool:
    name = _normal(key)
    return name in ADDRESSES or name.endswith(("url", "uri"))


def _without_password(address: str) -> str:
    clean = _PASSWORD.sub(lambda match: f"{match[1] or match[2]}{REDACTED}", address)
    return _QUERY.sub(_parameter, clean) if "?" in clean else clean


def _parameter(match: re.Match[str]) -> str:
    return f"{match[1]}{REDACTED}" if is_secret(unquote(match[2])) and "{{" not in match[3] else match[0]


def is_secret(key: object) -> bool:
    """Whether what stands under this key is a secret."""
    return _normal(key) in SECRETS


def password_of(address: str) -> str:
    """Return the password in an address, or an empty string."""
    found = _PASSWORD.search(address)
    return unquote(found[0][len(found[1] or found[2]) :].strip("'")) if found else ""


def redacted(value: Any, names: frozenset[str] = SECRETS) -> Any:
    """Return the value with everything under a secret's key blanked; what holds no secret is returned as it is."""
    if isinstance(value, dict):
        return _mapping(value, names) if value else value
    if isinstance(value, (list, tuple)):
        items = [redacted(item, names) for item in value]
        return items if any(map(operator.is_not, items, value)) else value
    return _mapping(value, names) if isinstance(value, Mapping) else value


def redacted_vars(variables: Mapping[str, Any]) -> Any:
    """Return a row's `vars` with secrets and session identities blanked, in JSON texts too."""
    if any(isinstance(value, str) and value.lstrip().startswith(_JSON) for value in variables.values()):
        variables = {key: redacted_text(value, _VARS) for key, value in variables.items()}
    return redacted(variables, _VARS)


def redacted_text(value: Any, names: frozenset[str] = SECRETS) -> Any:
    """Return a text that is a JSON object or list with its secrets blanked, written compactly; all else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(_JSON):
        return value
    try:
        known = json.loads(value, parse_float=_number, parse_int=_number, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return value
    text = json.dumps(redacted(known, names), ensure_ascii=False, separators=(",", ":"))
    return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def quoted(text: str, most: int) -> str:
    """Return the beginning of what a service said, for a message: with its secrets blanked where it is JSON."""
    if text.lstrip().startswith(_JSON):
        try:
            known = json.loads(text)
        except (ValueError, RecursionError):
            return text[:most]
        clean = redacted(known)
        text = text if clean is known else json.dumps(clean, ensure_ascii=False)
    return text[:most]


def _number(digits: str) -> float | None:
    """Read a number as JavaScript writes it: 36.0 is 36, long ones lose digits, endless ones are null."""
    value = float(digits)
    if not math.isfinite(value):
        return None
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < 1e21 else value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _mapping(value: Mapping[Any, Any], names: frozenset[str]) -> Any:
    changes: dict[Any, Any] = {}
    notable = _notable(tuple(value), names)
    for key in notable:
        item = value[key]
        clean = item if item is None else REDACTED if _normal(key) in names else _clean_address(item)
        if clean is not item:
            changes[key] = clean
    for key, item in value.items():
        if type(item) not in _PLAIN and key not in changes:
            new = redacted(item, names)
            if new is not item:
                changes[key] = new
    return {**value, **changes} if changes else value


@functools.lru_cache(maxsize=2048)
def _notable(keys: tuple[object, ...], names: frozenset[str]) -> tuple[object, ...]:
    """Return the keys under which a secret or an address stands; the rows of a run have few sets of keys."""
    return tuple(key for key in keys if _normal(key) in names or _is_address(key))


def _clean_address(item: Any) -> Any:
    if not isinstance(item, str):
        return item
    clean = _without_password(item)
    return item if clean == item else clean
