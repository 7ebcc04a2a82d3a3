"""`kind: mcp`: a session with a server of the Model Context Protocol, which is started, or reached by its URL."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import sys
import tempfile
from typing import Any, ClassVar

from sojourn.kinds.marked import MARK, end_all
from sojourn.kinds.waiting import settled

TAIL = 8000


class Mcp:
    """`call(tool, **arguments)` and `tools()`; `client` is the official SDK's `Client`."""

    keys: ClassVar[dict[str, Any]] = {"command": (str, list), "cwd": str, "env": dict, "url": str, "timeout": float}
    requires: ClassVar[dict[str, str]] = {"mcp": "sojourn[mcp]"}

    async def open(self, config: dict[str, Any], tag: str, base: str) -> None:
        """Start the server, or find it, and begin a session; the task that opens it also closes it."""
        from mcp import Client

        if bool(config.get("command")) == bool(config.get("url")):
            raise ValueError("it needs either a command or a url")
        self._loop = asyncio.get_running_loop()
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  closed in close
        server = config["url"] if config.get("url") else self._program(config, tag, base)
        self.client = Client(server, read_timeout_seconds=float(config.get("timeout") or 30))
        self._tag, begun = tag, False
        try:
            await self.client.__aenter__()
            begun = True
            self.handle = {"tools": await self._tools()}
        except BaseException as error:
            said = self._said()
            await self._undo(begun=begun)
            raise ConnectionError(f"no session with the server: {_why(error)} {said}".strip()) from error

    async def _undo(self, *, begun: bool) -> None:
        """Leave nothing of an opening that failed; its cause is told, not what fails after it."""
        try:
            with contextlib.suppress(Exception):
                if begun:
                    await self.client.__aexit__(None, None, None)
        finally:
            await asyncio.to_thread(end_all, self._tag)
            self._log.close()

    def _program(self, config: dict[str, Any], tag: str, base: str) -> Any:
        from mcp import StdioServerParameters, stdio_client

        command = config["command"]
        words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
        words = [word.replace("{python}", sys.executable) for word in words]
        env = {key: str(value) for key, value in (config.get("env") or {}).items()}
        folder = os.path.join(base, config.get("cwd") or "")
        known = StdioServerParameters(
            command=words[0], args=words[1:], env={**os.environ, **env, MARK: tag}, cwd=folder
        )
        return stdio_client(known, errlog=self._log)

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()[-TAIL:].strip()

    def tools(self) -> Any:
        """Return the names of the server's tools; awaited in a coroutine, at once in a plain function."""
        return settled(self._tools(), self._loop)

    def call(self, tool: str, /, **arguments: Any) -> Any:
        """Call a tool, and return its structured answer, or else its text; awaited as `tools` is."""
        return settled(self._call(tool, arguments), self._loop)

    async def _tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def _call(self, tool: str, arguments: dict[str, Any]) -> Any:
        answer = await self.client.call_tool(tool, arguments)
        text = "\n".join(part.text for part in answer.content if hasattr(part, "text"))
        if answer.is_error:
            raise RuntimeError(f"the tool {tool} answers: {text}")
        structured = answer.structured_content
        if structured is None:
            return text
        return structured["result"] if structured.keys() == {"result"} else structured

    async def look(self, expression: str) -> Any:
        """Call a tool: its name, and behind it, if it has any, its arguments as a JSON object."""
        tool, _, arguments = expression.partition(" ")
        return await self._call(tool, json.loads(arguments or "{}"))

    async def check(self) -> bool:
        """Ask the server for its tools."""
        await self._tools()
        return True

    def evidence(self) -> dict[str, str]:
        """Return the end of what the server wrote to standard error."""
        return {"log": self._said()}

    async def close(self) -> None:
        """End the session, and all that the server started."""
        try:
            await self.client.__aexit__(None, None, None)
        finally:
            await asyncio.to_thread(end_all, self._tag)
            self._log.close()

    def reclaim(self, tag: str) -> None:
        """End the server of a session whose process is gone; one with a URL ends such sessions by itself."""
        end_all(tag)


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
