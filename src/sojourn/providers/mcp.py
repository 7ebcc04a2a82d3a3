"""`mcp`: servers of the Model Context Protocol under test; each prompt is a call of one of their tools, in JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any, ClassVar

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.answer import read_answer
from sojourn.providers.credentials import Credentials
from sojourn.providers.expressions import Broken, expression
from sojourn.providers.sending import HERE

INSTALL = "pip install 'sojourn[mcp]'"
_READ = "debug defaultArgs enabled exclude_tools pingOnConnect server servers timeout tools transformResponse verbose"
_TOOL = ("tool", "toolName", "function", "functionName", "name")
_ARGUMENTS = ("args", "arguments", "params", "parameters")
_CLOSED = -32000
"""The SDK's code for a connection that is gone."""
_TAIL = 2000


class _UnansweredError(Exception):
    """There is no answer; the text says why."""


class Mcp:
    """Calls tools; the answer is their content in JSON, also where a tool says that it failed.

    Turns of a conversation have a session with the servers of their own; all else shares one.
    """

    keys: ClassVar[frozenset[str]] = frozenset(_READ.split())

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._config = dict(spec.config)
        self._servers = [_Server(each, spec, tools) for each in _servers(spec)]
        self._seconds = _seconds(spec, tools.env)
        self._response = expression(spec.config, "transformResponse", "result", tools, spec.base or str(tools.base))
        self._kept: JsonDict = {}
        self._opening = asyncio.Lock()
        self._failed: _UnansweredError | None = None

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where no server is named, one that cannot be reached in this way, or no time to wait."""
        if not spec.config.get("enabled", True):
            raise ProviderError(f"{spec.id!r} is not enabled", todo="write enabled: true, or take the provider out")
        _seconds(spec, os.environ)
        for server in _servers(spec):
            if not any(isinstance(server.get(key), str) for key in ("command", "path", "url")):
                raise ProviderError(f"a server of {spec.id!r} needs a command, a path or a url", todo="write server:")
            if (server.get("auth") or {}).get("type") == "oauth":
                todo = "fetch the token beforehand, and write auth: {type: bearer, token: ...}"
                raise ProviderError(f"a server of {spec.id!r}: auth of type oauth is not there", todo=todo)

    async def ask(self, question: Question) -> Reply:
        """Answer with what the tool that the prompt names said; what goes wrong is the reply's error."""
        try:
            tool, arguments, payload = _call(question.prompt)
            arguments = {**(self._config.get("defaultArgs") or {}), **arguments}
            link = await (self._own(question) if question.is_turn else self._common())
            answer = await link.call(tool, arguments)
            told = {"toolName": tool, "toolArgs": arguments, "originalPayload": payload}
            return await self._told(answer, told)
        except (_UnansweredError, Broken) as error:
            return Reply(error=str(error))

    async def _told(self, answer: Any, call: JsonDict) -> Reply:
        """Return what the tool said, or what `transformResponse` makes of it."""
        parts = [part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in answer.content]
        raw = {"content": parts, "isError": bool(answer.is_error)}
        if answer.structured_content is not None:
            raw["structuredContent"] = answer.structured_content
        made: Any = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        if self._response is not None:
            made = await self._response(raw, made, call)
        if made is None:
            raise Broken(f"transformResponse returned nothing for {str(parts)[:200]}")
        is_whole = isinstance(made, Mapping) and ("output" in made or isinstance(made.get("error"), str))
        whole = made if is_whole else {"output": made}
        return read_answer({"raw": raw, **whole, "metadata": {**(whole.get("metadata") or {}), **call}})

    async def close(self) -> None:
        """End the common session."""
        if link := self._kept.pop("mcp", None):
            await link.close()

    async def _common(self) -> _Link:
        async with self._opening:  # all who come meanwhile have the same one
            if self._failed:  # an opening that fails is the cause for all who need it
                raise _UnansweredError(str(self._failed))
            link = self._kept.get("mcp")
            if link and link.is_over:
                await self.close()
                link = None
            if link is None:
                try:
                    link = self._kept["mcp"] = await self._opened()
                except _UnansweredError as error:
                    self._failed = error
                    raise
            return link

    async def _own(self, question: Question) -> _Link:
        belongings = question.belongings
        link: _Link | None = belongings.kept.get("mcp")
        if link is None:
            link = belongings.kept["mcp"] = await self._opened()
            belongings.stack.push_async_callback(link.close)
        elif link.is_over:
            raise _UnansweredError("the server of this conversation ended before this turn")
        return link

    async def _opened(self) -> _Link:
        link = _Link(self._servers, self._seconds, self._config)
        await link.open()
        return link


