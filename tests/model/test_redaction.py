import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.model.redaction import REDACTED, redacted, redacted_vars

KEYS = st.sampled_from(
    ["apiKey", "X-Api-Key", "Authorization", "set-cookie", "client_secret", "user", "n", "sessionId"]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def test_blanks_what_a_credentials_key_holds() -> None:
    """A value under a key that names a credential is blanked, however the key is spelt and however deep it stands."""
    value = {"api_key": "k", "deep": [{"Set-Cookie": "c", "kept": 1}], "tokens": 3}

    assert redacted(value) == {"api_key": REDACTED, "deep": [{"Set-Cookie": REDACTED, "kept": 1}], "tokens": 3}


def test_blanks_the_password_in_a_databases_address() -> None:
    """Of an address that holds a password everything else stays, in both ways to write one."""
    value = {
        "dsn": "postgresql://ada:pw1@db/shop?x=a@b",
        "database_url": "host=db password=pw2 user=ada",
        "url": "a:b@c",
    }

    assert redacted(value) == {
        "dsn": f"postgresql://ada:{REDACTED}@db/shop?x=a@b",
        "database_url": f"host=db password={REDACTED} user=ada",
        "url": "a:b@c",
    }


@pytest.mark.parametrize("key", ["url", "redisUrl", "DATABASE_URL", "broker_uri", "https-proxy", "endpoint"])
@pytest.mark.parametrize(
    ("address", "clean"),
    [
        ("redis://:pw@h/0", f"redis://:{REDACTED}@h/0"),
        ("redis://ada:p:w@x@h:6379/0?a=b@c", f"redis://ada:{REDACTED}@h:6379/0?a=b@c"),
        ("http://127.0.0.1:80/a:b@c", "http://127.0.0.1:80/a:b@c"),
        ("http://ada@h/x", "http://ada@h/x"),
        ("host=db password='p \\'w' user=ada", f"host=db password={REDACTED} user=ada"),
        (
            "https://h/x?api_key=s&page=2&access-token=t#f",
            f"https://h/x?api_key={REDACTED}&page=2&access-token={REDACTED}#f",
        ),
        ("https://h/x?token={{token}}&tokens=3", "https://h/x?token={{token}}&tokens=3"),
    ],
)
def test_blanks_the_password_in_any_address(key: str, address: str, clean: str) -> None:
    """Whatever is called a URL or the like loses its password, all of it, and nothing else."""
    assert redacted({key: address}) == {key: clean}


def test_does_not_change_what_it_was_given() -> None:
    """The caller's own data stays as it was."""
    value = {"outer": {"password": "p"}}

    redacted(value)

    assert value == {"outer": {"password": "p"}}


def test_hands_back_what_holds_no_secret() -> None:
    """Data without a secret is returned itself, uncopied: most rows hold none."""
    value = {"a": [{"b": 1}]}

    assert redacted(value) is value


def test_session_ids_are_blanked_in_vars_only() -> None:
    """A session's id is no secret, but a row's vars blank it as promptfoo does."""
    assert redacted({"sessionId": "s"}) == {"sessionId": "s"}
    assert redacted_vars({"sessionId": "s", "q": "x"}) == {"sessionId": REDACTED, "q": "x"}


@given(TREES)
def test_is_the_same_when_done_twice(tree: object) -> None:
    """Redacting what is redacted changes nothing."""
    once = redacted(tree)

    assert redacted(once) == once


def test_blanks_the_session_in_a_vars_json() -> None:
    """A var that is JSON loses the session's id as one that stands by itself does, as in promptfoo's results."""
    assert redacted_vars({"r": '{"sessionId": "s", "n": 1}'}) == {"r": f'{{"sessionId":"{REDACTED}","n":1}}'}
