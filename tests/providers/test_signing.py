"""What a request proves itself with, against a real TLS server and with real keys."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from sojourn.errors import ConfigError, ProviderError
from tests.providers.conftest import Ask
from tests.providers.service import Service, serving

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """One key for all: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def written(key: Any) -> str:
    """Return a private key as PEM."""
    return str(key.private_bytes(PEM, PKCS8, serialization.NoEncryption()).decode())


def certificate(key: Any) -> x509.Certificate:
    """Make a certificate for this machine that is its own authority."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("here.test")]
    address = x509.SubjectAlternativeName(names)
    started = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    started = started.serial_number(1).not_valid_before(now - dt.timedelta(days=1))
    started = started.not_valid_after(now + dt.timedelta(days=1)).add_extension(address, critical=False)
    return started.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )


SIGNED = {"headers": {"x-signature": "{{signature}}", "x-time": "{{signatureTimestamp}}"}, "method": "GET"}
TEMPLATE = {"signatureDataTemplate": "app\\n{{ signatureTimestamp }}"}


def entry(service: Service, **signature: Any) -> dict[str, Any]:
    """Make an entry under `providers` that signs the time."""
    return {"id": "http", "config": {"url": service.url, **SIGNED, "signatureAuth": {**TEMPLATE, **signature}}}


def test_a_request_is_signed_with_a_pem_key(ask: Ask, service: Service, key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    """The template with the time in it is signed; for as long as it is valid, one signature is used."""
    (tmp_path / "key.pem").write_text(written(key), encoding="utf-8")
    for told in (
        {"privateKeyPath": "./key.pem"},
        {"type": "pem", "privateKey": "{{key}}"},
        {"type": "pem", "certificateContent": base64.b64encode(written(key).encode()).decode()},
    ):
        ask(entry(service, **told), "one", "two", key=written(key))
    stale = {"privateKeyPath": "key.pem", "signatureAlgorithm": "RSA-SHA512", "signatureValidityMs": 0.001}
    ask(entry(service, **stale), "three")

    sent = [(each["headers"]["x-signature"], each["headers"]["x-time"]) for each in service.seen]
    assert [sent[index] == sent[index + 1] for index in (0, 2, 4)] == [True] * 3
    for digest, (signature, time) in zip([hashes.SHA256()] * 6 + [hashes.SHA512()], sent, strict=True):
        data = f"app\n{time}".encode()
        key.public_key().verify(base64.b64decode(signature), data, padding.PKCS1v15(), digest)


def test_a_pfx_holds_the_key(ask: Ask, service: Service, tmp_path: Path) -> None:
    """A PFX is opened by its password, which may stand in the environment of the provider; a wrong one is an error."""
    key = ec.generate_private_key(ec.SECP256R1())
    sealed = serialization.BestAvailableEncryption(b"open")
    (tmp_path / "key.pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"k", key, certificate(key), None, sealed))
    [given] = ask(entry(service, pfxPath="key.pfx", pfxPassword="open"), "x")
    known = {**entry(service, type="pfx", pfxPath="key.pfx"), "env": {"PROMPTFOO_PFX_PASSWORD": "open"}}
    [from_environment] = ask(known, "x")
    [wrong] = ask(entry(service, pfxPath="key.pfx", pfxPassword="shut"), "x")

    assert not given.error + from_environment.error
    assert "signatureAuth: the key cannot be read" in wrong.error
    for each in service.seen:
        data = f"app\n{each['headers']['x-time']}".encode()
        key.public_key().verify(base64.b64decode(each["headers"]["x-signature"]), data, ec.ECDSA(hashes.SHA256()))


def keystore(folder: Path, kind: str, *aliases: str) -> Path:
    """Make a Java keystore with the JDK's own tool, with a key for each alias."""
    path = folder / f"{kind}.jks"
    for alias in aliases:
        words = f"-genkeypair -keyalg RSA -alias {alias} -dname CN=127.0.0.1 -ext SAN=ip:127.0.0.1,dns:here.test"
        sealed = f"-storetype {kind} -storepass changeit -keypass changeit -keystore"
        subprocess.run(["keytool", *words.split(), *sealed.split(), path], check=True, capture_output=True)
    return path


needs_java = pytest.mark.skipif(shutil.which("keytool") is None, reason="no JDK is installed")


@needs_java
def test_a_java_keystore_holds_the_key(ask: Ask, service: Service, tmp_path: Path) -> None:
    """One that keytool writes today is opened by its password; its first key is the only one that can be named."""
    content = keystore(tmp_path, "PKCS12", "one", "two").read_bytes()
    key = pkcs12.load_pkcs12(content, b"changeit").key
    assert isinstance(key, rsa.RSAPrivateKey)
    encoded = base64.b64encode(content).decode()
    path = {"type": "jks", "keystorePath": "PKCS12.jks"}
    replies = [
        *ask(entry(service, **path, keystorePassword="changeit", keyAlias="ONE"), "x"),
        *ask(entry(service, keystoreContent=encoded, keystorePassword="changeit"), "x"),
        *ask(
            entry(service, certificateContent=encoded, certificateFilename="k.jks", certificatePassword="changeit"), "x"
        ),
        *ask({**entry(service, **path), "env": {"PROMPTFOO_JKS_PASSWORD": "changeit"}}, "x"),
    ]
    [other] = ask(entry(service, **path, keystorePassword="changeit", keyAlias="two"), "x")
    [shut] = ask(entry(service, **path, keystorePassword="wrong"), "x")

    assert [reply.error for reply in replies] == [""] * 4
    for each in service.seen:
        data = f"app\n{each['headers']['x-time']}".encode()
        signature = base64.b64decode(each["headers"]["x-signature"])
        key.public_key().verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    assert "the first key in the Java keystore is 'one', and no other can be reached, so not 'two'" in other.error
    assert "-srckeystore PKCS12.jks" in other.error
    assert "signatureAuth: the key cannot be read" in shut.error


