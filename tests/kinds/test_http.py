import asyncio
import json
import sys
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from sojourn.kinds.http import Http
from sojourn.model.redaction import redacted
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
        ({"url": "http://127.0.0.1:9"}, "http://127.0.0.1:9/threads cannot be reached: All connection attempts failed"),
    ],
)
def test_an_opening_that_fails_says_why(evaluate: Evaluate, service: str, more: dict[str, Any], told: str) -> None:
    """A service that refuses, answers otherwise or is not there is the trial's error with that cause."""
    run = evaluate(suite(service, "a", **more), {"code.py": CODE})

    assert run.outcomes == ["error"]
    assert told in run.rows[0]["error"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"open": "/tokens"}, "open answered without body.id: "),
        ({"open": "/tokens?status=403"}, "open: 403 Forbidden "),
    ],
)
def test_a_credential_in_an_answer_is_in_no_message(
    evaluate: Evaluate, service: str, more: dict[str, Any], told: str
) -> None:
    """What an answer says under a key that names a credential is blanked where a message quotes it."""
    run = evaluate(suite(service, "a", **{"fields": {"id": "body.id"}, **more}), {"code.py": CODE})

    assert told + '{"user": "ada", "token": "[REDACTED]"}' in run.rows[0]["error"]
    assert "live-3f0a9c" not in run.shown
    assert not [each for each in run.folder.rglob("*") if each.is_file() and b"live-3f0a9c" in each.read_bytes()]


def test_a_closing_that_fails_is_told_with_the_suites_place(evaluate: Evaluate, service: str) -> None:
    """No file of ours is named to who reads it: what is wrong stands in the entry of the session."""
    run = evaluate(suite(service, "a", close="http://127.0.0.1:9/{id}"), {"code.py": CODE})

    assert "could not be closed: CodeError: promptfooconfig.yaml:" in run.shown
    assert "ConnectionError: http://127.0.0.1:9/" in run.shown
    assert "kinds" not in run.shown


def test_a_session_has_the_url_of_its_parent(evaluate: Evaluate, service: str) -> None:
    """A thread that says no url is at the service of the thread that it lives in, also for one that attaches to it."""
    made = suite(service, "a", "b")
    config = {key: value for key, value in made["sessions"]["it"]["config"].items() if key != "url"}
    made["sessions"]["it"] |= {"parent": "outer", "config": config}
    made["sessions"]["outer"] = {"kind": "http", "config": {"url": service}}
    run = evaluate(made, {"code.py": CODE})

    assert run.outputs == ["", "a"]


def test_a_thread_that_lacks_a_field_is_closed(service: str) -> None:
    """An answer without one of the fields is an error, and closing is done with those that were found."""
    before = threads(service)
    fields = {"id": "body.thread.id", "csrf": "header.x-csrf"}
    with pytest.raises(LookupError, match=r"open answered without header\.x-csrf"):
        asyncio.run(Http().open(config(service, fields=fields), {}))

    assert threads(service) == before


def test_a_thread_that_cannot_be_closed_is_said(service: str) -> None:
    """Where closing needs the missing field, the error says that something may be left."""
    before = threads(service)
    with pytest.raises(LookupError, match="may be left at the service: close needs id"):
        asyncio.run(Http().open(config(service, fields={"id": "body.id"}), {}))

    (name,) = set(threads(service)) - set(before)
    asyncio.run(Http().reclaim({"id": name, "reclaim": config(service)}))


@pytest.mark.parametrize(
    "more",
    [
        {"close": {"path": "/threads/{id}", "headers": {"X-Service-Key": "k-51", "Accept": "*/*"}}},
        {"close": {"path": "/threads/{id}", "headers": {"Authorization": "k-51"}}},
        {"close": {"path": "/threads/{id}", "body": {"api_key": "k-51"}}},
    ],
)
def test_credentials_of_the_closing_request_are_in_no_ledger(service: str, more: dict[str, Any]) -> None:
    """What the ledger keeps has none; a reclaim that would need one says so, and one that has all of it works."""

    async def opened() -> Any:
        session = Http()
        await session.open(config(service, **more), {})
        await session.client.aclose()
        return session.handle

    before = threads(service)
    handle = asyncio.run(opened())
    assert "k-51" not in json.dumps(redacted(handle))
    with pytest.raises(LookupError, match="needs a credential, which is not kept"):
        asyncio.run(Http().reclaim(redacted(handle)))
    assert threads(service) == [*before, handle["id"]]

    handle["reclaim"]["close"].get("secrets", {}).pop("Authorization", None)
    asyncio.run(Http().reclaim(handle))
    assert threads(service) == before


