"""Anthropic's models: how they are asked, and what they answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.conftest import Ask
from tests.providers.models import CHAT, asked_model
from tests.providers.service import Service


@pytest.mark.parametrize(
    ("model", "config", "sampling"),
    [
        ("claude-sonnet-4-6", {}, {"temperature": 0}),
        ("claude-sonnet-4-6", {"top_k": 3}, {"temperature": 0, "top_k": 3}),
        ("claude-sonnet-4-6", {"top_p": 0.5}, {"top_p": 0.5}),
        ("claude-sonnet-4-6", {"top_p": 0.5, "temperature": 0.5}, {"top_p": 0.5}),
        ("claude-sonnet-4-6", {"thinking": {"type": "adaptive"}}, {}),
        ("claude-sonnet-4-6", {"thinking": {"type": "disabled"}}, {"temperature": 0}),
        ("claude-opus-4-7", {"temperature": 0.5, "top_p": 0.5}, {}),
        ("claude-sonnet-5", {}, {}),
    ],
)
def test_anthropics_models_are_told_how_to_sample_where_they_can_be(
    ask: Ask, service: Service, model: str, config: dict[str, Any], sampling: dict[str, Any]
) -> None:
    """Cold by default, not beside top_p or thoughts, and never where the model refuses such a question."""
    answer = {"type": "message", "content": [{"type": "text", "text": "hi"}], "usage": {}}
    asked_model(ask, service, f"anthropic:messages:{model}", answer, "Hi", apiBaseUrl=service.url, **config)

    sent = {key: value for key, value in service.bodies[0].items() if key in ("temperature", "top_k", "top_p")}
    assert sent == sampling


def test_anthropics_models_answer_in_the_shape_that_is_asked_for(ask: Ask, service: Service) -> None:
    """A schema is sent along, and what fits it is parsed; what is no JSON stays a text."""
    schema = {"type": "json_schema", "schema": {"type": "object"}}
    config = {"apiBaseUrl": service.url, "output_format": schema, "effort": "low"}
    for text, output in (('{"a": 1}', {"a": 1}), ("no", "no")):
        answer = {"type": "message", "content": [{"type": "text", "text": text}], "usage": {}}
        assert asked_model(ask, service, "anthropic:messages:m", answer, "Hi", **config).output == output
    assert service.bodies[0]["output_config"] == {"format": schema, "effort": "low"}


@pytest.mark.parametrize(
    ("model", "kind"),
    [("claude-sonnet-4-6", "enabled"), ("claude-opus-4-7", "adaptive"), ("claude-opus-5", "adaptive")],
)
def test_anthropics_models_think_in_the_way_that_they_have(ask: Ask, service: Service, model: str, kind: str) -> None:
    """Models that take no number of tokens for thinking are told to think as they see fit."""
    config = {"apiBaseUrl": service.url, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    asked_model(ask, service, f"anthropic:messages:{model}", {"content": []}, "Hi", **config)

    assert service.bodies[0]["thinking"]["type"] == kind


def test_anthropics_models_are_given_tools_that_are_written_for_openais(ask: Ask, service: Service) -> None:
    """One list of tools does for both; what is written for Anthropic's stays as it is."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}, {"name": "g"}]
    config = {"apiBaseUrl": service.url, "tools": tools, "tool_choice": "required"}
    asked_model(ask, service, "anthropic:messages:m", {"content": []}, "Hi", **config)

    assert service.bodies[0]["tools"] == [{"name": "f", "input_schema": {"type": "object"}}, {"name": "g"}]
    assert service.bodies[0]["tool_choice"] == {"type": "any"}


def test_anthropic(ask: Ask, service: Service) -> None:
    """System messages go apart; thoughts, texts and tool calls come one after another, with usage and cost."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    usage = {"input_tokens": 1000, "output_tokens": 500, "cache_read_input_tokens": 7}
    answer = {"type": "message", "content": blocks, "stop_reason": "tool_use", "usage": usage}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    more = {"apiBaseUrl": service.url, "thinking": thinking, "tools": [{"name": "f", "input_schema": {}}]}
    reply = asked_model(ask, service, "anthropic:messages:claude-3-5-sonnet-20241022", answer, CHAT, **more)

    assert service.bodies == [
        {
            "model": "claude-3-5-sonnet-20241022",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "U"}]}],
            "max_tokens": 2048,
            "system": [{"type": "text", "text": "S"}],
            "thinking": thinking,
            "tools": [{"name": "f", "input_schema": {}}],
        }
    ]
    headers = service.seen[0]["headers"]
    assert (service.seen[0]["path"], headers["x-api-key"], headers["anthropic-version"]) == (
        "/v1/messages",
        "k",
        "2023-06-01",
    )
    call = '{"type":"tool_use","id":"t","name":"f","input":{"a":1}}'
    assert reply.output == f"Thinking: hm\nSignature: s\n\nhi\n\n{call}"
    assert (reply.tokens["prompt"], reply.tokens["total"]) == (1007, 1507)
    assert reply.cost == pytest.approx(0.0105, rel=0.01)
    assert reply.extra["finishReason"] == "tool_calls"


def test_what_anthropics_own_tools_did_is_no_part_of_the_output(ask: Ask, service: Service) -> None:
    """A search of the service leaves the text that was made of it; all of it stands in the raw answer."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "http://x"}]}
    answer = {"type": "message", "content": [search, found, {"type": "text", "text": "hi"}], "usage": {}}
    reply = asked_model(ask, service, "anthropic:messages:claude-sonnet-4-5", answer, apiBaseUrl=service.url)

    assert reply.output == "hi"
    assert reply.extra["raw"] == answer