@needs_java
@pytest.mark.parametrize("kind", ["JKS", "JCEKS"])
@pytest.mark.parametrize("block", ["signatureAuth", "tls"])
def test_an_old_java_keystore_is_refused(ask: Ask, service: Service, tmp_path: Path, kind: str, block: str) -> None:
    """The format that keytool wrote before Java 9 is refused by its name before anything runs, with the way out."""
    path = keystore(tmp_path, kind, "one")
    said = {"signatureAuth": {"keystorePath": str(path)}, "tls": {"jksPath": str(path)}}[block]
    todo = f"keytool -importkeystore -srckeystore {path} -destkeystore key.p12 -deststoretype PKCS12 makes a PFX"

    with pytest.raises(ConfigError, match=f"a Java keystore in the old format {kind} is not read.*{re.escape(todo)}"):
        ask({"id": "http", "config": {"url": service.url, **SIGNED, block: said}}, "x")


@needs_java
def test_a_java_keystore_opens_a_connection(ask: Ask, key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    """The certificate and the key in a keystore are what the client shows."""
    content = keystore(tmp_path, "PKCS12", "one").read_bytes()
    shown = pkcs12.load_pkcs12(content, b"changeit").cert
    assert shown is not None
    (tmp_path / "theirs.pem").write_bytes(shown.certificate.public_bytes(PEM))
    (tmp_path / "own.pem").write_bytes(certificate(key).public_bytes(PEM))
    (tmp_path / "key.pem").write_text(written(key), encoding="utf-8")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "theirs.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "key.pem")
    with serving(context) as guarded:
        tls = {"caPath": "own.pem", "jksPath": "PKCS12.jks", "passphrase": "changeit"}
        [reply] = ask({"id": "http", "config": {"url": guarded.url, "tls": tls, "method": "GET", "maxRetries": 0}}, "x")

    assert not reply.error
    assert len(guarded.seen) == 1


@pytest.fixture
def guarded(key: rsa.RSAPrivateKey, tmp_path: Path) -> Iterator[Service]:
    """A service that speaks TLS and lets in who shows a certificate; `own.pem` and `key.pem` are the files."""
    (tmp_path / "own.pem").write_bytes(certificate(key).public_bytes(PEM))
    (tmp_path / "key.pem").write_text(written(key), encoding="utf-8")
    sealed = serialization.BestAvailableEncryption(b"open")
    (tmp_path / "own.pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"k", key, certificate(key), None, sealed))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "own.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "key.pem")
    with serving(context) as started:
        yield started


def _put(value: Any, texts: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_put(each, texts) for each in value]
    return value.format(**texts) if isinstance(value, str) else value


FILES = {"certPath": "own.pem", "keyPath": "file://key.pem"}


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ({"caPath": "file://own.pem", **FILES}, ""),
        ({"ca": ["{own}"], "cert": "{own}", "key": "{key}"}, ""),
        ({"rejectUnauthorized": False, **FILES}, ""),
        ({"caPath": "own.pem", "pfxPath": "own.pfx", "passphrase": "open"}, ""),
        ({"caPath": "own.pem", **FILES, "minVersion": "TLSv1.2", "maxVersion": "TLSv1.3"}, ""),
        ({"caPath": "own.pem", **FILES, "minVersion": "TLSv1.3", "maxVersion": "TLSv1.2"}, "no protocols available"),
        ({"caPath": "own.pem", **FILES, "ciphers": "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384"}, ""),
        ({"caPath": "own.pem", **FILES, "servername": "here.test"}, ""),
        ({"caPath": "own.pem", **FILES, "servername": "there.test"}, "CERTIFICATE_VERIFY_FAILED"),
        (FILES, "CERTIFICATE_VERIFY_FAILED"),
        ({"caPath": "own.pem"}, "cannot be reached"),
    ],
)
def test_both_sides_show_certificates(
    ask: Ask, guarded: Service, tmp_path: Path, tls: dict[str, Any], told: str
) -> None:
    """The suite's authority, certificate and key, in files or as texts, are what the connection is made with."""
    texts = {name: (tmp_path / f"{name}.pem").read_text() for name in ("own", "key")}
    tls = {name: _put(each, texts) for name, each in tls.items()}
    [reply] = ask({"id": "http", "config": {"url": guarded.url, "tls": tls, "method": "GET", "maxRetries": 0}}, "x")

    assert told.lower() in reply.error.lower()
    assert len(guarded.seen) == (0 if told else 1), reply.error


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ({"minVersion": "SSLv3"}, "tls: minVersion must be one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, not 'SSLv3'"),
        ({"pfxPath": "own.pfx", "passphrase": "shut"}, "tls: the certificates cannot be used: "),
        ({"ciphers": "none"}, "tls: the certificates cannot be used: "),
        ("own.pem", "tls must be a mapping, not 'own.pem'"),
    ],
)
@pytest.mark.usefixtures("guarded")
def test_what_makes_no_connection_is_refused(ask: Ask, tls: Any, told: str) -> None:
    """A version that there is not, a passphrase that opens nothing, ciphers that nobody knows."""
    with pytest.raises((ConfigError, ProviderError), match=told):
        ask({"id": "http", "config": {"url": "https://127.0.0.1:9", "tls": tls}}, "x")