class _Server:
    """How one server is started or reached."""

    def __init__(self, config: Mapping[str, Any], spec: ProviderSpec, tools: Tools) -> None:
        self._config = config
        self._base = spec.base or str(tools.base)
        self._env = {**tools.env, **spec.env}
        self._tools = tools
        self.name = str(config.get("name") or config.get("url") or config.get("path") or config.get("command"))

    async def transport(self, stack: contextlib.AsyncExitStack, log: Any) -> Any:
        """Return what the SDK's client talks through; what it needs is closed with the stack."""
        if self._config.get("url"):
            return await self._remote(stack)
        from mcp import StdioServerParameters, stdio_client

        path = str(self._config.get("path") or "")
        command = str(self._config.get("command") or (sys.executable if path.endswith(".py") else "node"))
        arguments = [*([path] if path else []), *map(str, self._config.get("args") or [])]
        env = {**self._env, **{key: str(value) for key, value in (self._config.get("env") or {}).items()}}
        return stdio_client(StdioServerParameters(command=command, args=arguments, env=env, cwd=self._base), errlog=log)

    async def _remote(self, stack: contextlib.AsyncExitStack) -> Any:
        import httpx2
        from mcp.client.sse import sse_client
        from mcp.client.streamable_http import streamable_http_client

        from sojourn.trust import trust

        headers, query = self._proof()
        url = str(httpx2.URL(self._config["url"]).copy_merge_params(query))
        if httpx2.URL(url).path.endswith("/sse"):
            return sse_client(url, headers)
        limits = httpx2.Timeout(30, read=300)
        client = httpx2.AsyncClient(headers=headers, timeout=limits, mounts=dict.fromkeys(HERE), verify=trust())
        return streamable_http_client(url, http_client=await stack.enter_async_context(client))

    def _proof(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the headers and the query that the server wants to see."""
        headers = {str(key): str(value) for key, value in (self._config.get("headers") or {}).items()}
        auth = self._config.get("auth")
        if not auth:
            return headers, {}
        auth = {"keyName": "X-API-Key", "value": auth.get("api_key"), **auth}
        credentials = Credentials(auth, self._tools, self._base)
        return {**headers, **credentials.headers(str)}, credentials.query(str)


class _Link:
    """A session with each of the servers; the task that opens them closes them, as their SDK wants it."""

    def __init__(self, servers: list[_Server], seconds: float, config: Mapping[str, Any]) -> None:
        self._servers, self._seconds = servers, seconds
        self._allowed, self._excluded = config.get("tools"), config.get("exclude_tools") or ()
        self._clients: dict[str, Any] = {}
        self._end = asyncio.Event()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_over = False

    async def open(self) -> None:
        """Reach every server and learn its tools; raises _UnansweredError, and then nothing is left of it."""
        self._task = asyncio.create_task(self._hold())
        try:
            await self._ready
        except BaseException:
            self._task.cancel()
            await asyncio.wait([self._task])
            raise

    async def call(self, tool: str, arguments: JsonDict) -> Any:
        """Call a tool; raises _UnansweredError where the server does not know it, or does not answer."""
        from mcp import MCPError

        if tool not in self._clients:
            known = ", ".join(sorted(self._clients)) or "none"
            raise _UnansweredError(f"no server has a tool {tool!r} (there are: {known})")
        try:
            return await self._clients[tool].call_tool(tool, arguments)
        except MCPError as error:
            if error.code == _CLOSED:
                self.is_over = True
                self._end.set()
            raise _UnansweredError(f"the tool {tool} does not answer: {error}") from error

    async def close(self) -> None:
        """End all of it."""
        self._end.set()
        with contextlib.suppress(Exception):
            await self._task

    async def _hold(self) -> None:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            server = self._servers[0]
            try:
                async with contextlib.AsyncExitStack() as stack:
                    for server in self._servers:
                        await self._begin(server, stack, log)
                    self._ready.set_result(None)
                    await self._end.wait()
            except ImportError as error:
                self._fail(ProviderError(f"MCP needs a library: {error}", todo=INSTALL))
            except Exception as error:  # noqa: BLE001  whatever ends a server is the error of who asks it
                log.seek(0)
                said = log.read()[-_TAIL:].strip()
                self._fail(_UnansweredError(f"no session with the server {server.name}: {_why(error)} {said}".strip()))
            finally:
                self.is_over = True

    def _fail(self, error: Exception) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)

    async def _begin(self, server: _Server, stack: contextlib.AsyncExitStack, log: Any) -> None:
        from mcp import Client

        transport = await server.transport(stack, log)
        client = await stack.enter_async_context(Client(transport, read_timeout_seconds=self._seconds))
        cursor: str | None = None
        while True:
            page = await client.list_tools(cursor=cursor)
            for name in [tool.name for tool in page.tools]:
                if name not in self._excluded and (not self._allowed or name in self._allowed):
                    self._clients.setdefault(name, client)
            cursor = page.next_cursor
            if not cursor:
                return


def _seconds(spec: ProviderSpec, environ: Mapping[str, str]) -> float:
    """Return how long to wait for an answer; raises ProviderError where that is no time."""
    name = "timeout" if spec.config.get("timeout") else "MCP_REQUEST_TIMEOUT_MS"
    told = spec.config.get("timeout") or {**environ, **spec.env}.get("MCP_REQUEST_TIMEOUT_MS") or 60_000
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        seconds = float(told) / 1000
        if seconds > 0 and math.isfinite(seconds) and not isinstance(told, bool):
            return seconds
    raise ProviderError(
        f"{name} of {spec.id!r} must be a number above 0, not {told!r}", todo="write milliseconds, such as 60000"
    )


def _servers(spec: ProviderSpec) -> list[Mapping[str, Any]]:
    """Return the servers of a configuration; raises ProviderError where there are none."""
    servers = spec.config.get("servers") or [spec.config.get("server")]
    if not isinstance(servers, list) or not all(isinstance(each, Mapping) for each in servers):
        todo = "write server: {command: node, args: [server.js]} under config"
        raise ProviderError(f"{spec.id!r} names no server", todo=todo)
    return servers


def _call(prompt: str) -> tuple[str, JsonDict, JsonDict]:
    """Return the tool that a prompt names, its arguments and the whole prompt; raises _UnansweredError."""
    expected = 'write {"tool": "name", "args": {...}}'
    try:
        payload = json.loads(prompt)
    except ValueError as error:
        raise _UnansweredError(
            f"the prompt is no call of a tool: not valid JSON ({expected}): {prompt[:100]}"
        ) from error
    found = payload if isinstance(payload, dict) else {}
    tool = next((found[key] for key in _TOOL if found.get(key)), None)
    if not isinstance(tool, str):
        raise _UnansweredError(f"the prompt names no tool ({expected}): {prompt[:100]}")
    arguments: Any = next((found[key] for key in _ARGUMENTS if found.get(key)), {})
    return tool, arguments if isinstance(arguments, dict) else {}, found


def _why(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
