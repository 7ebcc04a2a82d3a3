"""`any-llm:PROVIDER:MODEL`: every service that the library any-llm knows, by the client that it has for it."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers import openai_answers as answers
from sojourn.providers.exchange import Answer
from sojourn.providers.service import NotAnsweredError, messages_of, reading

INSTALL = "pip install 'sojourn[any-llm]'"
_CLIENTS = ("apiBaseUrl", "apiKey", "apiKeyEnvar", "client")
"""What its client is made with; any other key goes along with each question."""
_OURS = ("basePath", "cost", "inputCost", "outputCost", "resend", "showThinking", "stream")


class AnyLlm:
    """Asks through the library; a turn of a session is sent once, all else is tried again by the client's own rules."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._provider, self._model = _parsed(spec.id)
        self._config = dict(spec.config)
        self._env = {**tools.env, **spec.env}
        self._clients: dict[bool, Any] = {}

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where the id names no provider or no model."""
        _parsed(spec.id)

    async def ask(self, question: Question) -> Reply:
        """Answer as the providers of OpenAI's protocol do; what the library raises is the reply's error."""
        own = (question.context.get("prompt") or {}).get("config") or {}
        config = {**self._config, **own}
        told = {key: value for key, value in config.items() if key not in (*_OURS, *_CLIENTS)}
        try:
            client = self._client(once=question.is_turn and config.get("resend") is not True)
            messages = messages_of(question.prompt)
            answer = await client.acompletion(self._model, messages, **{"reasoning_effort": None, **told})
        except ImportError as error:
            install = f"{INSTALL[:-1]}' 'any-llm-sdk[{self._provider}]'"
            return Reply(error=f"{self._provider} is asked through the Python package any-llm-sdk: {error} ({install})")
        except Exception as error:  # noqa: BLE001  each client raises what its makers chose; it costs this trial
            cause = getattr(error, "original_exception", None) or error
            return Reply(error=f"{type(cause).__name__}: {cause}")
        return self._read(answer, config)

    def _client(self, *, once: bool) -> Any:
        """Return the library's client, made when it is first needed; raises what that raises."""
        if once not in self._clients:
            from any_llm import AnyLLM

            variable = str(self._config.get("apiKeyEnvar") or "")
            key = self._config.get("apiKey") or self._env.get(variable) or None
            kind = AnyLLM.get_provider_class(self._provider)
            retries = {"max_retries": 0} if once and kind.MAX_RETRIES_SUPPORT in ("native", "mapped") else {}
            more = {"unified_exceptions": True, **retries, **(self._config.get("client") or {})}
            self._clients[once] = AnyLLM.create(self._provider, key, self._config.get("apiBaseUrl"), **more)
        return self._clients[once]

    async def close(self) -> None:
        """Close the connections of clients that can be closed."""
        for made in self._clients.values():
            close = getattr(getattr(made, "client", None), "close", None)
            done = close() if close is not None else None
            if inspect.isawaitable(done):
                await done

    def _read(self, told: Any, config: JsonDict) -> Reply:
        text = told.model_dump_json()
        answer = Answer(status_code=200, reason_phrase="OK", headers={}, text=text)
        with contextlib.suppress(NotAnsweredError):
            return reading(answers.chat, answer, self._model, config)
        return Reply(error=f"there is nothing in the answer: {text[:200]}")


def _parsed(written: str) -> tuple[str, str]:
    """Return provider and model; raises ProviderError where one is missing."""
    _, _, rest = written.partition(":")
    provider, _, model = rest.partition(":")
    if not provider or not model:
        raise ProviderError(f"{written!r} names no model", todo="write any-llm:mistral:mistral-small-latest")
    return provider, model
