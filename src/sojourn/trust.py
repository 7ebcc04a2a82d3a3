"""Which servers are trusted: the certificates of this machine, read once for all connections, and not before the first.

Reading them takes some 50 ms, which every HTTP client would spend on its own, and most ask no server for `https`.
"""

from __future__ import annotations

import functools
import ssl
from typing import Any, Self


@functools.cache
def trust(*, by_environment: bool = True) -> ssl.SSLContext:
    """Return what an HTTP client verifies servers with; `SSL_CERT_FILE` counts only where the environment does."""
    return _Late(by_environment=by_environment)


class _Late(ssl.SSLContext):
    """What a connection asks for comes from a context that is made when one asks."""

    def __new__(cls, *, by_environment: bool) -> Self:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made._by_environment = by_environment
        return made

    _by_environment: bool

    @functools.cached_property
    def _whole(self) -> ssl.SSLContext:
        import httpx2

        return httpx2.create_ssl_context(trust_env=self._by_environment)

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        self._whole.set_alpn_protocols(alpn_protocols)

    def wrap_bio(self, *args: Any, **more: Any) -> ssl.SSLObject:
        return self._whole.wrap_bio(*args, **more)
