"""Models through the library any-llm: its own client, against a service on this machine."""

import json
from pathlib import Path
from typing import Any

import pytest

import sojourn
from sojourn.errors import ConfigError
from tests.providers.service import Service

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def asked(service: Service, prompt: str = "hi", **config: Any) -> Any:
    """Ask once and return the reply."""
    told = {"apiBaseUrl": f"{service.url}/v1", "apiKey": "k", **config}
    suite = {"prompts": [prompt], "providers": [{"id": "any-llm:openai:m", "config": told}]}
    (result,) = sojourn.run(suite).results
    return result.reply


def test_a_model_is_asked_by_its_own_client(service: Service) -> None:
    """Text, usage and why it ended are read as of every other model; what the configuration says goes along."""
    service.will(body=ANSWER)
    reply = asked(service, temperature=0.5)
    assert (reply.output, reply.error) == ("Hello", "")
    assert reply.extra["finishReason"] == "stop"
    assert reply.extra["tokenUsage"]["total"] == 5
    (body,) = service.bodies
    assert (body["model"], body["temperature"], body["messages"]) == ("m", 0.5, [{"role": "user", "content": "hi"}])


def test_a_chat_is_sent_as_one(service: Service) -> None:
    """A prompt that is a list of messages stays one."""
    service.will(body=ANSWER)
    messages = [{"role": "system", "content": "short"}, {"role": "user", "content": "hi"}]
    asked(service, json.dumps(messages))
    assert service.bodies[0]["messages"] == messages


def test_what_goes_wrong_is_the_trials_error(service: Service) -> None:
    """A refusal of the service is told as its client tells it."""
    service.will(401, {"error": {"message": "Incorrect API key"}})
    assert "Incorrect API key" in asked(service).error


def test_a_turn_is_sent_once(service: Service) -> None:
    """In a conversation a service that is busy is asked no second time."""
    for _ in range(3):
        service.will(429, {"error": {"message": "slow down"}})
    told = {"apiBaseUrl": f"{service.url}/v1", "apiKey": "k"}
    turns = [{"turns": [{"vars": {"q": "hi"}}]}]
    suite = {"prompts": ["{{q}}"], "providers": [{"id": "any-llm:openai:m", "config": told}], "tests": turns}
    (result,) = sojourn.run(suite).results
    assert "slow down" in str(result.reply)
    assert len(service.seen) == 1


def test_an_answer_with_nothing_in_it_is_an_error(service: Service) -> None:
    """It shows what was answered."""
    service.will(body={**ANSWER, "choices": []})
    assert "nothing in the answer" in asked(service).error


@pytest.mark.parametrize("written", ["any-llm:openai", "any-llm:", "any-llm:openai:"])
def test_an_id_without_a_model_is_refused(tmp_path: Path, written: str) -> None:
    """Before anything is asked, with how to write one."""
    with pytest.raises(ConfigError, match="any-llm:mistral:mistral-small-latest"):
        sojourn.run({"prompts": ["x"], "providers": [written]})
