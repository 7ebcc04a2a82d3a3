"""`kind: websocket`: a connection that lives as long as its scope, so that a conversation has one to itself."""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import Any, ClassVar

from sojourn.kinds.parents import told
from sojourn.kinds.proxies import is_here
from sojourn.kinds.waiting import settled

MOST_SHOWN = 100


class Websocket:
    """`send`, `receive` and `ask`; `log` has every message, `>` those sent and `<` those received."""

    keys: ClassVar[dict[str, Any]] = {
        "url": str,
        "headers": dict,
        "token_env": str,
        "subprotocols": list,
        "hello": (str, dict, list),
        "timeout": float,
        "ping": float,
        "reconnect": int,
        "close_code": int,
    }
    requires: ClassVar[dict[str, str]] = {"websockets": "sojourn[websocket]"}

    async def open(self, config: dict[str, Any], parents: dict[str, Any]) -> None:
        """Connect, and say hello where that is configured: a message, or a list of them."""
        self._config, self._loop, self._turn = config, asyncio.get_running_loop(), asyncio.Lock()
        self._timeout = float(config.get("timeout") or 30)
        self._chances = int(config.get("reconnect") or 0)
        self.log: list[str] = []
        self.url = re.sub("^http", "ws", told(config, "url", parents))
        self.handle = {"url": self.url}
        await self._connect()

    async def _connect(self) -> None:
        from websockets.asyncio.client import connect

        headers = dict(self._config.get("headers") or {})
        if self._config.get("token_env"):
            headers["Authorization"] = f"Bearer {os.environ[self._config['token_env']]}"
        ping = float(self._config.get("ping") or 20)
        self.connection = await connect(
            self.url,
            additional_headers=headers,
            subprotocols=self._config.get("subprotocols"),
            ping_interval=ping,
            ping_timeout=ping,
            open_timeout=self._timeout,
            proxy=None if is_here(self.url) else True,
        )
        hello = self._config.get("hello")
        try:
            for message in hello if isinstance(hello, list) else [hello] if hello else []:
                await self._put(message)
        except BaseException:
            await self.connection.close()
            raise

    # --- messages: awaited in a coroutine, at once in a plain function ----------------------------------------

    def send(self, message: Any) -> Any:
        """Send a text, bytes, or anything else as JSON. A connection that is lost is made again, if it may be."""
        return settled(self._send(message), self._loop)

    def receive(self, timeout: float | None = None) -> Any:
        """Return the next message: what JSON it is, or else its text."""
        return settled(self._receive(timeout), self._loop)

    def ask(self, message: Any) -> Any:
        """Send a message and return the next that comes; others who ask wait for their turn."""
        return settled(self._ask(message), self._loop)

    async def _ask(self, message: Any) -> Any:
        async with self._turn:
            try:
                await self._send(message)
                return await self._receive()
            except BaseException:
                # An answer that comes late would be taken for that to the next question.
                await self.connection.close()
                raise

    async def _send(self, message: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._put(message)
        except ConnectionClosed as lost:
            if not self._chances:
                raise ConnectionError(f"the connection is lost: {_why(lost)}") from lost
            self._chances -= 1
            self.log.append(f"- connected again after {_why(lost)}")
            await self._connect()
            await self._put(message)

    async def _put(self, message: Any) -> None:
        data = message if isinstance(message, str | bytes) else json.dumps(message, ensure_ascii=False)
        await self.connection.send(data)
        self.log.append(f"> {data!s}")

    async def _receive(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109  it is part of what it says
        from websockets.exceptions import ConnectionClosed

        limit = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(limit):
                data = await self.connection.recv()
        except TimeoutError:
            raise TimeoutError(f"no message within {limit:g} s") from None
        except ConnectionClosed as lost:
            raise ConnectionError(f"the connection is lost: {_why(lost)}") from lost
        self.log.append(f"< {data!s}")
        return _read(data)

    async def check(self) -> bool:
        """Ping, and wait for the answer."""
        async with asyncio.timeout(self._timeout):
            await (await self.connection.ping())
        return True

    def look(self, expression: str) -> list[str]:
        """Return the messages of the log that match a pattern."""
        return [line for line in self.log if re.search(expression, line)]

    def evidence(self) -> dict[str, Any]:
        """Return the last messages."""
        return {"messages": self.log[-MOST_SHOWN:]}

    async def close(self) -> None:
        """Close in order, with the code that is configured."""
        await self.connection.close(int(self._config.get("close_code") or 1000))

    def reclaim(self) -> None:
        """Nothing is left: the connection went with its process."""


def _why(lost: Any) -> str:
    code = lost.rcvd.code if lost.rcvd else "no closing frame"
    reason = f" {lost.rcvd.reason}" if lost.rcvd and lost.rcvd.reason else ""
    return f"{code}{reason}"


def _read(data: str | bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data
