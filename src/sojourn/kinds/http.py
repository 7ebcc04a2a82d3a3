"""`kind: http`: a thread on a service: a request opens it, its answer says which it is, a request closes it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from sojourn.kinds.parents import told
from sojourn.kinds.proxies import reached
from sojourn.model.redaction import quoted

GONE = (404, 410)
MOST_SHOWN = 500
PLAIN = frozenset({"accept", "accept-language", "content-type", "if-match", "prefer", "user-agent"})
"""Headers whose values are no credentials."""

BLANKED = "[REDACTED]"
REQUEST = {"path": str, "method": str, "body": (), "headers": dict}
_PLACE = re.compile(r"\{(\w+)\}")


class Http:
    """`client` is an `httpx2.AsyncClient` with the service's `url`, headers and cookies; `fields` what opening told."""

    keys: ClassVar[dict[str, Any]] = {
        "url": str,
        "open": (str, REQUEST),
        "fields": dict,
        "headers": dict,
        "token_env": str,
        "check": (str, REQUEST),
        "reset": (str, REQUEST),
        "close": (str, REQUEST),
        "timeout": float,
    }
    only_with: ClassVar[dict[str, str]] = {"check": "check", "reset": "reset"}

    async def open(self, config: dict[str, Any], parents: dict[str, Any]) -> None:
        """Send the opening request, and read the fields from its answer."""
        self.url = told(config, "url", parents)
        self._config = config = {**config, "url": self.url}
        self.fields: dict[str, Any] = {}
        self.client = _client(config)
        try:
            if config.get("open"):
                await self._read(await self._send("open", "POST"))
        except BaseException:
            await self.client.aclose()
            raise
        kept = {key: config[key] for key in ("url", "token_env") if config.get(key)}
        if config.get("close"):
            kept["close"] = _apart(config["close"])
        self.handle = {**self.fields, "url": config["url"], "reclaim": kept}

    async def _read(self, answer: Any) -> None:
        """Read the fields; where one is missing, close what has been opened by those that are there."""
        missing: dict[str, Exception] = {}
        for name, path in (self._config.get("fields") or {"id": "body.id"}).items():
            try:
                self.fields[name] = _found(answer, path)
            except (LookupError, ValueError) as error:
                missing[name] = error
        if missing:
            first = next(iter(missing.values()))
            raise type(first)(f"{first}{await self._undone(missing)}")

    async def _undone(self, missing: Collection[str]) -> str:
        """Close a session that is not whole; returns what of it may be left."""
        wanted = set(_PLACE.findall(json.dumps(self._config.get("close") or "")))
        if not self._config.get("close"):
            return ""
        if wanted & set(missing):
            return (
                f"; what it opened may be left at the service: close needs {', '.join(sorted(wanted & set(missing)))}"
            )
        try:
            await self._send("close", "DELETE", gone_is_right=True)
        except Exception as error:  # noqa: BLE001  the missing field is the cause, and this is said with it
            return f"; what it opened may be left at the service: {error}"
        return ""

    async def _send(self, what: str, method: str, *, gone_is_right: bool = False) -> Any:
        return await _send(self.client, what, method, self._config[what], self.fields, gone_is_right=gone_is_right)

    async def request(self, method: str, url: str, **more: Any) -> Any:
        """Send a request; `{id}` and other fields in its URL are filled in. An answer of 400 or more raises."""
        answer = await self.client.request(method, _filled(url, self.fields), **more)
        return _checked(f"{method} {url}", answer)

    async def look(self, expression: str) -> Any:
        """Return what a GET of a path of the service answers: JSON where it is, else text."""
        return _body(await self.request("GET", expression))

    async def check(self) -> bool:
        """Send the checking request; any failure makes the session unsound."""
        await self._send("check", "GET")
        return True

    async def reset(self) -> None:
        """Send the request that makes the thread as new."""
        await self._send("reset", "POST")

    async def attach(self, handle: dict[str, Any], config: dict[str, Any]) -> None:
        """Use a thread that another process closes. Cookies that its opening got are that process's own."""
        self.url = handle["url"]
        self._config = {**config, "url": self.url}
        self.fields = {name: value for name, value in handle.items() if name not in ("url", "reclaim")}
        self.client, self.handle = _client(self._config), handle

    async def close(self) -> None:
        """Send the closing request; a thread that is gone already is closed."""
        try:
            if self._config.get("close"):
                await self._send("close", "DELETE", gone_is_right=True)
        finally:
            await self.client.aclose()

    async def reclaim(self, handle: Any) -> None:
        """Send the closing request of a session whose process is gone; one that never opened has none.

        The ledger has no credentials: a request that needs another than the token of `token_env` cannot be sent.
        """
        kept = (handle or {}).get("reclaim") or {}
        if kept.get("close"):
            request = _together(kept["close"], handle)
            if BLANKED in json.dumps([kept["url"], request]):
                why = "its closing request needs a credential, which is not kept; token_env is read again"
                raise LookupError(f"it may be left at {kept['url']}: {why}")
            async with _client(kept) as client:
                await _send(client, "close", "DELETE", request, {}, gone_is_right=True)


