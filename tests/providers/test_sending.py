import datetime as dt
from typing import Any

import pytest

from sojourn.providers.sending import backoff, wait_for
from tests.providers.conftest import Ask
from tests.providers.service import Service
from tests.systems.starting import free_port

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def entry(url: str, **config: Any) -> dict[str, Any]:
    """Make an entry under `providers`."""
    return {"id": url + "/x", "config": config}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again(ask: Ask, service: Service, status: int) -> None:
    """A status that says so is why a request is sent again, when the service wants it."""
    service.will(status, "busy", retry_after="0")
    service.will(200, "done")
    [reply] = ask(entry(service.url), "hello")

    assert (reply.output, len(service.seen)) == ("done", 2)


@pytest.mark.parametrize(("status", "body"), [(500, "429 rate limit"), (200, "error 503: too many requests, timeout")])
def test_words_are_no_reason_to_ask_again(ask: Ask, service: Service, status: int, body: str) -> None:
    """What a message says is an answer, never a reason to send again."""
    service.will(status, body)
    [reply] = ask(entry(service.url), "hello")

    assert (reply.output, len(service.seen)) == (body, 1)


def test_a_service_that_stays_busy_is_an_error(ask: Ask, service: Service) -> None:
    """After maxRetries the last answer is the error."""
    for _ in range(3):
        service.will(429, "busy", retry_after="0")
    [reply] = ask(entry(service.url, maxRetries=2), "hello")

    assert (reply.error, len(service.seen)) == (
        f"HTTP 429 Too Many Requests; it asks to wait 0; after 3 attempts: busy (GET {service.url}/x)",
        3,
    )


def test_a_long_wait_is_not_waited_for(ask: Ask, service: Service) -> None:
    """A service that asks for more than a minute is not asked again; the error says what it asked for."""
    service.will(429, "busy", retry_after="3600")
    [reply] = ask(entry(service.url), "hello")

    assert "it asks to wait 3600" in reply.error
    assert len(service.seen) == 1


@pytest.mark.parametrize(("resend", "sent"), [({}, 1), ({"resend": True}, 2)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_turn_is_not_sent_twice(ask: Ask, service: Service, status: int, resend: dict[str, bool], sent: int) -> None:
    """In a session a turn is sent once, whatever the answer, unless `resend: true` says that it may be twice."""
    service.will(status, "busy", retry_after="0")
    service.will(200, "done")
    [reply] = ask(entry(service.url, **resend), "hello", is_turn=True)

    assert len(service.seen) == sent
    assert bool(reply.error) is (sent == 1)
    why = "not sent again, for a session hears a turn once (resend: true sends it again): busy"
    assert sent == 2 or why in reply.error


@pytest.mark.parametrize(("is_turn", "sent"), [(False, 2), (True, 1)])
def test_a_connection_that_breaks_is_tried_again(ask: Ask, service: Service, *, is_turn: bool, sent: int) -> None:
    """A connection that is reset after the request was sent is tried again, but not for a turn."""
    service.will(0)
    service.will(200, "done")
    [reply] = ask(entry(service.url, maxRetries=1), "hello", is_turn=is_turn)

    assert len(service.seen) == sent
    assert (reply.output == "done") is not is_turn


def test_nobody_there_is_an_error(ask: Ask) -> None:
    """Where nobody listens, the error says where."""
    url = f"http://127.0.0.1:{free_port()}"
    [reply] = ask(entry(url, maxRetries=0), "hello")

    assert f"{url}/x cannot be reached" in reply.error


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        ("-1", 0),
        ("Thu, 01 Jan 2026 00:00:05 GMT", 5),
        ("Thu, 01 Jan 2026 00:00:05 -0000", 5),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("61", None),
        ("Thu, 01 Jan 2026 00:02:00 GMT", None),
        ("nan", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str, seconds: float | None) -> None:
    """Both ways of saying when are understood."""
    assert wait_for(said, 0, NOW) == seconds


@pytest.mark.parametrize("said", [None, "", "soon", "Thu, 99 Jan"])
def test_without_a_word_the_waits_grow(said: str | None) -> None:
    """Where a service says nothing that can be understood, the waits double, up to a minute."""
    waits = [wait_for(said, attempt) or 0 for attempt in range(9)]

    assert all(0.25 * 2**n <= wait <= min(60, 0.5 * 2**n) for n, wait in enumerate(waits[:7]))
    assert max(waits) <= 60
    assert backoff(0) != backoff(0)
