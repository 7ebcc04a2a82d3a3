"""Traces: each trial is given one; providers report its spans to a receiver here, and assertions look at them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from sojourn.engine.otlp import read_spans
from sojourn.errors import ConfigError
from sojourn.model.suite import JsonDict

_MOST = 32 * 1024 * 1024
_LATE = 10
_STEADY = 2
_PAUSE = 0.1
_PATIENCE = 10.0
_REDACTED = "[REDACTED]"


class Traces:
    """The spans of a run by their traces; `of` waits until those of a trace have come."""

    def __init__(self, env: Mapping[str, str], hidden: Iterable[Any] = ()) -> None:
        self._spans: dict[str, list[JsonDict]] = {}
        self._hidden = [word.strip().lower() for word in hidden if isinstance(word, str) and word.strip()]
        self._tries = _whole(env.get("PROMPTFOO_TRACE_FETCH_MAX_ATTEMPTS"), _LATE)
        self._steady = _whole(env.get("PROMPTFOO_TRACE_FETCH_STABLE_POLLS"), _STEADY)
        self._pause = _whole(env.get("PROMPTFOO_TRACE_FETCH_RETRY_DELAY_MS"), int(_PAUSE * 1000)) / 1000

    def begin(self) -> tuple[str, str]:
        """Return the id of a new trace and the `traceparent` by which its spans are known."""
        trace = secrets.token_hex(16)
        self._spans[trace] = []
        return trace, f"00-{trace}-{secrets.token_hex(8)}-01"

    def take(self, body: bytes, kind: str) -> None:
        """Keep the spans of a request that belong to a trial of this run; raises ValueError for what is no OTLP."""
        for trace, span in read_spans(body, kind):
            if trace in self._spans:
                self._spans[trace].append(self._censored(span))

    def _censored(self, span: JsonDict) -> JsonDict:
        """Put `[REDACTED]` for what `redactAttributes` names, and for a name or message that repeats it."""
        if not self._hidden:
            return span
        attributes = span["attributes"]
        secret = {value for key, value in attributes.items() if isinstance(value, str) and self._is_hidden(key)}
        said = {key: _REDACTED for key in ("name", "statusMessage") if span[key] in secret}
        return {**span, **said, "attributes": self._without(attributes)}

    def _without(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._without(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {key: _REDACTED if self._is_hidden(key) else self._without(each) for key, each in value.items()}

    def _is_hidden(self, key: str) -> bool:
        return any(word in key.lower() for word in self._hidden)

    async def of(self, trace: str) -> list[JsonDict]:
        """Return the spans of a trace, once no more come: exporters send them late."""
        spans = self._spans[trace]
        seen, same = len(spans), 0
        for _ in range(self._tries):
            if spans and same >= self._steady:
                break
            await asyncio.sleep(self._pause)
            same = same + 1 if len(spans) == seen else 0
            seen = len(spans)
        return sorted(spans, key=lambda span: span["startTime"])


def _whole(told: str | None, usual: int) -> int:
    return int(told) if told and told.isdecimal() else usual


@contextlib.asynccontextmanager
async def traced(asked: Mapping[str, Any], env: Mapping[str, str]) -> AsyncIterator[Traces]:
    """Listen for spans while a run goes on, where a suite's `tracing` says."""
    otlp = asked.get("otlp")
    http = otlp.get("http") if isinstance(otlp, Mapping) else None
    wanted: Mapping[str, Any] = http if isinstance(http, Mapping) else {}
    hidden = wanted.get("redactAttributes")
    traces = Traces(env, hidden if isinstance(hidden, list) else ())
    connections: set[asyncio.Task[Any]] = set()
    server = await _listening(traces, wanted, connections, needed=asked.get("failOnReceiverStartFailure") is True)
    try:
        yield traces
    finally:
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        if server is not None:
            server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), _PATIENCE)


async def _listening(
    traces: Traces, wanted: Mapping[str, Any], connections: set[asyncio.Task[Any]], *, needed: bool
) -> asyncio.Server | None:
    """Listen where the suite says; if somebody else does, the run goes on without the spans of others.

    Raises ConfigError then if it must not (`failOnReceiverStartFailure`).
    """
    host, port = str(wanted.get("host") or "127.0.0.1"), wanted.get("port", 4318)
    if wanted.get("enabled", True) is False:
        return None

    def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(_serve(traces, reader, writer))
        connections.add(connection)
        connection.add_done_callback(connections.discard)

    try:
        return await asyncio.start_server(served, host, int(port))
    except (OSError, OverflowError, TypeError, ValueError) as error:
        why = f"nobody can listen on {host}:{port} ({getattr(error, 'strerror', None) or error})"
        told = f"no spans are received: {why}; name another tracing.otlp.http.port"
        if needed:
            raise ConfigError.of(told) from error
        sys.stderr.write(f"warning: {told}\n")
        return None


async def _serve(traces: Traces, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while await _one(traces, reader, writer):
            await writer.drain()
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # whoever speaks nonsense or goes away is not answered
    finally:
        writer.close()


async def _one(traces: Traces, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; tells whether another may follow."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await _body(reader, headers)
    status = "200 OK"
    if head[0].startswith("POST"):
        try:
            traces.take(_unpacked(body, headers), headers.get("content-type", ""))
        except (ValueError, zlib.error):
            status = "400 Bad Request"
    keep = headers.get("connection", "").lower() != "close"
    after = "keep-alive" if keep else "close"
    told = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: {after}\r\n\r\n{{}}"
    )
    writer.write(told.encode())
    return keep


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    """Read a request's body, whole or in chunks (RFC 9112, section 7.1); raises ValueError where it is too large."""
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.readexactly(_bounded(int(headers.get("content-length") or 0)))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += await reader.readexactly(_bounded(len(body) + size) - len(body))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return body


def _bounded(size: int) -> int:
    if size > _MOST:
        raise ValueError("too large")
    return size


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    if headers.get("content-encoding") != "gzip":
        return body
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    whole = unpacking.decompress(body, _MOST)
    if not unpacking.eof:
        raise ValueError("too large, or cut off")
    return whole
