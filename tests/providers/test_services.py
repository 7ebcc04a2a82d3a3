"""Where services are found, which keys they take, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.catalog import PROVIDERS
from sojourn.errors import ConfigError
from sojourn.providers.openai import OpenAi
from sojourn.providers.vendors import VENDORS
from tests.acceptance.suites import Evaluate, asked
from tests.providers.conftest import Ask
from tests.providers.models import asked_model, message
from tests.providers.service import Service


@pytest.mark.parametrize(
    ("model", "environ", "path"),
    [
        ("docker:ai/m", {"DOCKER_MODEL_RUNNER_BASE_URL": ""}, "/engines/v1"),
        ("mlflow-gateway:m", {"MLFLOW_GATEWAY_URL": "", "MLFLOW_GATEWAY_API_KEY": "k"}, "/gateway/mlflow/v1"),
        ("litellm:m", {"LITELLM_API_BASE": "/v2"}, "/v2"),
        ("ai21:jamba", {"AI21_API_BASE_URL": "/studio/v1", "AI21_API_KEY": "k"}, "/studio/v1"),
    ],
)
def test_a_service_is_found_and_paid_by_its_own_variables(
    ask: Ask,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    environ: dict[str, str],
    path: str,
) -> None:
    """Its address and its key; where no key is needed, none is sent."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value if name.endswith("KEY") else service.url + value)
    service.will(body=message())

    assert ask(model, "Hello")[0].output == "hello"
    assert service.seen[0]["path"] == f"{path}/chat/completions"
    assert service.seen[0]["headers"].get("authorization") == ("Bearer k" if len(environ) > 1 else None)