def _apart(request: Any) -> Any:
    """Return a request as a handle has it: headers that may be credentials under a name that no ledger writes down."""
    headers = {} if isinstance(request, str) else request.get("headers") or {}
    secrets = {name: value for name, value in headers.items() if name.lower() not in PLAIN}
    if not secrets:
        return request
    return {**request, "headers": {k: v for k, v in headers.items() if k not in secrets}, "secrets": secrets}


def _together(kept: Any, fields: Mapping[str, Any]) -> Any:
    """Return a request as it is sent, from what a handle has of it."""
    if isinstance(kept, str):
        return _filled(kept, fields)
    request = {key: value for key, value in kept.items() if key != "secrets"}
    secrets = kept.get("secrets") or {}
    known = {**(request.get("headers") or {}), **(secrets if isinstance(secrets, dict) else {"": secrets})}
    return _filled({**request, "headers": known}, fields)


def _client(config: Mapping[str, Any]) -> Any:
    import httpx2

    headers = dict(config.get("headers") or {})
    if config.get("token_env"):
        token = os.environ.get(config["token_env"])
        if not token:
            raise LookupError(f"the variable {config['token_env']}, which holds the token, is not set")
        headers["Authorization"] = f"Bearer {token}"
    timeout = float(config.get("timeout") or 30)
    known: dict[str, Any] = {"headers": headers, "timeout": timeout, **reached(config["url"])}
    return httpx2.AsyncClient(base_url=config["url"], follow_redirects=True, **known)


async def _send(
    client: Any, what: str, method: str, request: Any, fields: Mapping[str, Any], *, gone_is_right: bool = False
) -> Any:
    """Send a request of the configuration: a path, or a mapping with path, method, body and headers."""
    import httpx2

    request = {"path": request} if isinstance(request, str) else request
    more = {"headers": _filled(request.get("headers"), fields), "json": _filled(request.get("body"), fields)}
    path = _filled(request.get("path", ""), fields)
    try:
        answer = await client.request(request.get("method", method), path, **{k: v for k, v in more.items() if v})
    except httpx2.TransportError as error:
        why = str(error) or type(error).__name__
        raise ConnectionError(f"{client.base_url.join(path)} cannot be reached: {why}") from error
    if gone_is_right and answer.status_code in GONE:
        return answer
    return _checked(what, answer)


def _checked(what: str, answer: Any) -> Any:
    if answer.is_error:
        said = quoted(answer.text, MOST_SHOWN).strip()
        raise ConnectionError(f"{what}: {answer.status_code} {answer.reason_phrase} {said}".strip())
    return answer


def _filled(value: Any, fields: Mapping[str, Any]) -> Any:
    """Fill `{name}` with fields; what is no field stays as it is."""
    if isinstance(value, dict):
        return {key: _filled(item, fields) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, fields) for item in value]
    if not isinstance(value, str):
        return value
    return _PLACE.sub(lambda match: str(fields.get(match[1], match[0])), value)


def _body(answer: Any) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


def _found(answer: Any, path: str) -> Any:
    """Read `body.thread.id`, `header.x-thread` or `cookie.name` from an answer."""
    where, _, name = path.partition(".")
    if where in ("header", "cookie"):
        found = (answer.headers if where == "header" else answer.cookies).get(name)
    elif where == "body":
        found = _body(answer)
        for part in name.split(".") if name else ():
            found = _step(found, part)
    else:
        raise ValueError(f"a field is body.NAME, header.NAME or cookie.NAME, not {path!r}")
    if found is None:
        raise LookupError(f"open answered without {path}: {quoted(answer.text, MOST_SHOWN)}")
    return found


def _step(value: Any, part: str) -> Any:
    if isinstance(value, list) and part.isdigit():
        return value[int(part)] if int(part) < len(value) else None
    return value.get(part) if isinstance(value, dict) else None
