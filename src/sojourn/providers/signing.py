"""`signatureAuth` of the HTTP provider: `{{signature}}` and `{{signatureTimestamp}}`, made with a private key."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sojourn.errors import ProviderError
from sojourn.providers.keystores import check_keystore, is_keystore, opened_keystore
from sojourn.providers.request_body import Fill

Render = Callable[[str, Mapping[str, Any]], str]

_VALID_MS = 300_000
_EARLY = 0.1
"""The part of its validity that a signature is renewed before its end."""


class Signing:
    """Signs the time, in the words of the suite's template; a signature is used for as long as it is valid."""

    def __init__(self, said: Mapping[str, Any], base: str, env: Mapping[str, str], render: Render) -> None:
        check_signing(said, base)
        self._said = said
        self._base = base
        self._env = env
        self._render = render
        self._key: Any = None
        self._made: dict[str, Any] = {}

    def variables(self, fill: Fill) -> dict[str, Any]:
        """Return what the templates of a request may use; raises ProviderError where there is no key to sign with."""
        now = int(time.time() * 1000)
        valid = float(self._said.get("signatureValidityMs") or _VALID_MS)
        early = self._said.get("signatureRefreshBufferMs")
        until = self._made.get("signatureTimestamp", 0) + valid - float(valid * _EARLY if early is None else early)
        if now >= until:
            self._key = self._key or private_key(self._said, self._base, self._env, fill)
            self._made = {"signature": self._signed(now), "signatureTimestamp": now}
        return self._made

    def _signed(self, now: int) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

        written = str(self._said.get("signatureDataTemplate") or "{{signatureTimestamp}}")
        data = str(self._render(written, {"signatureTimestamp": now})).replace("\\n", "\n").encode()
        name = str(self._said.get("signatureAlgorithm") or "SHA256").upper().removeprefix("RSA-").replace("-", "")
        digest = getattr(hashes, name, None)
        if digest is None:
            raise ProviderError(f"signatureAuth: the signatureAlgorithm {name!r} is not known", todo="write SHA256")
        if isinstance(self._key, rsa.RSAPrivateKey):
            return base64.b64encode(self._key.sign(data, padding.PKCS1v15(), digest())).decode()
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return base64.b64encode(self._key.sign(data, ec.ECDSA(digest()))).decode()
        raise ProviderError("signatureAuth: the key must be one of RSA or of an elliptic curve")


def check_signing(said: Any, base: str) -> None:
    """Raise ProviderError where no key that can be read is named."""
    if not isinstance(said, Mapping):
        raise ProviderError(f"signatureAuth must be a mapping, not {said!r}")
    if is_keystore(said):
        check_keystore(said, base)
    elif not any(said.get(key) for key in (*_PEM, *_PFX)):
        raise ProviderError("signatureAuth needs a key", todo="write privateKeyPath: key.pem")


_PEM = ("privateKey", "privateKeyPath", "certificateContent", "keyPath", "keyContent")
_PFX = ("pfxPath", "pfxContent")


def private_key(said: Mapping[str, Any], base: str, env: Mapping[str, str], fill: Fill) -> Any:
    """Return the private key that a configuration names, from a PEM, a PFX or a keystore; raises ProviderError."""
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise ProviderError("signatures need a library", todo="pip install 'sojourn[signature]'") from None
    try:
        if is_keystore(said):
            return opened_keystore(said, base, env)[0]
        if (said.get("type") == "pfx" and said.get("certificateContent")) or any(said.get(key) for key in _PFX):
            return opened_pfx(said, base, env)[0]
        path = str(said.get("privateKeyPath") or said.get("keyPath") or "")
        text = said.get("privateKey") or (path if path.startswith("-----BEGIN") else "")  # `file://` has been read
        if text:
            return serialization.load_pem_private_key(fill(str(text)).encode(), None)
        content = said.get("certificateContent") or said.get("keyContent")
        data = Path(base, path).read_bytes() if path else base64.b64decode(str(content))
        return serialization.load_pem_private_key(data, None)
    except (OSError, ValueError, TypeError) as error:
        raise ProviderError(f"signatureAuth: the key cannot be read: {error}") from error


def opened_pfx(said: Mapping[str, Any], base: str, env: Mapping[str, str]) -> tuple[Any, Any, list[Any]]:
    """Return the key, its certificate and those that vouch for it, of a PFX; raises OSError or ValueError."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    content = said.get("pfxContent") or said.get("certificateContent")
    path = os.path.join(base, str(said.get("pfxPath") or "").removeprefix("file://"))
    data = base64.b64decode(str(content)) if content else Path(path).read_bytes()
    password = said.get("pfxPassword") or said.get("certificatePassword") or env.get("PROMPTFOO_PFX_PASSWORD") or ""
    key, certificate, others = pkcs12.load_key_and_certificates(data, str(password).encode() or None)
    if key is None:
        raise ValueError("there is no private key in the PFX")
    return key, certificate, others
