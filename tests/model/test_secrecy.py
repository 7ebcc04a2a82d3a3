"""Secrets are known by their values, in whatever writing."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.model.result import Phase, Trouble
from sojourn.model.secrecy import Secrets
from tests.conftest import make_trial

KEY = "sk-Tr0ub4dor&3/<x>+é"
SECRETS = Secrets.of({"OPENAI_API_KEY": KEY, "HOME": "/home/somebody", "LANG": "C.UTF-8"})


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        json.dumps(KEY),
        json.dumps(KEY, ensure_ascii=False),
        repr(KEY),
        quote(KEY),
        quote(KEY, safe=""),
        quote_plus(KEY),
        html.escape(KEY),
        KEY.encode().hex(),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(f"u:{KEY}".encode()).decode(),
        base64.urlsafe_b64encode(f"me:{KEY}:x".encode()).decode(),
        f"https://example.test/?key={quote(KEY)}&more=1",
    ],
)
def test_it_is_found_in_every_writing(written: str) -> None:
    """JSON, URLs, HTML, hexadecimals and base64, alone or amid other text: none of it is left to be read."""
    seen = SECRETS.text(f"before {written} after")
    assert "[REDACTED]" in seen
    assert seen.startswith("before ")
    assert seen.endswith(" after")
    assert "Tr0ub4dor" not in seen
    assert base64.b64encode(KEY.encode()).decode()[4:-8] not in seen


@settings(deadline=None)
@given(
    st.text(min_size=8, max_size=40).filter(lambda text: any(map(str.isdigit, text)) and "{{" not in text),
    st.binary(max_size=9),
)
def test_base64_hides_none(secret: str, before: bytes) -> None:
    """Whatever stands before a secret, base64 of both is no way to take it out."""
    try:
        raw = secret.encode()
    except UnicodeEncodeError:
        return
    written = base64.b64encode(before + raw + b"!").decode()
    assert Secrets.of({"MY_TOKEN": secret}).text(written) != written


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", "short"),
        ("PASSWORD", "password"),
        ("HOME", "/home/a-long-place-1"),
        ("TOKEN", "{{ env.OTHER_TOKEN_1 }}"),
        ("TOKENIZERS_PARALLELISM", "false-or-true-1"),
        ("SECRET_FILE", "/run/secrets/one-2-three"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-1234/agent.12"),
        ("PWD", "/tmp/where-1-works"),
        ("TOKEN_BUDGET", "12345678"),
        ("SORT_KEY", "created_at"),
    ],
)
def test_what_only_looks_like_one_is_left_alone(name: str, value: str) -> None:
    """Short values, plain words, paths and what is to be filled in are no secrets: text that says the same stays."""
    assert Secrets.of({name: value}).text(f"it says {value}") == f"it says {value}"


def test_configurations_and_addresses_are_looked_through() -> None:
    """What stands under a secret's key, however deep, and the password of an address are secrets."""
    config = [
        {"config": {"headers": {"Authorization": "Bearer abc-123-xyz"}, "dsn": "postgres://me:p4ss%2Fword@host/db"}}
    ]
    secrets = Secrets.of({"DATABASE_URL": "redis://:hunter22222@host"}, config)
    told = "Bearer abc-123-xyz, p4ss/word, hunter22222, me, host"
    assert secrets.text(told) == "[REDACTED], [REDACTED], [REDACTED], me, host"


@pytest.mark.parametrize("name", ["PGPASSWORD", "SMTP_PASS", "SSHPASS", "GH_PAT", "JWT", "AUTHORIZATION", "MY_COOKIE"])
def test_secrets_have_many_names(name: str) -> None:
    """Names that programs of every day use are known as such."""
    assert Secrets.of({name: "hunter2hunter2"}).text("a hunter2hunter2") == "a [REDACTED]"


@pytest.mark.parametrize("name", ["secretAccessKey", "db_password", "openai_api_key", "X-Goog-Api-Key", "refreshToken"])
def test_keys_have_many_names(name: str) -> None:
    """A configuration's key tells by its end that a value is secret, in any spelling."""
    assert Secrets.of({}, {"deep": [{name: "hunter2hunter2"}]}).text("hunter2hunter2") == "[REDACTED]"


def test_a_key_of_several_lines_is_hidden_line_by_line() -> None:
    """A PEM key is found whole, within JSON within JSON, and by each of its lines."""
    lines = ["MIIEvQIBADANBgkqhkiG9w0", "BAQEFAASCBKcwggSjAgEAAoI"]
    pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"])
    secrets = Secrets.of({"TLS_KEY": pem})
    for written in (pem, json.dumps({"a": json.dumps({"key": pem})}), pem.replace("\n", " ")):
        assert not any(line in secrets.text(written) for line in lines)


def test_our_nouns_are_cleaned_and_not_changed() -> None:
    """A result is made anew without its secrets, in every part that is shown; without any it is the same object."""
    before = make_trial(0, reason=f"because {KEY}", printed=KEY, notes=(Trouble(phase=Phase.AFTER, what=KEY),))
    after = SECRETS.clean(before)
    assert KEY not in repr(after)
    assert KEY in before.reason
    assert SECRETS.clean(make_trial(1)).trial.index == 1
    plain = make_trial(2)
    assert SECRETS.clean(plain) is plain
