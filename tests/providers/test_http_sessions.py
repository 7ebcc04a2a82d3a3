"""`config.session`: sessions that an endpoint opens and closes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.suites import Evaluate, asked
from tests.providers.service import Service


def session(service: Service, **more: Any) -> dict[str, Any]:
    """Make a suite of three turns of one conversation, and one test of its own, with a session each."""
    told = {"url": service.url + "/open", "responseParser": "data.body.id", "close": "/open/{{sessionId}}", **more}
    config = {"url": service.url + "/say/{{sessionId}}", "body": "{{prompt}}", "session": told}
    suite = asked("a", "b", "c", "d", providers=[{"id": "http", "config": config}])
    for test in suite["tests"][:3]:
        test["metadata"] = {"conversationId": "one"}
    return suite


def test_a_session_is_opened_for_each_conversation_and_closed(evaluate: Evaluate, service: Service) -> None:
    """One request opens the session of a conversation, one closes it; its id is reported and stands in requests."""
    service.will(body={"id": "s1"})
    for word in ("x", "y", "z", ""):
        service.will(body=word)
    service.will(body={"id": 2})
    run = evaluate(session(service), {}, "-j", "1", NO_PROXY="127.0.0.1")

    assert run.outcomes == ["passed"] * 4, run.shown
    assert [f"{each['method']} {each['path']} {each['body']}" for each in service.seen] == [
        "POST /open ",
        "POST /say/s1 a",
        "POST /say/s1 b",
        "POST /say/s1 c",
        "DELETE /open/s1 ",
        "POST /open ",
        "POST /say/2 d",
        "DELETE /open/2 ",
    ]
    assert [row["metadata"]["sessionId"] for row in run.rows] == ["s1", "s1", "s1", "2"]


@pytest.mark.parametrize(
    ("answer", "more", "told"),
    [
        ((500, {}, "down"), {}, "open: HTTP 500 Internal Server Error: down"),
        ((200, {}, {"name": "s1"}), {}, "responseParser found no id in"),
        ((200, {}, {"id": "s1"}), {"responseParser": "data.body.deep.id"}, "TypeError: Cannot read properties"),
    ],
)
def test_a_session_that_does_not_open_is_its_tests_error(
    evaluate: Evaluate, service: Service, answer: tuple[int, dict[str, str], Any], more: dict[str, str], told: str
) -> None:
    """A session endpoint that fails costs those that needed it, with its reason."""
    service.answers.append(answer)
    suite = session(service, **more)
    run = evaluate({**suite, "tests": suite["tests"][3:]}, {}, NO_PROXY="127.0.0.1")

    assert run.outcomes == ["error"]
    assert told in run.rows[0]["error"]


def test_a_session_without_an_id_is_closed_where_that_needs_none(evaluate: Evaluate, service: Service) -> None:
    """What was opened is closed all the same, or the error says that it may be left."""
    for close, told in (("/open/mine", ""), ("/open/{{sessionId}}", "may be left at the service: closing it needs")):
        service.will(body={"name": "s1"})
        suite = session(service, close=close)
        run = evaluate({**suite, "tests": suite["tests"][3:]}, {}, NO_PROXY="127.0.0.1")
        assert "responseParser found no id in" in run.rows[0]["error"]
        assert told in run.rows[0]["error"]

    assert [f"{each['method']} {each['path']}" for each in service.seen] == [
        "POST /open",
        "DELETE /open/mine",
        "POST /open",
    ]


def test_a_session_is_closed_when_the_run_is_killed(service: Service, tmp_path: Path) -> None:
    """A run that is killed in the middle of a turn leaves no session open; its ledger holds no header's credential."""
    service.will(body={"id": "s1"})
    suite = session(service, headers={"X-Service-Key": "k-51"})
    suite["providers"][0]["config"]["method"] = service.held = "PUT"
    (tmp_path / "promptfooconfig.yaml").write_text(json.dumps(suite))
    environ = {**os.environ, "SOJOURN_HOME": str(tmp_path / "home"), "NO_PROXY": "127.0.0.1"}
    run = subprocess.Popen([sys.executable, "-m", "sojourn", "eval", "-j", "1"], cwd=tmp_path, env=environ)
    try:
        service.wait_for("PUT")
        (ledger,) = (tmp_path / "home").rglob("ledger.jsonl")
        written = ledger.read_text()
    finally:
        run.kill()
        run.wait()
    service.wait_for("DELETE")

    assert service.seen[-1]["path"] == "/open/s1"
    assert service.seen[-1]["headers"]["x-service-key"] == "k-51"
    assert '"id": "s1"' in written
    assert "k-51" not in written
    with service.change:
        service.held = None
        service.change.notify_all()


def test_a_session_needs_an_address_and_a_parser(evaluate: Evaluate, service: Service) -> None:
    """What is missing is named before anything is sent."""
    suite = session(service)
    del suite["providers"][0]["config"]["session"]["responseParser"]
    run = evaluate(suite, {})

    assert (run.code, service.seen) == (1, [])
    assert "the session of 'http' needs a responseParser" in run.shown