def test_a_service_that_needs_a_key_says_which(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent without it."""
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    assert "set the environment variable NOVITA_API_KEY" in ask("novita:m", "Hello")[0].error


def test_every_name_of_a_service_has_its_address() -> None:
    """What the catalog names is in the table of services, and no more."""
    assert {name for name, place in PROVIDERS.items() if place.endswith(":OpenAi")} == set(VENDORS)


@pytest.mark.parametrize(
    "place",
    [
        ("openai:chat:m", {"OPENAI_API_KEY": "e", "OPENAI_BASE_URL": "{url}/b"}, "/b/chat/completions", "Bearer e"),
        (
            "openai:chat:m",
            {"OPENAI_API_KEY": "e", "OPENAI_API_BASE_URL": "{url}/a/"},
            "/a/chat/completions",
            "Bearer e",
        ),
        ("localai:chat:m", {"LOCALAI_BASE_URL": "{url}/v1"}, "/v1/chat/completions", None),
        ("mistral:m", {"MISTRAL_API_BASE_URL": "{url}", "MISTRAL_API_KEY": "x"}, "/chat/completions", "Bearer x"),
    ],
)
def test_addresses_and_keys_come_from_the_environment(
    ask: Ask, service: Service, monkeypatch: pytest.MonkeyPatch, place: tuple[str, dict[str, str], str, Any]
) -> None:
    """Each service has its own variables; one on this machine needs no key."""
    model, environ, path, key = place
    for name, value in environ.items():
        monkeypatch.setenv(name, value.format(url=service.url))
    service.will(body=message())
    [reply] = ask(model, "Hello")

    assert reply.output == "hello"
    assert (service.seen[0]["path"], service.seen[0]["headers"].get("authorization")) == (path, key)


@pytest.mark.parametrize(
    ("model", "config", "told"),
    [
        ("openai:chat:m", {}, "set the environment variable OPENAI_API_KEY"),
        ("openai:chat:m", {"apiKeyEnvar": "MY_KEY"}, "set the environment variable MY_KEY"),
        ("openrouter:a/b:free", {}, "set the environment variable OPENROUTER_API_KEY"),
        ("anthropic:messages:m", {}, "set the environment variable ANTHROPIC_API_KEY"),
    ],
)
def test_a_missing_key_is_named(ask: Ask, model: str, config: dict[str, Any], told: str) -> None:
    """Without a key nothing is sent, and the error says which variable to set."""
    assert told in ask({"id": model, "config": config}, "Hello")[0].error


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("openai:", "names no model"),
        ("openai:chat:", "names no model"),
        ("anthropic:messages:", "names no model"),
        ("openai:realtime:gpt-4o", r"needs OpenAI's realtime, which Sojourn does not run \(ask it with a function of"),
        ("openai:responses-ws:m", "needs OpenAI's responses-ws, which Sojourn does not run"),
        ("anthropic:claude-code", "needs Anthropic's claude-code, which Sojourn does not run"),
        ("bedrock:anthropic.claude", r"needs Amazon Bedrock, which .+ 'any-llm-sdk\[bedrock\]'"),
        ("bedrock:kb:m", "needs Amazon Bedrock, which .+ a function of yours"),
        ("azure:chat:deployment", "needs Azure OpenAI, which .+ any-llm:azureopenai:MODEL"),
        ("vercel:openai/m", "needs Vercel AI Gateway, which .+ openai:chat:MODEL with its address"),
        ("promptfoo:model:m", "needs promptfoo's own services, which Sojourn does not run$"),
        ("promptfoo:redteam:crescendo", "is for red teaming"),
        ("file://bot/main.go:Answer", "no such file: file://bot/main.go:Answer"),
        ("file://bot.rb:answer", "no such file: file://bot.rb:answer"),
        ("adaline:openai:chat:m", "needs Adaline Gateway, which Sojourn does not run"),
        ("openai:codex-app-server", "needs OpenAI's codex-app-server, which Sojourn does not run"),
        ("openai:live:m", "needs OpenAI's live, which Sojourn does not run"),
        ("anthropic:managed-agents", "needs Anthropic's managed-agents, which Sojourn does not run"),
        ("acp", "needs an agent that speaks ACP, which Sojourn does not run"),
        ("pi:openai/m", "needs the Pi coding agent, which Sojourn does not run"),
        ("empiriolabs:m", "needs EmpirioLabs, which .+ openai:chat:MODEL with its address as apiBaseUrl"),
        ("nscale:image:m", "needs Nscale's image, which Sojourn does not run"),
        ("xai:image:m", "needs xAI's image, which Sojourn does not run"),
        ("edenai:openai/m", r"needs Eden AI, which .+ \(ask it as openai:chat:MODEL with its address"),
        ("typesafe:m", "needs TypeSafe, which Sojourn does not run"),
        ("pi:m", "needs the Pi coding agent, which Sojourn does not run"),
        (
            {"id": "openai:completion:m", "config": {"functionToolCallbacks": {"f": "x"}}},
            "functionToolCallbacks is there for chats only",
        ),
        ({"id": "openai:chat:m", "config": {"mcp": {"enabled": True}}}, "tools of MCP servers are not called"),
        ({"id": "anthropic:messages:m", "config": {"mcp": {"enabled": True}}}, "tools of MCP servers are not called"),
        ("opnai:chat:m", "unknown provider 'opnai:chat:m'"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(ask: Ask, entry: Any, told: str) -> None:
    """A provider that Sojourn does not run is told from a slip of the pen, before anything runs."""
    with pytest.raises(ConfigError, match=told):
        ask(entry, "Hello")


def test_the_usual_grader_is_openais(evaluate: Evaluate, service: Service) -> None:
    """Without a grader, a rubric is judged by OpenAI's model where there is a key, similarity by its embeddings."""
    service.will(body=message('{"pass": true, "score": 1, "reason": "fine"}'))
    service.will(body={"data": [{"embedding": [1, 0]}]})
    service.will(body={"data": [{"embedding": [1, 0]}]})
    service.will(body={"results": [{"flagged": True, "categories": {"hate": True, "violence": False}}]})
    suite = asked("Hello", "Hi", "Hey", providers=["echo"])
    rubric, alike = {"type": "llm-rubric", "value": "is polite"}, {"type": "similar", "value": "Hallo"}
    for test, claim in zip(suite["tests"], (rubric, alike, {"type": "moderation"}), strict=True):
        test["assert"] = [claim]
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": service.url, "NO_PROXY": "127.0.0.1"}
    run = evaluate(suite, {}, "-j", "1", **environ)

    assert run.outcomes == ["passed", "passed", "failed"], run.shown
    assert run.rows[2]["error"] == "The output was flagged: hate"
    assert [each["path"] for each in service.seen] == [
        "/chat/completions",
        "/embeddings",
        "/embeddings",
        "/moderations",
    ]


def test_without_a_grader_the_error_says_what_to_do(evaluate: Evaluate) -> None:
    """An assertion that needs a model, where there is no key, says what can be done."""
    suite = asked("Hello", providers=["echo"])
    suite["tests"][0]["assert"] = [{"type": "llm-rubric", "value": "is polite"}]
    run = evaluate(suite, {})

    assert "or set OPENAI_API_KEY" in run.rows[0]["error"]


def test_a_session_says_where_the_model_is(ask: Ask, service: Service) -> None:
    """Address, key and headers are filled in with what a trial has: a server that was started, a token for it."""
    service.will(body=message())
    config = {"apiBaseUrl": "{{place}}/v1", "apiKey": "{{token}}", "headers": {"X-Session": "{{token}}"}}
    ask({"id": "openai:chat:m", "config": config}, "Hello", place=service.url, token="t1")

    assert service.seen[0]["headers"]["authorization"] == "Bearer t1"
    assert service.seen[0]["headers"]["x-session"] == "t1"


def test_a_prompt_that_a_service_will_not_have_is_refused(ask: Ask, service: Service) -> None:
    """Its error is the output, flagged as a refusal of what was put in, so that `is-refusal` holds."""
    service.will(400, {"error": {"code": "invalid_prompt", "message": "flagged by policy"}})
    config = {"apiBaseUrl": service.url, "apiKey": "k"}
    reply = ask({"id": "openai:chat:m", "config": config}, "Hello")[0]

    assert (reply.output, reply.error) == ("API error: 400 Bad Request: flagged by policy", "")
    assert (reply.extra["isRefusal"], reply.extra["guardrails"]["flaggedInput"]) == (True, True)


@pytest.mark.parametrize(
    ("model", "config", "most"),
    [
        ("groq:openai/gpt-oss-120b", {}, None),
        ("groq:openai/gpt-oss-120b", {"max_tokens": 9}, 9),
        ("groq:llama-3.3-70b-versatile", {}, 1024),
        ("xai:grok-4", {}, None),
        ("xai:grok-4-1-fast-non-reasoning", {}, 1024),
        ("xai:grok-3", {}, 1024),
    ],
)
def test_models_that_think_are_not_cut_short(
    ask: Ask, service: Service, model: str, config: dict[str, Any], most: int | None
) -> None:
    """The usual limit, which their thoughts would use up, is not theirs; one that is said is."""
    asked_model(ask, service, model, message(), **config)

    assert service.bodies[0].get("max_tokens") == most


@pytest.mark.parametrize("model", ["togetherai:m", "hyperbolic:m"])
def test_services_of_open_models_are_told_more_about_sampling(ask: Ask, service: Service, model: str) -> None:
    """What they know besides OpenAI's goes along."""
    said = {"min_p": 0.1, "repetition_penalty": 1.1, "top_k": 4}
    asked_model(ask, service, model, message(), **said)

    assert service.bodies[0].items() >= said.items()
    assert said.keys() <= OpenAi.keys  # which is what keeps `validate` from taking them for slips
