"""`ws://...`, `wss://...`, `websocket`: one connection a conversation, kept over its turns and closed with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Belongings, Question, Tools
from sojourn.providers.answer import read_answer
from sojourn.providers.expressions import Broken, expression
from sojourn.providers.request_body import Fill, filled_json
from sojourn.providers.sending import Manner
from sojourn.template.jsontext import json_text

MOST_BYTES = 64 * 1024 * 1024


_READ = """
headers maxRetries messageTemplate protocols responseParser streamResponse timeoutMs transformResponse url
"""
"""The keys under `config` that are read."""


class Silence(Exception):  # noqa: N818  what the reply's error will say
    """No answer came; the text is for the user."""


class WebSocket:
    """Sends a message for each prompt; what comes back first is the answer, or what `streamResponse` makes of all."""

    keys: ClassVar[frozenset[str]] = frozenset(_READ.split())

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        config, base = spec.config, spec.base or str(tools.base)
        self._config = config
        self._url = str(config.get("url") or spec.id)
        self._tools = tools
        key = "transformResponse" if "transformResponse" in config else "responseParser"
        self._response = expression(config, key, "parser", tools, base)
        self._stream = expression(config, "streamResponse", "stream", tools, base)
        self._seconds = Manner.of(config, {**tools.env, **spec.env}).timeout_s

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where a message can never be sent."""
        if not spec.id.startswith(("ws:", "wss:")) and not spec.config.get("url"):
            raise ProviderError(f"{spec.id!r} needs an address", todo="write url: under config")
        if not spec.config.get("messageTemplate"):
            raise ProviderError(f"{spec.id!r} needs a messageTemplate", todo="for example '{{prompt}}'")

    async def ask(self, question: Question) -> Reply:
        """Answer with what comes back; a connection that broke is the error of this turn and of those after it."""
        variables = {**(question.context.get("vars") or {}), "prompt": question.prompt}

        def fill(text: str) -> str:
            return self._tools.render(text, variables)

        message = filled_json(self._config["messageTemplate"], fill)
        try:
            connection = await self._connection(question.belongings, fill)
            return await self._said(connection, message if isinstance(message, str) else json_text(message), question)
        except (Broken, Silence) as error:
            return Reply(error=str(error))

    async def _connection(self, belongings: Belongings, fill: Fill) -> Any:
        """Return the conversation's connection, opened with its first turn; raises Silence."""
        connection = belongings.kept.get("websocket")
        if connection is None:
            connection = await self._opened(fill)
            belongings.kept["websocket"] = connection
            belongings.stack.push_async_callback(connection.close)
        elif connection.close_code is not None or belongings.kept.get("given up"):
            code = f" ({connection.close_code})" if connection.close_code else ""
            raise Silence(f"the connection of this conversation was closed{code} before this turn")
        return connection

    async def _opened(self, fill: Fill) -> Any:
        try:
            from websockets.asyncio.client import connect
            from websockets.exceptions import WebSocketException
        except ImportError as error:
            raise ProviderError("a WebSocket needs a library", todo="pip install 'sojourn[websocket]'") from error
        url = fill(self._url)
        headers = {fill(str(key)): fill(str(value)) for key, value in (self._config.get("headers") or {}).items()}
        protocols = self._config.get("protocols")
        protocols = [protocols] if isinstance(protocols, str) else protocols
        try:
            return await connect(
                url,
                additional_headers=headers,
                subprotocols=protocols,
                open_timeout=self._seconds,
                close_timeout=2,
                max_size=MOST_BYTES,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            raise Silence(f"{url} cannot be reached: {str(error) or type(error).__name__}") from error

    async def _said(self, connection: Any, message: str, question: Question) -> Reply:
        from websockets.exceptions import ConnectionClosed

        is_answered = False
        try:
            async with asyncio.timeout(self._seconds):
                await connection.send(message)
                found = await (self._streamed(connection, question) if self._stream else self._first(connection))
            is_answered = True
        except ConnectionClosed as error:
            raise Silence(f"the connection was closed before an answer came: {error}") from error
        except TimeoutError as error:
            raise Silence(f"no answer came within {self._seconds:g} s") from error

        finally:
            if not is_answered:  # one that comes late must not be taken for that of the next turn
                question.belongings.kept["given up"] = True
                await connection.close()
        return found

    async def _first(self, connection: Any) -> Reply:
        data = _parsed(_text(await connection.recv()))
        made = data if self._response is None else await self._response(data)
        if made is None:
            raise Broken(f"the answer has no output: {str(data)[:200]}")
        return _reply(made)

    async def _streamed(self, connection: Any, question: Question) -> Reply:
        assert self._stream is not None
        whole: JsonDict = {}
        while True:
            event = {"type": "message", "data": _text(await connection.recv())}
            made = await self._stream(whole, event, question.context)
            if not isinstance(made, list) or len(made) != 2:
                raise Broken(f"streamResponse must return [accumulator, done], not {str(made)[:100]}")
            whole, done = made
            if done:
                return _reply(whole)


def _text(message: str | bytes) -> str:
    return message.decode(errors="replace") if isinstance(message, bytes) else message


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _reply(made: Any) -> Reply:
    if isinstance(made, Mapping) and ("output" in made or made.get("error")):
        return read_answer(made)
    return Reply(output=made)
