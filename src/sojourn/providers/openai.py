"""`openai:chat:MODEL` and its like: every service that speaks OpenAI's protocol; see `vendors.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import structs

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers import openai_answers as answers
from sojourn.providers.callbacks import KEY, Callbacks
from sojourn.providers.schemas import text_format
from sojourn.providers.service import NotAnsweredError, Service, check_servers, messages_of, reading
from sojourn.providers.tool_formats import shaped_choice, shaped_tools
from sojourn.providers.vendors import OF_VENDORS, VENDORS

MODES = {
    "chat": "chat",
    "completion": "completion",
    "completions": "completion",
    "embedding": "embedding",
    "embeddings": "embedding",
    "moderation": "moderation",
    "responses": "responses",
}
GRADING = ("embedding", "moderation")
_REASONING = re.compile(r"(?:^|/)(?:ft:)?(?:o1|o3|o4|gpt-[5-9])")
"""Models that think first: they take neither a temperature nor `max_tokens`."""

_CHAT_KEYS = (
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "store",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
)
_RESPONSES_KEYS = (
    "include",
    "instructions",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "service_tier",
    "store",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "user",
)
_TOOLS = (("tools", shaped_tools), ("tool_choice", shaped_choice))
_COMPLETION_KEYS = ("best_of", "frequency_penalty", "logprobs", "presence_penalty", "seed", "stop", "top_p", "user")


_OWN_KEYS = """
apiBaseUrl apiHost apiKey apiKeyEnvar apiKeyRequired cost functionToolCallbacks headers inputCost
maxRetries max_output_tokens max_tokens omitDefaults organization outputCost passthrough replay resend
showThinking stream temperature timeoutMs
"""


class OpenAi:
    """Asks one model; what it was told in the configuration goes along, `passthrough` as it is."""

    reads: ClassVar[tuple[str, ...]] = ("response_format",)
    keys: ClassVar[frozenset[str]] = frozenset(
        (*_CHAT_KEYS, *_RESPONSES_KEYS, *_COMPLETION_KEYS, *_OWN_KEYS.split(), *OF_VENDORS)
    )

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._prefix, self._mode, self._model = _parsed(spec.id)
        self._vendor = VENDORS[self._prefix]
        self._service = Service(spec, tools)
        self._callbacks = Callbacks(spec, tools)

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where the id names no model, or the configuration asks for what is not there."""
        _parsed(spec.id)
        check_servers(spec)
        if spec.config.get(KEY) and _parsed(spec.id)[1] not in ("chat", "responses"):
            todo = "write openai:chat:MODEL or openai:responses:MODEL"
            raise ProviderError(f"{spec.id!r}: {KEY} is there for chats only", todo=todo)

    @staticmethod
    def can_answer(spec: ProviderSpec) -> bool:
        """Tell whether the model answers prompts, and is not there for grading alone."""
        return _parsed(spec.id)[1] not in GRADING

    async def ask(self, question: Question) -> Reply:
        """Answer with the model's text, tool calls or parsed JSON; what goes wrong is the reply's error."""
        ways = {"chat": self._chat, "completion": self._completion, "responses": self._responses}
        if self._mode not in ways:
            return Reply(error=f"a model for {self._mode} answers no prompts; it can only grade")
        try:
            return await ways[self._mode](question)
        except NotAnsweredError as error:
            return error.reply

    async def grade(self, kind: str, text: str) -> Reply:
        """Answer an assertion's request: an embedding, or what a text is flagged for."""
        if kind != self._mode:
            return Reply(error=f"{self._prefix}:{self._mode} cannot do {kind}")
        question = Question(prompt=text, context={})
        path = "/embeddings" if kind == "embedding" else "/moderations"
        try:
            config = self._service.config_for(question)
            body = {"model": self._model, "input": text, **(config.get("passthrough") or {})}
            answer = await self._post(path, body, question, config)
            return reading(answers.embedding if kind == "embedding" else answers.moderation, answer)
        except NotAnsweredError as error:
            return error.reply

    async def close(self) -> None:
        """Close all connections."""
        await self._service.close()

    async def _post(self, path: str, body: JsonDict, question: Question, config: JsonDict) -> Any:
        env = self._service.env
        key = self._service.key({"apiKeyRequired": self._vendor.needs_key, **config}, self._vendor.key_env)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        organization = config.get("organization") or (env.get("OPENAI_ORGANIZATION") if self._is_openai else "")
        if organization:
            headers["openai-organization"] = str(organization)
        return await self._service.post(self._vendor.address(config, env) + path, headers, body, question)

    @property
    def _is_openai(self) -> bool:
        return self._prefix == "openai"

    def _limits(self, config: JsonDict, name: str) -> JsonDict:
        """Return temperature and the most tokens, as promptfoo sets them where nothing is said."""
        if _REASONING.search(self._model):
            return {}
        env = self._service.env if self._is_openai else {}
        most = config.get(name) or config.get("max_tokens") or int(env.get("OPENAI_MAX_TOKENS") or 1024)
        temperature = config.get("temperature")
        if temperature is None:
            temperature = float(env.get("OPENAI_TEMPERATURE") or 0)
        limits = {name: most, "temperature": temperature}
        if config.get("omitDefaults") is True or self._vendor.is_plain:
            limits = {key: value for key, value in limits.items() if key in config}
        thinks = self._vendor.thinkers and re.search(self._vendor.thinkers, self._model)
        if name == "max_tokens" and (config.get("max_completion_tokens") or (thinks and not config.get(name))):
            limits.pop(name, None)
        return limits

    async def _chat(self, question: Question) -> Reply:
        config = self._service.config_for(question)
        body = {
            "model": self._model,
            "messages": messages_of(question.prompt),
            **self._limits(config, "max_tokens"),
            **_said(config, (*_CHAT_KEYS, *self._vendor.keys)),
        }
        if form := self._service.form_of(config):
            body["response_format"] = form
        reasoning = config.get("reasoning")
        if self._is_openai and isinstance(reasoning, Mapping) and reasoning.get("effort"):
            body.setdefault("reasoning_effort", reasoning["effort"])
        if config.get("stream") is True:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        body |= config.get("passthrough") or {}
        answer = await self._post("/chat/completions", body, question, config)
        reply = reading(answers.chat, answer, self._model, config)
        if self._vendor.calls_alone and isinstance(reply.output, Mapping) and reply.output.get("tool_calls"):
            reply = structs.replace(reply, output=reply.output["tool_calls"])
        return await self._callbacks.answered(reply)

    async def _completion(self, question: Question) -> Reply:
        config = self._service.config_for(question)
        limits = self._limits(config, "max_tokens")
        body = {"model": self._model, "prompt": question.prompt, **limits, **_said(config, _COMPLETION_KEYS)}
        answer = await self._post("/completions", {**body, **(config.get("passthrough") or {})}, question, config)
        return reading(answers.completion, answer, self._model, config)

    async def _responses(self, question: Question) -> Reply:
        config = self._service.config_for(question)
        config["response_format"] = self._service.form_of(config)
        messages = messages_of(question.prompt)
        given = question.prompt if messages == [{"role": "user", "content": question.prompt}] else messages
        body = {"model": self._model, "input": given, **self._limits(config, "max_output_tokens")}
        if config.get("max_output_tokens"):
            body["max_output_tokens"] = config["max_output_tokens"]
        if config.get("reasoning_effort"):
            body["reasoning"] = {"effort": config["reasoning_effort"]}
        body |= _said(config, _RESPONSES_KEYS)
        reasoning = body.get("reasoning")
        if isinstance(reasoning, Mapping) and reasoning.get("effort") not in (None, "none"):
            body.pop("top_p", None)  # a question that says both is refused
        body |= {key: shaped(body[key], "responses") for key, shaped in _TOOLS if key in body}
        shape = {"format": text_format(config["response_format"]), "verbosity": config.get("verbosity")}
        if text := {key: value for key, value in shape.items() if value}:
            body["text"] = {**(body.get("text") or {}), **text}
        answer = await self._post("/responses", {**body, **(config.get("passthrough") or {})}, question, config)
        return await self._callbacks.answered_items(reading(answers.response, answer, self._model, config), config)


def _said(config: Mapping[str, Any], keys: tuple[str, ...]) -> JsonDict:
    return {key: config[key] for key in keys if config.get(key) is not None}


def _parsed(written: str) -> tuple[str, str, str]:
    """Return the prefix, the mode and the model of an id; raises ProviderError where it has no model."""
    prefix, _, rest = written.partition(":")
    first, _, model = rest.partition(":")
    mode = MODES.get(first)
    if mode is None:
        model, mode = rest, _usual_mode(rest)
    if not model:
        raise ProviderError(f"{written!r} names no model", todo=f"write {prefix}:chat:MODEL")
    return prefix, mode, model


def _usual_mode(model: str) -> str:
    if model.endswith("-instruct") or model in ("davinci-002", "babbage-002"):
        return "completion"
    return "embedding" if model.startswith("text-embedding-") else "chat"
