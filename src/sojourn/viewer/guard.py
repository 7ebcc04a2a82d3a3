"""What is answered to whom: only pages of the viewer itself, on this machine, under its own name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Ask = Callable[[Scope, Any, Send], Awaitable[None]]

NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Refuses what another site could have asked for, and forbids pages whatever they do not need.

    A name of another that leads here (DNS rebinding) is not ours, and a page of another site may neither read nor
    embed; it may only link to a page, which the user then looks at.
    """

    def __init__(self, inner: Ask) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        why = refusal(
            scope["method"], scope["path"], {name.decode("latin-1"): value for name, value in scope["headers"]}
        )
        if why:
            await _refuse(send, why)
            return

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        await self._inner(scope, receive, guarded)


def refusal(method: str, path: str, headers: dict[str, bytes]) -> str:
    """Say why a request is not answered, or nothing where it is."""
    host = headers.get("host", b"").decode("latin-1").lower()
    if host.rpartition(":")[0] not in NAMES and host not in NAMES:
        return "this viewer answers to the names of this machine only: http://127.0.0.1"
    if method not in ("GET", "HEAD"):
        return "this viewer only shows: it takes GET"
    origin = headers.get("origin")
    if origin is not None and origin.decode("latin-1").lower() != f"http://{host}":
        return "another site asks"
    site = headers.get("sec-fetch-site", b"none")
    is_link = headers.get("sec-fetch-mode") == b"navigate" and headers.get("sec-fetch-dest") == b"document"
    if site not in (b"same-origin", b"none") and not (is_link and not path.startswith(("/api/", "/static/"))):
        return "another site asks"
    return ""


async def _refuse(send: Send, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"{why}\n".encode()})
