"""`ollama:MODEL`, `ollama:chat:MODEL`, `ollama:embeddings:MODEL`: a model of Ollama's, by its own interface."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers import openai_answers as answers
from sojourn.providers.callbacks import Callbacks
from sojourn.providers.exchange import Answer
from sojourn.providers.service import NotAnsweredError, Service, check_servers, data_of, messages_of, reading

URL = "http://localhost:11434"
_MODES = {"chat": "chat", "completion": "completion", "embedding": "embedding", "embeddings": "embedding"}
_BESIDE = ("keep_alive", "think")
"""What stands beside the options of a request, by the same name."""
_OURS = frozenset(
    (
        *_BESIDE,
        *(
            "apiBaseUrl",
            "apiHost",
            "apiKey",
            "apiKeyEnvar",
            "apiKeyRequired",
            "cost",
            "format",
            "functionToolCallbacks",
        ),
        *("headers", "inputCost", "max_tokens", "maxRetries", "outputCost", "passthrough", "replay", "resend"),
        *("response_format", "showThinking", "stream", "timeoutMs", "tool_choice", "tools"),
    )
)
_OPTIONS = """
frequency_penalty min_p mirostat mirostat_eta mirostat_tau num_batch num_ctx num_gpu num_keep num_predict num_thread
penalize_newline presence_penalty repeat_last_n repeat_penalty seed stop temperature top_k top_p typical_p
"""


class Ollama:
    """Asks one model; every key of the configuration that is not read here is one of Ollama's options."""

    keys: ClassVar[frozenset[str]] = _OURS | frozenset(_OPTIONS.split())

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._mode, self._model = _parsed(spec.id)
        self._service = Service(spec, tools)
        self._callbacks = Callbacks(spec, tools)

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where the id names no model, or the configuration asks for what is not there."""
        _parsed(spec.id)
        check_servers(spec)

    async def ask(self, question: Question) -> Reply:
        """Answer with the model's text or tool calls; what goes wrong is the reply's error."""
        if self._mode == "embedding":
            return Reply(error="a model for embedding answers no prompts; it can only grade")
        try:
            config = self._service.config_for(question)
            path, body = self._asked(question, config)
            answer = await self._post(path, body, question, config)
            return await self._callbacks.answered(reading(_read, answer, self._model, config))
        except NotAnsweredError as error:
            return error.reply

    async def grade(self, kind: str, text: str) -> Reply:
        """Answer an assertion's request for an embedding."""
        if kind != "embedding" or self._mode != "embedding":
            return Reply(error=f"ollama:{self._mode or 'chat'} cannot do {kind}")
        question = Question(prompt=text, context={})
        try:
            config = self._service.config_for(question)
            body = {"model": self._model, "prompt": text, **(config.get("passthrough") or {})}
            answer = await self._post("/api/embeddings", body, question, config)
            return reading(_embedding, answer)
        except NotAnsweredError as error:
            return error.reply

    async def close(self) -> None:
        """Close all connections."""
        await self._service.close()

    def _asked(self, question: Question, config: JsonDict) -> tuple[str, JsonDict]:
        """Return path and body: a chat, or a completion where that is meant or the prompt is a text alone."""
        messages = messages_of(question.prompt)
        is_text = messages == [{"role": "user", "content": question.prompt}] and not config.get("tools")
        is_completion = self._mode == "completion" or (not self._mode and is_text)
        body: JsonDict = {"model": self._model, "stream": False, "options": _options(config)}
        body |= {"prompt": question.prompt} if is_completion else {"messages": [_native(each) for each in messages]}
        body |= {key: config[key] for key in _BESIDE if config.get(key) is not None}
        if form := config.get("format") or _format(self._service.form_of(config)):
            body["format"] = form
        if config.get("tools") and not is_completion:
            body["tools"] = config["tools"]
        return "/api/generate" if is_completion else "/api/chat", {**body, **(config.get("passthrough") or {})}

    async def _post(self, path: str, body: JsonDict, question: Question, config: JsonDict) -> Answer:
        key = self._service.key({"apiKeyRequired": False, **config}, "OLLAMA_API_KEY")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        base = str(config.get("apiBaseUrl") or self._service.env.get("OLLAMA_BASE_URL") or URL).rstrip("/")
        return await self._service.post(base.removesuffix("/v1") + path, headers, body, question)


def _parsed(written: str) -> tuple[str, str]:
    """Return mode and model of an id, no mode where none is named; raises ProviderError where it has no model."""
    rest = written.partition(":")[2]
    first, _, model = rest.partition(":")
    mode = _MODES.get(first, "")
    if not (model if mode else rest):
        raise ProviderError(f"{written!r} names no model", todo="write ollama:chat:MODEL")
    return mode, model if mode else rest


def _options(config: JsonDict) -> JsonDict:
    """Return Ollama's options; `max_tokens` is what others call `num_predict`."""
    said = {key: value for key, value in config.items() if key not in _OURS and value is not None}
    most = config.get("max_tokens")
    return said if most is None else {"num_predict": most, **said}


def _format(wanted: Any) -> Any:
    """Return the form of the answer that OpenAI's `response_format` asks for, as Ollama takes it."""
    if not isinstance(wanted, Mapping):
        return None
    schema = wanted.get("json_schema")
    if isinstance(schema, Mapping):
        return schema.get("schema")
    return "json" if wanted.get("type") == "json_object" else None


def _native(message: JsonDict) -> JsonDict:
    """Return a message of OpenAI's whose content has parts as Ollama takes it: one text, and images beside it."""
    parts = message.get("content")
    if not isinstance(parts, list):
        return message
    texts = [str(part.get("text")) for part in parts if isinstance(part, Mapping) and part.get("text")]
    images = [address for part in parts if (address := _image(part))]
    return {**message, "content": "\n".join(texts), **({"images": images} if images else {})}


def _image(part: Any) -> str:
    """Return the picture in a part of a message, without what stands before its base64 in an address."""
    held = part.get("image_url") if isinstance(part, Mapping) else None
    address = held.get("url") if isinstance(held, Mapping) else held
    return address.partition("base64,")[2] or address if isinstance(address, str) else ""


def _read(answer: Answer, model: str, config: JsonDict) -> Reply:
    """Read an answer, whole or in lines, as a chat of OpenAI's would be read."""
    parts = [data_of(answer)] if "\n{" not in answer.text.strip() else list(map(json.loads, answer.text.splitlines()))
    said = [
        part.get("message") or {"content": part.get("response"), "thinking": part.get("thinking")} for part in parts
    ]
    calls = [_call(call) for each in said for call in each.get("tool_calls") or ()]
    text, thought = ("".join(each.get(key) or "" for each in said) for key in ("content", "thinking"))
    message: JsonDict = {"role": "assistant", "content": text}
    message |= {key: value for key, value in (("tool_calls", calls), ("reasoning", thought)) if value}
    asked, told = parts[-1].get("prompt_eval_count"), parts[-1].get("eval_count")
    counted = {"prompt_tokens": asked or 0, "completion_tokens": told or 0, "total_tokens": (asked or 0) + (told or 0)}
    choice = {"message": message, "finish_reason": parts[-1].get("done_reason")}
    data = {"choices": [choice], **({} if asked is told is None else {"usage": counted})}
    return answers.chat_of(data, answer, model, config)


def _call(call: JsonDict) -> JsonDict:
    function = call["function"]
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return {**call, "function": {**function, "arguments": text}}


def _embedding(answer: Answer) -> Reply:
    return Reply(output={"embedding": data_of(answer)["embedding"]})
