"""What a request of the HTTP provider proves itself with: `auth`."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sojourn.errors import ProviderError
from sojourn.protocols import Question, Tools
from sojourn.providers.expressions import Expression
from sojourn.providers.request_body import Fill
from sojourn.providers.sending import Outgoing, Sender, SendingError, refusal

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
