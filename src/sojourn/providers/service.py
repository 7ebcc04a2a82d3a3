"""A model behind a REST interface: its address and key, one request in JSON, and what went wrong in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.exchange import Answer, Exchange
from sojourn.providers.request_body import filled
from sojourn.providers.schemas import loaded_form, loaded_list
from sojourn.providers.sending import Manner, Outgoing, SendingError, refusal

_TEMPLATES = ("apiBaseUrl", "apiKey", "functions", "response_format", "tool_choice", "tools")
"""Entries of a configuration in which the test's variables, and its sessions, are filled in."""
_LISTS = ("functions", "tools")
"""Those that a test may name as a file."""


class NotAnsweredError(Exception):
    """There is no answer to read; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.error)
        self.reply = reply


class Service:
    """Sends one provider's requests; answers that are no success raise NotAnsweredError."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self.env = {**tools.env, **spec.env}
        self._config = spec.config
        self._base = spec.base or str(tools.base)
        self._render = tools.render
        self._exchange = Exchange(spec, tools, Manner.of(spec.config, self.env))

    def config_for(self, question: Question) -> JsonDict:
        """Return the configuration with the prompt's own over it, and the test's variables filled in."""
        own = (question.context.get("prompt") or {}).get("config") or {}
        variables = question.context.get("vars") or {}
        merged = {**self._config, **own}
        texts = {key: merged[key] for key in _TEMPLATES if key in merged}
        made = {**merged, **filled(texts, lambda text: self._render(text, variables))}
        return {**made, **{key: self._from_file(loaded_list, made[key]) for key in _LISTS if key in made}}

    def form_of(self, config: JsonDict) -> Any:
        """Return the configuration's `response_format`, with what it takes from files."""
        return self._from_file(loaded_form, config.get("response_format"))

    def _from_file(self, load: Callable[[Any, str], Any], value: Any) -> Any:
        try:
            return load(value, self._base)
        except ProviderError as error:
            raise NotAnsweredError(Reply(error=str(error))) from error

    def key(self, config: Mapping[str, Any], variable: str) -> str:
        """Return the key to send; raises NotAnsweredError where there is none. No `variable`: none is needed."""
        named = str(config.get("apiKeyEnvar") or variable)
        found = str(config.get("apiKey") or self.env.get(named) or "")
        if not found and variable and config.get("apiKeyRequired") is not False:
            todo = f"set the environment variable {named}, or write apiKey under config"
            raise NotAnsweredError(Reply(error=f"there is no API key ({todo})"))
        return found

    async def post(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any], question: Question) -> Answer:
        """Send a request in JSON; returns a success."""
        said = {"content-type": "application/json", **headers, **self._headers(question)}
        outgoing = Outgoing(method="POST", url=url, headers=said, content=json.dumps(body, ensure_ascii=False))
        try:
            answer = await self._exchange.send(outgoing, question)
        except SendingError as error:
            raise NotAnsweredError(Reply(error=str(error))) from error
        if answer.is_error:
            raise NotAnsweredError(_refused(answer))
        return answer

    def _headers(self, question: Question) -> dict[str, str]:
        variables = question.context.get("vars") or {}
        return {key: self._render(text, variables) for key, text in _texts(self._config.get("headers")).items()}

    async def close(self) -> None:
        """Close all connections."""
        await self._exchange.close()


def data_of(answer: Answer) -> JsonDict:
    """Return an answer's JSON object; raises NotAnsweredError where it is none, or tells of an error."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        what = f"API error: the answer is no JSON object: {answer.text[:200]}"
        raise NotAnsweredError(Reply(error=what, metadata={"http": answer.http()}))
    if found.get("error"):
        raise NotAnsweredError(Reply(error=f"API error: {_message(found)}", metadata={"http": answer.http()}))
    return found


def check_servers(spec: ProviderSpec) -> None:
    """Raise ProviderError where a model is to be given the tools of MCP servers, which promptfoo calls for it."""
    servers = spec.config.get("mcp")
    if isinstance(servers, Mapping) and servers.get("enabled"):
        todo = "call them in a provider of yours: file://agent.py, or ask the server itself: the provider mcp"
        raise ProviderError(f"{spec.id!r}: tools of MCP servers are not called for a model", todo=todo)


def reading(read: Callable[..., Reply], answer: Answer, *more: Any) -> Reply:
    """Read an answer; one of another shape than the service's own is an error that shows it."""
    try:
        return read(answer, *more)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"API error: the answer cannot be read ({error}): {answer.text[:200]}"
        return Reply(error=what, metadata={"http": answer.http()})


def _texts(headers: Any) -> dict[str, str]:
    return {str(key).lower(): str(value) for key, value in headers.items()} if isinstance(headers, Mapping) else {}


def _refused(answer: Answer) -> Reply:
    """Return the error, or the refusal where the service tells that it will not have such a prompt."""
    said, http = f"API error: {_said(answer)}", {"http": answer.http()}
    if _code(answer) != "invalid_prompt":
        return Reply(error=said, metadata=http)
    flags = {"isRefusal": True, "guardrails": {"flagged": True, "flaggedInput": True}}
    return Reply(output=said, metadata=http, extra=flags)


def _code(answer: Answer) -> Any:
    try:
        return answer.json()["error"]["code"]
    except (ValueError, TypeError, KeyError):
        return None


def _said(answer: Answer) -> str:
    """Return the status with the message in the answer, or with its text."""
    try:
        told = answer.json()
    except ValueError:
        return refusal(answer)
    if not isinstance(told, dict) or not told.get("error"):
        return refusal(answer)
    return f"{answer.status_code} {answer.reason_phrase}: {_message(told)}"


def _message(told: JsonDict) -> str:
    error = told["error"]
    return str(error.get("message") or json.dumps(error)) if isinstance(error, dict) else str(error)


def messages_of(prompt: str) -> list[Any]:
    """Return the messages of a chat: those of a prompt in JSON or YAML, or the prompt as the user's only one."""
    found: Any = None
    text = prompt.lstrip()
    if text.startswith("["):
        try:
            found = json.loads(prompt)
        except ValueError:
            found = None
    elif text.startswith("- role:"):
        import yaml

        try:
            found = yaml.safe_load(prompt)
        except yaml.YAMLError:
            found = None
    if isinstance(found, list) and found and all(isinstance(each, dict) and "role" in each for each in found):
        return found
    return [{"role": "user", "content": prompt}]
