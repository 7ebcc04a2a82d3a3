"""`tls` of the HTTP provider: the certificates, and how a connection is made with them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sojourn.errors import ProviderError
from sojourn.providers.keystores import check_keystore, is_keystore, opened_keystore
from sojourn.providers.signing import opened_pfx

if TYPE_CHECKING:  # start-up need not wait for it
    import ssl

VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def check_tls(tls: Any, base: str) -> None:
    """Raise ProviderError where no connection could ever be made in this way."""
    if tls is not None and not isinstance(tls, Mapping):
        raise ProviderError(f"tls must be a mapping, not {tls!r}")
    for key in ("minVersion", "maxVersion"):
        said = (tls or {}).get(key)
        if said is not None and said not in VERSIONS:
            raise ProviderError(f"tls: {key} must be one of {', '.join(VERSIONS)}, not {said!r}")
    if tls is not None and is_keystore(tls):
        check_keystore(tls, base)


def certificates(tls: Mapping[str, Any] | None, base: str, env: Mapping[str, str]) -> Any:
    """Return what httpx2 verifies with: certificates of the suite's own, or else those that everybody trusts."""
    if not tls:
        return None
    import ssl

    try:
        authority = _text(tls, "ca")
        context = ssl.create_default_context(
            cafile=None if authority else _path(tls.get("caPath"), base), cadata=authority or None
        )
        _limit(context, tls)
        if is_keystore(tls):
            _prove_by(context, *opened_keystore(tls, base, env))
        elif tls.get("pfx") or tls.get("pfxPath"):
            said = {"pfxPath": tls.get("pfxPath"), "pfxContent": tls.get("pfx"), "pfxPassword": tls.get("passphrase")}
            _prove_by(context, *opened_pfx(said, base, {}))
        elif tls.get("certPath") or tls.get("cert"):
            _prove(context, tls, base)
    except ImportError:
        raise ProviderError(
            "tls: a PFX or a keystore needs a library", todo="pip install 'sojourn[signature]'"
        ) from None
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ProviderError(f"tls: the certificates cannot be used: {error}") from error
    if tls.get("rejectUnauthorized") is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _limit(context: ssl.SSLContext, tls: Mapping[str, Any]) -> None:
    """Set the oldest and the newest version, and the ciphers of those before 1.3: that one's are fixed."""
    import ssl

    for key, attribute in (("minVersion", "minimum_version"), ("maxVersion", "maximum_version")):
        if tls.get(key):
            setattr(context, attribute, ssl.TLSVersion[tls[key].replace(".", "_")])
    ciphers = [name for name in str(tls.get("ciphers") or "").split(":") if name and not name.startswith("TLS_")]
    if ciphers:
        context.set_ciphers(":".join(ciphers))


def _prove(context: ssl.SSLContext, tls: Mapping[str, Any], base: str) -> None:
    """Load the client's certificate and key, from files or as they stand in the configuration."""
    with tempfile.TemporaryDirectory() as folder:  # the library reads them from files only, and at once

        def named(key: str) -> str | None:
            text = _text(tls, key)
            return _kept(folder, key, text.encode()) if text else _path(tls.get(f"{key}Path"), base)

        context.load_cert_chain(named("cert") or "", named("key"), tls.get("passphrase"))


def _prove_by(context: ssl.SSLContext, key: Any, certificate: Any, others: Iterable[Any]) -> None:
    """Load the client's certificate, those that vouch for it, and its key as a PFX or a keystore has them."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if certificate is None:
        raise ValueError("there is no certificate in the PFX")
    with tempfile.TemporaryDirectory() as folder:
        chain = b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *others))
        shown = _kept(folder, "cert", chain)
        held = _kept(folder, "key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        context.load_cert_chain(shown, held)


def _kept(folder: str, name: str, content: bytes) -> str:
    path = Path(folder, name)
    path.touch(mode=0o600)
    path.write_bytes(content)
    return str(path)


def _text(tls: Mapping[str, Any], key: str) -> str:
    """Return what stands in the configuration itself, or was read for it where it says `file://`; else nothing."""
    said = tls.get(key)
    path = str(tls.get(f"{key}Path") or "")
    if said:
        return "\n".join(map(str, said)) if isinstance(said, list) else str(said)
    return path if path.startswith("-----BEGIN") else ""


def _path(written: Any, base: str) -> str | None:
    return os.path.join(base, str(written).removeprefix("file://")) if written else None
