"""`anthropic:messages:MODEL`: Anthropic's Messages service."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any, ClassVar

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.exchange import Answer
from sojourn.providers.openai_answers import FINISH
from sojourn.providers.prices import cost_of
from sojourn.providers.service import NotAnsweredError, Service, check_servers, data_of, messages_of, reading
from sojourn.providers.tool_formats import shaped_choice, shaped_tools
from sojourn.template.jsontext import json_text

URL = "https://api.anthropic.com"
VERSION = "2023-06-01"
_KEYS = ("cache_control", "metadata", "service_tier", "stop_sequences", "thinking", "tool_choice", "tools")
_TOOLS = (("tools", shaped_tools), ("tool_choice", shaped_choice))
_SAMPLING = ("temperature", "top_k", "top_p")
_UNSAMPLED = re.compile(r"claude-(?:opus-4-[7-9]|[a-z]+-[5-9])\b")
"""Models that refuse a question which says how to sample."""
_READ = """
apiBaseUrl apiHost apiKey apiKeyEnvar apiKeyRequired beta cache_control cost effort extra_body headers inputCost
maxRetries max_tokens metadata outputCost output_format passthrough replay resend service_tier showThinking
stop_sequences temperature thinking timeoutMs tool_choice tools top_k top_p
"""
"""The keys under `config` that are read."""


class Anthropic:
    """Asks one model; system messages of a chat go where the service wants them."""

    keys: ClassVar[frozenset[str]] = frozenset(_READ.split())

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._model = _model(spec.id)
        self._service = Service(spec, tools)

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where the id names no model, or the configuration asks for what is not there."""
        _model(spec.id)
        check_servers(spec)

    async def ask(self, question: Question) -> Reply:
        """Answer with the texts, thoughts and tool calls, one after another; what goes wrong is the reply's error."""
        try:
            config = self._service.config_for(question)
            answer = await self._post(self._body(question, config), question, config)
            return reading(self._reply, answer, config)
        except NotAnsweredError as error:
            return error.reply

    async def close(self) -> None:
        """Close all connections."""
        await self._service.close()

    async def _post(self, body: JsonDict, question: Question, config: JsonDict) -> Answer:
        env = self._service.env
        headers = {"anthropic-version": VERSION, "x-api-key": self._service.key(config, "ANTHROPIC_API_KEY")}
        if config.get("beta"):
            headers["anthropic-beta"] = ",".join(config["beta"])
        base = str(config.get("apiBaseUrl") or env.get("ANTHROPIC_BASE_URL") or URL).rstrip("/")
        return await self._service.post(f"{base}/v1/messages", headers, body, question)

    def _body(self, question: Question, config: JsonDict) -> JsonDict:
        messages = [dict(each) for each in messages_of(question.prompt)]
        system = [text for each in messages if each["role"] == "system" for text in _blocks(each.get("content"))]
        env = self._service.env
        thinks = _thinks(config)
        body: JsonDict = {
            "model": self._model,
            "messages": [
                {"role": each["role"], "content": _blocks(each.get("content"))}
                for each in messages
                if each["role"] != "system"
            ],
            "max_tokens": config.get("max_tokens")
            or int(env.get("ANTHROPIC_MAX_TOKENS") or (2048 if thinks else 1024)),
        }
        body |= self._sampling(config)
        if system:
            body["system"] = system
        tools = {key: shaped(config.get(key), "anthropic") for key, shaped in _TOOLS}
        body |= {key: value for key, value in ({**config, **tools}).items() if key in _KEYS and value is not None}
        if _UNSAMPLED.match(self._model) and (body.get("thinking") or {}).get("type") == "enabled":
            body["thinking"] = {"type": "adaptive"}  # these models have no other way to think
        wanted = {"format": config.get("output_format"), "effort": config.get("effort")}
        if shaped := {key: value for key, value in wanted.items() if value}:
            body["output_config"] = shaped
        return {**body, **(config.get("extra_body") or {}), **(config.get("passthrough") or {})}

    def _sampling(self, config: JsonDict) -> JsonDict:
        """Return how to sample: as it is said, else coldly, but for models that think or refuse to be told."""
        if _UNSAMPLED.match(self._model):
            return {}
        said = {key: config[key] for key in _SAMPLING if config.get(key) is not None}
        if "top_p" in said:  # newer models refuse a question that says both
            said.pop("temperature", None)
        if said.keys() & {"temperature", "top_p"} or _thinks(config):
            return said
        return {"temperature": float(self._service.env.get("ANTHROPIC_TEMPERATURE") or 0), **said}

    def _reply(self, answer: Answer, config: JsonDict) -> Reply:
        data = data_of(answer)
        parts = [_part(each, config) for each in data.get("content") or []]
        tokens = _usage(data.get("usage") or {}, cached=answer.cached)
        spent = cost_of(self._model, config, tokens)
        reason = data.get("stop_reason")
        extra: JsonDict = {"raw": data, "tokenUsage": tokens}
        if reason:
            extra["finishReason"] = FINISH.get(reason, reason)
        if reason == "refusal":
            extra |= {"isRefusal": True, "guardrails": {"flagged": True}}
        return Reply(
            output=_shaped("\n\n".join(part for part in parts if part), config),
            cost=spent,
            cached=answer.cached,
            metadata={"http": answer.http()},
            extra=extra,
        )


def _model(written: str) -> str:
    kind, _, model = written.removeprefix("anthropic:").partition(":")
    if kind != "messages":
        model = f"{kind}:{model}" if model else kind
    if not model:
        raise ProviderError(f"{written!r} names no model", todo="write anthropic:messages:MODEL")
    return model


def _thinks(config: JsonDict) -> bool:
    return (config.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def _shaped(output: str, config: JsonDict) -> Any:
    """Return the JSON that a schema asked for, or the text as it is."""
    if (config.get("output_format") or {}).get("type") == "json_schema":
        with contextlib.suppress(ValueError):
            return json.loads(output)
    return output


def _blocks(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": str(content or "")}]


def _part(block: JsonDict, config: JsonDict) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block.get("text") or "")
    if kind in ("thinking", "redacted_thinking"):
        if config.get("showThinking") is False:
            return ""
        if kind == "redacted_thinking":
            return f"Redacted Thinking: {block.get('data')}"
        return f"Thinking: {block.get('thinking')}\nSignature: {block.get('signature')}"
    return json_text(block) if kind == "tool_use" else ""  # the rest is what the service's own tools did


def _usage(told: JsonDict, *, cached: bool) -> JsonDict:
    """Return promptfoo's tokenUsage: tokens read from or written to the service's own cache are part of the prompt."""
    read, written = (told.get(f"cache_{how}_input_tokens") or 0 for how in ("read", "creation"))
    prompt = (told.get("input_tokens") or 0) + read + written
    completion = told.get("output_tokens") or 0
    if cached:
        return {"cached": prompt + completion, "total": prompt + completion}
    made: JsonDict = {"total": prompt + completion, "prompt": prompt, "completion": completion, "numRequests": 1}
    if read or written:
        made["completionDetails"] = {"cacheReadInputTokens": read, "cacheCreationInputTokens": written}
    return made
