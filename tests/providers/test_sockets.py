import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from sojourn.errors import ConfigError
from tests.acceptance.suites import Evaluate, asked
from tests.providers.conftest import Ask
from tests.providers.service import Service

PIECES = """(whole, event) => {
  const { piece } = JSON.parse(event.data);
  return piece === 'end' ? [whole, true] : [{ output: (whole.output || '') + piece }, false];
}"""


class Talk:
    """A WebSocket service: each connection remembers what it heard; `closed` holds what each had heard at its end."""

    def __init__(self) -> None:
        self.url = ""
        self.headers: list[str | None] = []
        self.closed: list[list[str]] = []
        self.change = threading.Condition()

    def serve(self, connection: ServerConnection) -> None:
        """Answer on one connection until it is closed."""
        heard: list[str] = []
        late = ""
        self.headers.append(connection.request.headers.get("x-k") if connection.request else None)
        for message in connection:
            heard.append(str(message))
            if "hang up" in heard[-1]:
                connection.close()
            elif "in pieces" in heard[-1]:
                for piece in ("a", "b", "end"):
                    connection.send(json.dumps({"piece": piece}))
            elif "be late" in heard[-1]:
                late = heard[-1]
            elif "be quiet" not in heard[-1]:
                if late:
                    connection.send(json.dumps({"last": late}))
                connection.send(json.dumps({"count": len(heard), "last": heard[-1]}))
        with self.change:
            self.closed.append(heard)
            self.change.notify_all()

    def ended(self, count: int) -> list[list[str]]:
        """Wait until so many connections have ended; returns what each had heard."""
        with self.change:
            assert self.change.wait_for(lambda: len(self.closed) >= count, timeout=20)
            return self.closed


@pytest.fixture
def talk() -> Iterator[Talk]:
    made = Talk()
    with serve(made.serve, "127.0.0.1", 0) as server:
        made.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def entry(talk: Talk, **config: Any) -> dict[str, Any]:
    """Make an entry under `providers`."""
    return {"id": talk.url, "config": {"messageTemplate": "{{prompt}}", **config}}


def test_a_connection_is_kept_over_a_conversation(evaluate: Evaluate, talk: Talk) -> None:
    """The turns of a conversation have one connection, another conversation another; each is closed with its own."""
    suite = asked("a", "b", "c", "d", providers=[entry(talk, transformResponse="data.count")])
    for test, name in zip(suite["tests"], "xxyx", strict=True):
        test["metadata"] = {"conversationId": name}
    run = evaluate(suite, {}, NO_PROXY="127.0.0.1")

    assert run.outputs == [1, 2, 1, 3], run.shown
    assert sorted(talk.ended(2)) == [["a", "b", "d"], ["c"]]


@pytest.mark.parametrize(
    ("config", "prompt", "output"),
    [
        ({}, "hi", {"count": 1, "last": "hi"}),
        ({"transformResponse": "data.last"}, "hi", "hi"),
        ({"responseParser": "(data) => ({output: data.last})"}, "hi", "hi"),
        ({"transformResponse": "JSON.parse(data.last).p", "messageTemplate": '{"p": "{{prompt}}"}'}, 'a "b"', 'a "b"'),
        ({"streamResponse": PIECES}, "in pieces", "ab"),
    ],
)
def test_messages_are_made_and_read(ask: Ask, talk: Talk, config: dict[str, Any], prompt: str, output: Any) -> None:
    """The message is a template whose JSON no value breaks; the answer is what the expressions make of it."""
    [reply] = ask(entry(talk, **config), prompt)

    assert (reply.error, reply.output) == ("", output)


def test_headers_are_sent(ask: Ask, talk: Talk) -> None:
    """Headers are templates."""
    ask(entry(talk, headers={"x-k": "{{name}}"}), "hi", name="K")

    assert talk.headers == ["K"]


@pytest.mark.parametrize(
    ("config", "prompt", "told"),
    [
        ({}, "hang up", "the connection was closed before an answer came"),
        ({"timeoutMs": 50}, "be quiet", "no answer came within 0.05 s"),
        ({"url": "ws://127.0.0.1:9"}, "hi", "ws://127.0.0.1:9 cannot be reached"),
        ({"transformResponse": "data.no"}, "hi", "the answer has no output"),
        ({"streamResponse": "[1]"}, "hi", "streamResponse must return [accumulator, done]"),
    ],
)
def test_no_answer_is_an_error(ask: Ask, talk: Talk, config: dict[str, Any], prompt: str, told: str) -> None:
    """What kept the answer away is the error."""
    assert told in ask(entry(talk, **config), prompt)[0].error


@pytest.mark.parametrize(("config", "prompt"), [({}, "hang up"), ({"timeoutMs": 50}, "be quiet")])
def test_a_conversation_whose_connection_broke_is_not_begun_anew(
    ask: Ask, talk: Talk, config: dict[str, Any], prompt: str
) -> None:
    """After a turn that lost the connection, the next does not talk to a service that knows nothing of the first."""
    replies = ask(entry(talk, **config), prompt, "and now?")

    assert "the connection of this conversation was closed" in replies[1].error
    assert talk.ended(1) == [[prompt]]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"id": "websocket", "config": {"messageTemplate": "x"}}, "needs an address"),
        ({"id": "ws://x"}, "needs a messageTemplate"),
        ({"id": "webhook:x"}, "has no address"),
    ],
)
def test_what_can_never_be_sent_is_refused(ask: Ask, given: Any, told: str) -> None:
    """Without an address or a message nothing is begun."""
    with pytest.raises(ConfigError, match=told):
        ask(given, "hi")


@pytest.mark.parametrize(
    ("answer", "output", "error"),
    [
        ({"output": "yes"}, "yes", ""),
        ({"no": 1}, None, "the webhook answered without output"),
        ("text", None, "no JSON"),
    ],
)
def test_webhook(ask: Ask, service: Service, answer: Any, output: Any, error: str) -> None:
    """A webhook is sent the prompt and the configuration, and answers with an output."""
    service.will(body=answer)
    [reply] = ask({"id": f"webhook:{service.url}/hook", "config": {"mood": "good"}}, "hi")

    assert service.bodies == [{"prompt": "hi", "config": {"mood": "good"}}]
    assert reply.output == output
    assert error in reply.error


def test_a_late_answer_is_nobody_elses(evaluate: Evaluate, talk: Talk) -> None:
    """A turn that is cut short ends its connection: what is answered to it later is not taken for the next turn's."""
    suite = asked("be late", "next", providers=[entry(talk, transformResponse="data.last")])
    for test in suite["tests"]:
        test["metadata"] = {"conversationId": "x"}
    suite["evaluateOptions"] = {"timeoutMs": 500}
    run = evaluate(suite, {}, NO_PROXY="127.0.0.1")

    assert run.outcomes == ["error", "error"], run.shown
    assert "was closed" in run.rows[1]["error"]


def test_a_grader_keeps_no_connection(evaluate: Evaluate, talk: Talk) -> None:
    """What a grader opened for one question is closed with its answer, before the run is over."""
    grader = entry(talk, transformResponse="({pass: true, score: 1, reason: data.last})")
    suite = asked("a", "b", "c", providers=["echo"])
    suite["defaultTest"] = {"assert": [{"type": "llm-rubric", "value": "fine", "provider": grader}]}
    run = evaluate(suite, {}, NO_PROXY="127.0.0.1")

    assert run.code == 0, run.shown
    assert len(talk.ended(3)) == 3
