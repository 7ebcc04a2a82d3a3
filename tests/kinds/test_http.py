import json
import sys
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked
from tests.systems.starting import HERE, free_port, serving

TOKEN = "tok-8f1d7c"
USE = """
async def use(thread, word):
    answer = await thread.request("POST", "/threads/{id}/words", json={"word": word})
    return answer.json()["found"]
"""
CODE = USE + "async def call_api(p, o, context): return {'output': await use(context['sessions']['it'], p)}\n"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Serve threads over HTTP."""
    port = free_port()
    with serving([sys.executable, str(HERE / "threads.py"), str(port), TOKEN], port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREADS_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def threads(service: str) -> list[str]:
    """Return the threads that are open."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    found: list[str] = json.load(opener.open(f"{service}/threads"))
    return found


def config(service: str, **more: Any) -> dict[str, Any]:
    """Make the configuration of a thread of the service."""
    known = {"url": service, "token_env": "THREADS_TOKEN", "open": "/threads", "fields": {"id": "body.thread.id"}}
    return {**known, "check": "/threads/{id}", "close": "/threads/{id}", **more}


class TestHttp(KindContract):
    kind = "http"
    use = USE
    can = ("check", "reset", "reclaim")
    secret = TOKEN

    @pytest.fixture(autouse=True)
    def _place(self, service: str) -> None:
        self.service = service

    def config(self) -> Mapping[str, Any]:
        return config(self.service, reset={"path": "/threads/{id}", "method": "PUT"})

    def left(self) -> Collection[Any]:
        return threads(self.service)


def suite(service: str, *words: str, **more: Any) -> dict[str, Any]:
    """Make a suite that says words in one thread, or with other entries in its configuration."""
    session = {"kind": "http", "config": config(service, **more)}
    return asked(*words, providers=[{"id": "file://code.py", "sessions": ["it"]}], sessions={"it": session})


@pytest.mark.parametrize("path", ["body.thread.id", "header.x-thread", "cookie.thread"])
def test_fields_are_read_from_body_header_and_cookie(evaluate: Evaluate, service: str, path: str) -> None:
    """Wherever the service says which thread it is, the handle has it."""
    config = suite(service, "a", fields={"id": path})
    config["prompts"] = ["{{sessions.it.id}}"]
    run = evaluate(config, {"code.py": CODE + "async def call_api(prompt, o, c): return {'output': prompt}\n"})

    assert run.code == 0, run.shown
    assert run.outputs[0].startswith("thread-")
    assert threads(service) == []


def test_a_thread_that_is_lost_costs_its_turn(evaluate: Evaluate, service: str) -> None:
    """A 404 on a turn is that trial's error, and the run goes on; that the thread is gone at its end is no fault."""
    code = CODE.replace(
        "return answer", "if word == 'lose': await thread.request('DELETE', '/threads/{id}')\n    return answer"
    )
    config = suite(service, "one", "lose", "three", "four")
    config["sessions"]["it"]["scope"] = "conversation"
    for test, name in zip(config["tests"], "aaab", strict=True):
        test["metadata"] = {"conversationId": name}
    run = evaluate(config, {"code.py": code})

    assert run.outcomes == ["passed", "passed", "error", "passed"]
    assert "404 Not Found" in run.rows[2]["error"]
    assert run.code == 100
    assert threads(service) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"token_env": "NOTHING"}, "the variable NOTHING, which holds the token, is not set"),
        ({"token_env": "HOME"}, "open: 401 Unauthorized"),
        ({"fields": {"id": "body.id"}}, "open answered without body.id"),
        ({"fields": {"id": "thread"}}, "a field is body.NAME, header.NAME or cookie.NAME, not 'thread'"),
        ({"open": {"url": "/threads"}}, "open knows path, method, body and headers, not url"),
        ({"url": "http://127.0.0.1:9"}, "attempts failed"),
    ],
)
def test_an_opening_that_fails_says_why(evaluate: Evaluate, service: str, more: dict[str, Any], told: str) -> None:
    """A service that refuses, answers otherwise or is not there is the trial's error with that cause."""
    run = evaluate(suite(service, "a", **more), {"code.py": CODE})

    assert run.outcomes == ["error"]
    assert told in run.rows[0]["error"]
