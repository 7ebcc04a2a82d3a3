"""How a session reaches its server: by no proxy where that is this machine's own address."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit


def is_here(url: str) -> bool:
    """Tell whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reached(url: str) -> dict[str, Any]:
    """Return what an `httpx2.AsyncClient` has to know for a server at this URL: whether by proxies, and its trust."""
    from sojourn.trust import trust

    by_environment = not is_here(url)
    return {"trust_env": by_environment, "verify": trust(by_environment=by_environment)}
