"""Java keystores: those in the format of a PFX, which keytool has written by that name too since Java 9, are opened."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sojourn.errors import ProviderError

_OLD = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}
_CONTENTS = ("keystoreContent", "jksContent")
_PATHS = ("keystorePath", "jksPath")


def is_keystore(said: Mapping[str, Any]) -> bool:
    """Tell whether a configuration names a Java keystore."""
    by_name = str(said.get("certificateFilename") or "").lower().endswith(".jks")
    generic = said.get("type") == "jks" or (by_name and not said.get("type"))
    return generic or any(said.get(key) for key in (*_CONTENTS, *_PATHS))


def check_keystore(said: Mapping[str, Any], base: str) -> None:
    """Raise ProviderError where there is no keystore, or one that is of the old format; it stays closed."""
    try:
        content = _content(said, base)
    except (OSError, ValueError) as error:
        raise ProviderError(f"the Java keystore cannot be read: {error}") from error
    old = _OLD.get(content[:4])
    if old:
        raise ProviderError(
            f"a Java keystore in the old format {old} is not read", todo=f"{_way_out(said)} makes a PFX"
        )


def opened_keystore(said: Mapping[str, Any], base: str, env: Mapping[str, str]) -> tuple[Any, Any, list[Any]]:
    """Return the key, its certificate and those that vouch for it; raises OSError, ValueError, or ProviderError."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    check_keystore(said, base)
    named = [said.get(key) for key in ("keystorePassword", "certificatePassword", "passphrase")]
    password = next(filter(None, named), None) or env.get("PROMPTFOO_JKS_PASSWORD") or ""
    opened = pkcs12.load_pkcs12(_content(said, base), str(password).encode() or None)
    if opened.key is None or opened.cert is None:
        raise ValueError("there is no private key in the Java keystore")
    held = (opened.cert.friendly_name or b"").decode("utf-8", "replace")
    alias = str(said.get("keyAlias") or held)
    if alias.lower() != held.lower():  # as in Java
        what = f"the first key in the Java keystore is {held!r}, and no other can be reached, so not {alias!r}"
        raise ProviderError(what, todo=f"{_way_out(said)} -srcalias {alias} makes a PFX of that one")
    return opened.key, opened.cert.certificate, [each.certificate for each in opened.additional_certs]


def _content(said: Mapping[str, Any], base: str) -> bytes:
    """Return the bytes of the keystore that a configuration names; raises OSError or ValueError."""
    written = next(filter(None, map(said.get, (*_CONTENTS, "certificateContent"))), None)
    if written:
        return base64.b64decode(str(written))
    path = next(filter(None, map(said.get, _PATHS)), None)
    if not path:
        raise ValueError("keystorePath names none")
    return Path(os.path.join(base, str(path).removeprefix("file://"))).read_bytes()


def _way_out(said: Mapping[str, Any]) -> str:
    source = next(filter(None, map(said.get, _PATHS)), "key.jks")
    return f"keytool -importkeystore -srckeystore {source} -destkeystore key.p12 -deststoretype PKCS12"
