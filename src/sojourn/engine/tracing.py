"""Traces: each trial is given one; providers report its spans to a receiver here, and assertions look at them."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sojourn.engine.otlp import read_spans
from sojourn.model.suite import JsonDict

_MOST = 32 * 1024 * 1024
_LATE = 10
_STEADY = 2
_PAUSE = 0.1
_PATIENCE = 10.0


class Traces:
    """The spans of a run by their traces; `of` waits until those of a trace have come."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._spans: dict[str, list[JsonDict]] = {}
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
                self._spans[trace].append(span)

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
    traces = Traces(env)
    server = await _listening(traces, wanted)
    try:
        yield traces
    finally:
        if server is not None:
            server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), _PATIENCE)


async def _listening(traces: Traces, wanted: Mapping[str, Any]) -> asyncio.Server | None:
    """Listen where the suite says; if somebody else does, the run goes on without the spans of others."""
    host, port = str(wanted.get("host") or "127.0.0.1"), int(wanted.get("port", 4318))
    if wanted.get("enabled", True) is False:
        return None
    try:
        return await asyncio.start_server(lambda reader, writer: _serve(traces, reader, writer), host, port)
    except OSError as error:
        why = f"nobody can listen on {host}:{port} ({error.strerror or error})"
        sys.stderr.write(f"warning: no spans are received: {why}; name another tracing.otlp.http.port\n")
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
    size = int(headers.get("content-length") or 0)
    if size > _MOST:
        raise ValueError("too large")
    body = await reader.readexactly(size)
    status = "200 OK"
    if head[0].startswith("POST"):
        try:
            traces.take(_unpacked(body, headers), headers.get("content-type", ""))
        except (ValueError, OSError, EOFError):
            status = "400 Bad Request"
    keep = headers.get("connection", "").lower() != "close"
    after = "keep-alive" if keep else "close"
    told = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: {after}\r\n\r\n{{}}"
    )
    writer.write(told.encode())
    return keep


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
