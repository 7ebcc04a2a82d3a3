"""Which servers are trusted, by real TLS servers."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sojourn.kinds.http import Http
from sojourn.trust import trust
from tests.providers.service import Service, serving


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    """Let each test read the certificates of its own environment."""
    trust.cache_clear()
    yield
    trust.cache_clear()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Service]:
    """A service that speaks TLS, whose certificate is in `own.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - day).not_valid_after(now + day)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    written = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (tmp_path / "own.pem").write_bytes(written.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "key.pem")
    with serving(context) as started:
        yield started


async def asked(url: str, *, by_environment: bool = True) -> int:
    """Ask with two clients, one after another, and return the last status."""
    for _ in range(2):
        async with httpx2.AsyncClient(verify=trust(by_environment=by_environment), trust_env=False) as client:
            status = (await client.get(url)).status_code
    return status


def test_a_server_is_trusted_by_the_environment(
    guarded: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE says whom to trust where the environment counts, and nobody else is."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    assert asyncio.run(asked(guarded.url)) == 200
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(asked(guarded.url, by_environment=False))


def test_certificates_are_read_only_for_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions of a service without TLS open where no certificate could be read."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

    async def opened() -> None:
        session = Http()
        await session.open({"url": "http://service.test"}, {})
        await session.close()

    asyncio.run(opened())
