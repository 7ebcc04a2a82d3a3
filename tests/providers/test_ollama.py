from __future__ import annotations

import json
from typing import Any

import pytest

from sojourn.errors import ConfigError
from sojourn.model.reply import Reply
from tests.acceptance.suites import Evaluate
from tests.providers.conftest import Ask
from tests.providers.service import Service

TEXT = {"model": "m", "response": "hello", "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}
CHAT = {"model": "m", "message": {"role": "assistant", "content": "hello"}, "done": True, "done_reason": "stop"}
TURNS = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


def asked(ask: Ask, service: Service, model: str, answer: Any, prompt: str = "Hello", **config: Any) -> Reply:
    """Ask a model that gives this answer."""
    service.will(body=answer)
    return ask({"id": model, "config": {"apiBaseUrl": service.url, **config}}, prompt)[0]


@pytest.mark.parametrize(
    ("model", "prompt", "config", "sent"),
    [
        ("ollama:m", "Hello", {}, {"prompt": "Hello", "options": {}}),
        ("ollama:llama3.2:1b", "Hello", {"seed": 1}, {"prompt": "Hello", "options": {"seed": 1}}),
        ("ollama:completion:m", json.dumps(TURNS), {}, {"prompt": json.dumps(TURNS), "options": {}}),
        ("ollama:m", json.dumps(TURNS), {}, {"messages": TURNS, "options": {}}),
        (
            "ollama:chat:m",
            "Hello",
            {"num_ctx": 99, "max_tokens": 7, "think": False, "keep_alive": "5m", "passthrough": {"zz": 1}},
            {
                "messages": [{"role": "user", "content": "Hello"}],
                "options": {"num_ctx": 99, "num_predict": 7},
                "think": False,
                "keep_alive": "5m",
                "zz": 1,
            },
        ),
        (
            "ollama:m",
            "Hello",
            {"tools": [TOOL], "num_predict": 3, "max_tokens": 7, "response_format": {"type": "json_object"}},
            {
                "messages": [{"role": "user", "content": "Hello"}],
                "options": {"num_predict": 3},
                "tools": [TOOL],
                "format": "json",
            },
        ),
    ],
)
def test_a_model_is_asked_with_its_options_and_no_others(
    ask: Ask, service: Service, model: str, prompt: str, config: dict[str, Any], sent: dict[str, Any]
) -> None:
    """What the configuration says are Ollama's options; nothing is said of temperature and length otherwise."""
    path = "/api/generate" if "prompt" in sent else "/api/chat"
    reply = asked(ask, service, model, {**TEXT, **CHAT}, prompt, **config)

    name = model.removeprefix("ollama:").removeprefix("chat:").removeprefix("completion:")
    assert service.bodies == [{"model": name, "stream": False, **sent}]
    assert (service.seen[0]["path"], reply.output) == (path, "hello")


def test_what_a_model_says_is_read_as_a_chat_is(ask: Ask, service: Service) -> None:
    """Texts with their usage, thoughts before them, tool calls with arguments as text, also when they come in lines."""
    reply = asked(ask, service, "ollama:m", TEXT)
    assert reply.tokens == {"total": 5, "prompt": 3, "completion": 2, "numRequests": 1}
    assert reply.extra["finishReason"] == "stop"

    assert asked(ask, service, "ollama:m", {**TEXT, "thinking": "hm"}).output == "Thinking: hm\n\nhello"
    assert asked(ask, service, "ollama:m", {**TEXT, "thinking": "hm"}, showThinking=False).output == "hello"

    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    told = {"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": True}
    assert asked(ask, service, "ollama:chat:m", told).output == [{"function": {"name": "f", "arguments": '{"a":1}'}}]

    last = {"message": {"content": ""}, "done": True, "prompt_eval_count": 1, "eval_count": 1}
    lines = [{"message": {"content": "hel"}}, {"message": {"content": "lo"}}, last]
    reply = asked(ask, service, "ollama:chat:m", "\n".join(map(json.dumps, lines)))
    assert (reply.output, reply.tokens["total"]) == ("hello", 2)


def test_pictures_stand_beside_the_text(ask: Ask, service: Service) -> None:
    """A message in parts is one text, with the pictures in it as Ollama takes them."""
    parts = [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
    ]
    asked(ask, service, "ollama:chat:m", CHAT, json.dumps([{"role": "user", "content": parts}]))
    assert service.bodies[0]["messages"] == [{"role": "user", "content": "What?", "images": ["QUJD"]}]


def test_schemas_keys_and_addresses(ask: Ask, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A JSON schema is the form of the answer; address and key come from the environment where nothing is said."""
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    reply = asked(ask, service, "ollama:chat:m", {"message": {"content": '{"a": 1}'}}, response_format=schema)
    assert (service.bodies[0]["format"], reply.output) == ({"type": "object"}, {"a": 1})
    assert "authorization" not in service.seen[0]["headers"]

    monkeypatch.setenv("OLLAMA_BASE_URL", service.url + "/v1/")
    monkeypatch.setenv("OLLAMA_API_KEY", "k")
    service.will(body=TEXT)
    [reply] = ask("ollama:m", "Hello")
    assert (service.seen[1]["path"], service.seen[1]["headers"]["authorization"]) == ("/api/generate", "Bearer k")


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ({"error": "model 'm' not found"}, 404, "API error: 404 Not Found: model 'm' not found"),
        ({"error": "no room"}, 200, "API error: no room"),
        ("[]", 200, "API error: the answer is no JSON object: []"),
        ('{"message": 1}', 200, "API error: the answer cannot be read"),
        ('{"a":1}\n{', 200, "API error: the answer cannot be read"),
    ],
)
def test_what_goes_wrong_is_the_replys_error(ask: Ask, service: Service, answer: Any, status: int, told: str) -> None:
    """What Ollama says is told; an answer of another shape is shown."""
    service.will(status, answer)
    [reply] = ask({"id": "ollama:m", "config": {"apiBaseUrl": service.url}}, "Hello")
    assert told in str(reply.error)


def test_embeddings_can_only_grade(ask: Ask, service: Service, evaluate: Evaluate) -> None:
    """They compare an output with what was expected, and answer no prompts; an id without a model is refused."""
    service.will(body={"embedding": [1, 0]})
    service.will(body={"embedding": [1, 0]})
    grader = {"id": "ollama:embeddings:m", "config": {"apiBaseUrl": service.url}}
    claim = {"type": "similar", "value": "x", "threshold": 0.9, "provider": grader}
    suite = {"prompts": ["hi"], "providers": ["echo"], "tests": [{"assert": [claim]}]}
    run = evaluate(suite, {}, NO_PROXY="127.0.0.1")
    assert run.outcomes == ["passed"], run.shown
    assert {each["path"] for each in service.seen} == {"/api/embeddings"}
    assert service.bodies[0]["model"] == "m"

    [reply] = ask(grader, "Hello")
    assert "it can only grade" in str(reply.error)
    with pytest.raises(ConfigError, match="names no model"):
        ask("ollama:chat:", "Hello")
