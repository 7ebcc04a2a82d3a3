"""Secrets known by their values: blanked wherever they turn up in what leaves a run, in any writing a log would show.

Which values are secret is told by the names that they have, in the environment and in the configuration. One that is
too short, or a plain word, would blank what only looks like it: it is left alone.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import msgspec
from msgspec import structs

from sojourn.model.plan import Column, Plan, Trial
from sojourn.model.redaction import REDACTED, is_secret, password_of

T = TypeVar("T")

LEAST = 8
"""Characters that a value needs to be told from others' text; a plain word needs twice as many."""

_ENDS = ("password", "passwd", "passphrase", "secret", "apikey", "accesskey", "privatekey", "signingkey", "token")
"""How keys of a configuration end whose values are secrets, however they are written: `db_password`, `X-Api-Key`."""

_NAME = re.compile(
    r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|APIKEY|SSHPASS)$"
    r"|(?:^|_)(?:KEY|TOKEN|CREDENTIALS?|AUTH|AUTHORIZATION|JWT|COOKIE)$|_(?:PWD|PASS|PAT)$"
    r"|(?:^|_)(?:SECRET|PASSWORD|APIKEY|API_KEY)_(?!(?:.*_)?(?:PATH|FILE|DIR|URL|URI|NAME|ID|TYPE|TTL|HOST|SOCK)$)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[a-z_\-./ ]*|[A-Z_\-./ ]*")
"""What may well be text: words without digits and of one case."""
_WHOLE = (Trial, Plan, Column, Enum)
"""What a result points to and does not show."""


class Secrets:
    """Values that nobody may read; `text` and `clean` return what they are given without them."""

    def __init__(self, values: Iterable[str]) -> None:
        parts = {part for value in values for part in (value, *_long_lines(value)) if _tells(part)}
        writings = {each for part in parts for each in _writings(part)}
        self._needles = sorted(writings, key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, self._needles))) if writings else None

    @classmethod
    def of(cls, env: Mapping[str, str], *configs: Any) -> Secrets:
        """Collect the values of an environment and of configurations whose names say that they are secret."""
        named = [value for name, value in env.items() if _NAME.search(name)]
        addresses = (password_of(value) for value in env.values())
        return cls([*named, *filter(None, addresses), *(each for config in configs for each in _configured(config))])

    @property
    def any(self) -> bool:
        """Whether there are secrets at all."""
        return self._found is not None

    def touches(self, text: str) -> bool:
        """Whether a text holds a secret."""
        return any(needle in text for needle in self._needles)

    def text(self, text: str) -> str:
        """Return a text with its secrets blanked."""
        return self._found.sub(REDACTED, text) if self._found is not None and self.touches(text) else text

    def clean(self, value: T) -> T:
        """Return a value, plain data or one of our nouns, with the secrets in it blanked; it is not changed itself."""
        return value if self._found is None else self._cleaned(value)

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            made = {self._cleaned(key): self._cleaned(item) for key, item in value.items()}
            return made if made != value else value
        if isinstance(value, list | tuple):
            return type(value)(self._cleaned(item) for item in value)
        if isinstance(value, _WHOLE):
            return value
        if isinstance(value, msgspec.Struct):
            changes = self._changes(value, value.__struct_fields__)
            return structs.replace(value, **changes) if changes else value
        return value

    def _changes(self, noun: Any, fields: Iterable[str]) -> dict[str, Any]:
        """Return the fields of a noun in which there is a secret, without it."""
        changes = {}
        for name in fields:
            before = getattr(noun, name)
            after = self._cleaned(before)
            if after is not before and after != before:
                changes[name] = after
        return changes


def _names_one(key: object) -> bool:
    """Whether what stands under a configuration's key is a secret, by what the key says or how it ends."""
    return is_secret(key) or re.sub(r"[^a-z]", "", str(key).lower()).endswith(_ENDS)


def _tells(value: str) -> bool:
    """Whether a value can be told from text that says the same by chance; what is still to be filled in is none."""
    if "{{" in value or len(value) < LEAST:
        return False
    return len(value) >= 2 * LEAST or not _PLAIN.fullmatch(value)


def _long_lines(value: str) -> list[str]:
    """Return the lines of a key that has several: each of them tells of it."""
    lines = value.splitlines()
    return [line for line in lines if len(line) >= 2 * LEAST and not line.startswith("-----")] if len(lines) > 1 else []


def _writings(value: str) -> Iterator[str]:
    """Yield a secret as logs and wires write it."""
    raw = value.encode("utf-8", "surrogatepass")
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(json.dumps(value))[3:-3]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    yield from (raw.hex(), raw.hex().upper())
    yield from (each for each in _in_base64(raw) if len(each) >= LEAST)


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield what base64 makes of a secret, also in the middle of other bytes, as in a Basic authorization."""
    for before in range(3):
        whole = (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * before + raw).decode()[(before * 8 + 5) // 6 : whole]


def _configured(config: Any) -> Iterator[str]:
    """Yield the values in a configuration that stand under a secret's key, and the passwords of its addresses."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            if isinstance(value, str):
                yield from [value] if _names_one(key) else filter(None, [password_of(value)])
            else:
                yield from _configured(value)
    elif isinstance(config, list | tuple):
        for item in config:
            yield from _configured(item)


NO_SECRETS = Secrets(())
"""What is used where none are known."""