def test_an_attached_one_uses_the_others_thread(service: str) -> None:
    """Another process reaches the thread by its handle."""

    async def used() -> Any:
        first, second = Http(), Http()
        await first.open(config(service), {})
        await second.attach(first.handle, config(service))
        sound = await second.check()
        await second.client.aclose()
        await first.close()
        return sound

    assert asyncio.run(used())


LOGIN = "async def login():\n    yield {'token': 'tok-8f1d7c'}\n"


def with_parent(service: str, header: str) -> dict[str, Any]:
    """Make a suite whose thread is opened with a token that its parent has fetched."""
    made = suite(service, "a", "b", headers={"Authorization": header}, token_env=None)
    thread = made["sessions"]["it"]
    thread["config"] = {key: value for key, value in thread["config"].items() if value is not None}
    return {**made, "sessions": {"it": {**thread, "parent": "login"}, "login": {"kind": "file://login.py:login"}}}


def test_a_header_takes_a_token_that_the_parent_has(evaluate: Evaluate, service: str) -> None:
    """What one session has fetched opens another that lives in it, and is in no file."""
    before = threads(service)
    run = evaluate(with_parent(service, "Bearer {login.token}"), {"code.py": CODE, "login.py": LOGIN})
    assert run.outputs == ["", "a"]
    assert threads(service) == before
    written = [each for each in run.folder.rglob("*") if each.is_file() and each.suffix != ".py"]
    assert not [each.name for each in written if TOKEN.encode() in each.read_bytes()]


def test_a_field_that_the_parent_lacks_is_named(evaluate: Evaluate, service: str) -> None:
    """A misspelt field is told with those that there are, and where it stands."""
    run = evaluate(with_parent(service, "Bearer {login.tokn}"), {"code.py": CODE, "login.py": LOGIN})
    [told] = {row["error"] for row in run.rows}
    assert "the session 'login' has no 'tokn'; it has token" in told
    assert "(promptfooconfig.yaml:" in told


def test_a_token_that_a_thread_has_is_in_no_file(evaluate: Evaluate, service: str) -> None:
    """A field whose name says that it is a credential is blanked where a prompt or an answer spells it out."""
    made = suite(service, "a", open="/tokens", fields={"token": "body.token"}, close=None)
    made["sessions"]["it"]["config"].pop("close")
    made["prompts"] = ["I have {{sessions.it.token}}"]
    made["providers"] = [{"id": "echo", "sessions": ["it"]}]
    run = evaluate(made, {})

    assert run.outputs == ["I have [REDACTED]"]
    assert not [each for each in run.folder.rglob("*") if each.is_file() and b"live-3f0a9c" in each.read_bytes()]


@pytest.mark.parametrize("key", ["url", "headers", "queryParams", "body"])
def test_a_provider_cannot_misspell_a_field(evaluate: Evaluate, service: str, key: str) -> None:
    """A field that the session does not have is the trial's error, with those that it has: nothing is sent."""
    slip = f"{service}/{{{{sessions.it.idd}}}}"
    config: dict[str, Any] = {"url": slip if key == "url" else service, "method": "POST"}
    config |= {} if key == "url" else {key: {"X-A": slip}}
    made = suite(service, "a")
    made["providers"] = [{"id": "http", "sessions": ["it"], "config": config}]
    run = evaluate(made, {})

    assert run.outcomes == ["error"]
    assert "the session 'it' has no 'idd'; it has id, url" in run.rows[0]["error"]
