"""What a request of the HTTP provider proves itself with: `auth`, and `tls` certificates."""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sojourn.errors import ProviderError
from sojourn.protocols import Question, Tools
from sojourn.providers.expressions import Expression
from sojourn.providers.request_body import Fill
from sojourn.providers.sending import Outgoing, Sender, SendingError, refusal

if TYPE_CHECKING:  # start-up need not wait for it
    import ssl

EARLY = 60.0
"""Seconds before its end at which a token is renewed."""

TYPES = ("oauth", "basic", "bearer", "api_key", "file")


class Credentials:
    """`auth` of a provider: headers, query parameters and variables for each request; a token is kept for its time."""

    def __init__(self, auth: Mapping[str, Any], tools: Tools, base: str) -> None:
        self._auth = auth
        self._type = auth.get("type") or ("oauth" if auth.get("tokenUrl") else "")
        if self._type not in TYPES:
            raise ProviderError(f"auth.type must be one of {', '.join(TYPES)}, not {self._type!r}")
        self._file = Expression("auth.path", auth.get("path"), "request", tools, base) if self._type == "file" else None
        self._fetching = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def prepare(self, fill: Fill, sender: Sender) -> dict[str, Any]:
        """Fetch a token where one is needed; returns the variables that it gives to templates."""
        if self._type not in ("oauth", "file"):
            return {}
        async with self._fetching:  # all who come meanwhile have the same token
            if not self._token or time.time() >= self._until:
                told = await (self._file({}) if self._file else self._fetched(fill, sender))
                self._token, self._until = _read(told)
        return {"token": self._token, "expiration": int(self._until * 1000)} if self._type == "file" else {}

    def headers(self, fill: Fill) -> dict[str, str]:
        """Return the headers, in lower case."""

        def said(key: str) -> str:
            return fill(str(self._auth.get(key) or ""))

        if self._type == "file":
            return {}
        if self._type == "basic":
            pair = f"{said('username')}:{said('password')}".encode()
            return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
        if self._type == "api_key":
            return {} if self._auth.get("placement") == "query" else {said("keyName").lower(): said("value")}
        return {"authorization": f"Bearer {said('token') if self._type == 'bearer' else self._token}"}

    def query(self, fill: Fill) -> dict[str, str]:
        """Return the query parameters."""
        if self._type != "api_key" or self._auth.get("placement") != "query":
            return {}
        return {fill(str(self._auth.get("keyName"))): fill(str(self._auth.get("value")))}

    async def _fetched(self, fill: Fill, sender: Sender) -> Any:
        """Ask the authorization service for a token (RFC 6749, sections 4.3 and 4.4); raises SendingError."""
        auth = self._auth
        grant = auth.get("grantType") or "client_credentials"
        fields = {"grant_type": grant, "client_id": auth.get("clientId"), "client_secret": auth.get("clientSecret")}
        if grant == "password":
            fields |= {"username": auth.get("username"), "password": auth.get("password")}
        if auth.get("scopes"):
            fields["scope"] = " ".join(auth["scopes"])
        body = urlencode({key: fill(str(value)) for key, value in fields.items() if value})
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        request = Outgoing(method="POST", url=fill(str(auth.get("tokenUrl") or "")), headers=headers, content=body)
        answer = await sender.send(request, Question(prompt="", context={}))
        if answer.is_error:
            raise SendingError(f"no token: {refusal(answer)}")
        try:
            return answer.json()
        except ValueError as error:
            raise SendingError(f"no token: the authorization service answered {answer.text[:200]!r}") from error


def _read(told: Any) -> tuple[str, float]:
    token = told.get("access_token") or told.get("token") if isinstance(told, Mapping) else None
    if not token:
        raise SendingError("no token: the answer has no access_token (or token)")
    if told.get("expiration"):
        return str(token), float(told["expiration"]) / 1000
    return str(token), time.time() + max(0.0, float(told.get("expires_in") or 3600) - EARLY)


def certificates(tls: Mapping[str, Any] | None, base: str) -> Any:
    """Return what httpx2 verifies with: certificates of the suite's own, or whether any are looked at."""
    if not tls:
        return True
    import ssl

    if tls.get("pfx") or tls.get("pfxPath"):
        todo = "give certPath and keyPath in PEM: openssl pkcs12 -in client.pfx -out client.pem -nodes"
        raise ProviderError("tls: pfx is not read", todo=todo)
    try:
        authority = _text(tls, "ca")
        context = ssl.create_default_context(
            cafile=None if authority else _path(tls.get("caPath"), base), cadata=authority or None
        )
        if tls.get("certPath") or tls.get("cert"):
            _prove(context, tls, base)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ProviderError(f"tls: the certificates cannot be used: {error}") from error
    if tls.get("rejectUnauthorized") is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _prove(context: ssl.SSLContext, tls: Mapping[str, Any], base: str) -> None:
    """Load the client's certificate and key, from files or as they stand in the configuration."""
    with tempfile.TemporaryDirectory() as folder:  # the library reads them from files only, and at once

        def named(key: str) -> str | None:
            text = _text(tls, key)
            if not text:
                return _path(tls.get(f"{key}Path"), base)
            Path(folder, key).touch(mode=0o600)
            Path(folder, key).write_text(text, encoding="utf-8")
            return str(Path(folder, key))

        context.load_cert_chain(named("cert") or "", named("key"), tls.get("passphrase"))


def _text(tls: Mapping[str, Any], key: str) -> str:
    """Return what stands in the configuration itself, or was read for it where it says `file://`; else nothing."""
    said = tls.get(key)
    path = str(tls.get(f"{key}Path") or "")
    if said:
        return "\n".join(map(str, said)) if isinstance(said, list) else str(said)
    return path if path.startswith("-----BEGIN") else ""


def _path(written: Any, base: str) -> str | None:
    return os.path.join(base, str(written).removeprefix("file://")) if written else None
