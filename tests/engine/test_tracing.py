from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.engine import tracing
from sojourn.engine.otlp import read_spans
from sojourn.engine.tracing import Traces, traced
from sojourn.errors import ConfigError

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = {
    "traceId": TRACE,
    "spanId": "b7ad6b7169203331",
    "name": "tool.search",
    "startTimeUnixNano": "5000000",
    "endTimeUnixNano": "8000000",
    "status": {"code": 2, "message": "bad"},
    "attributes": [
        {"key": "n", "value": {"intValue": "-3"}},
        {"key": "f", "value": {"doubleValue": 0.5}},
        {"key": "t", "value": {"boolValue": True}},
        {"key": "s", "value": {"stringValue": "é"}},
        {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}},
        {"key": "m", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}},
    ],
}
READ = {
    "spanId": "b7ad6b7169203331",
    "parentSpanId": "",
    "name": "tool.search",
    "startTime": 5.0,
    "endTime": 8.0,
    "attributes": {"n": -3, "f": 0.5, "t": True, "s": "é", "l": ["a", 1], "m": {"k": "v"}},
    "statusCode": 2,
    "statusMessage": "bad",
}


def in_json(span: Any) -> bytes:
    """Wrap a span as an exporter does."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def field(number: int, value: int | bytes, kind: int = 2) -> bytes:
    """Encode one field of a protobuf message: bytes, a varint (0), or eight bytes (1)."""
    tag = varint(number << 3 | kind)
    if isinstance(value, bytes):
        return tag + varint(len(value)) + value
    return tag + (varint(value) if kind == 0 else value.to_bytes(8, "little"))


def varint(value: int) -> bytes:
    """Encode a number in groups of seven bits."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def attribute(key: str, value: bytes) -> bytes:
    """Encode a key with its value."""
    return field(9, field(1, key.encode()) + field(2, value))


def in_protobuf() -> bytes:
    """Encode the span as protobuf."""
    span = field(1, bytes.fromhex(TRACE)) + field(2, bytes.fromhex("b7ad6b7169203331")) + field(5, b"tool.search")
    span += field(6, 1, 0) + field(7, 5_000_000, 1) + field(8, 8_000_000, 1)
    span += attribute("n", field(3, (1 << 64) - 3, 0)) + attribute("f", field(4, 0x3FE0000000000000, 1))
    span += attribute("t", field(2, 1, 0)) + attribute("s", field(1, "é".encode()))
    span += attribute("l", field(5, field(1, field(1, b"a")) + field(1, field(3, 1, 0))))
    span += attribute("m", field(6, field(1, field(1, b"k") + field(2, field(1, b"v")))))
    span += field(15, field(2, b"bad") + field(3, 2, 0))
    return field(1, field(2, field(2, span)))


def test_spans_are_read() -> None:
    """JSON and protobuf tell the same span: its times in milliseconds, attributes of every kind, its status."""
    assert read_spans(in_json(SPAN), "application/json") == [(TRACE, READ)]
    assert read_spans(in_protobuf(), "application/x-protobuf") == [(TRACE, READ)]


@given(st.binary(max_size=60), st.sampled_from(["application/json", "application/x-protobuf"]))
def test_nonsense_is_a_value_error(body: bytes, kind: str) -> None:
    """Whatever is sent, it is spans or a ValueError."""
    with contextlib.suppress(ValueError):
        read_spans(body, kind)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def post(port: int, body: bytes, **headers: str) -> int:
    """Send a body to the receiver; returns the status of its answer."""
    sent = {"content-type": "application/json", **{key.replace("_", "-"): value for key, value in headers.items()}}
    question = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", data=body, headers=sent)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(question, timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_receiver_keeps_the_spans_of_this_run() -> None:
    """Spans are kept by their trace, also zipped ones; those of other runs are not; nonsense is answered with 400."""

    async def received() -> tuple[list[int], list[Any]]:
        port = free_port()
        env = {"PROMPTFOO_TRACE_FETCH_RETRY_DELAY_MS": "1"}
        async with traced({"otlp": {"http": {"port": port}}}, env) as traces:
            trace, parent = traces.begin()
            assert parent.startswith(f"00-{trace}-")
            assert parent.endswith("-01")
            own, other = in_json({**SPAN, "traceId": trace}), in_json(SPAN)
            zipped = gzip.compress(own)
            seen = [await asyncio.to_thread(post, port, body) for body in (own, other, b"{")]
            seen.append(await asyncio.to_thread(lambda: post(port, zipped, content_encoding="gzip")))
            return seen, await traces.of(trace)

    statuses, spans = asyncio.run(received())
    assert statuses == [200, 200, 400, 200]
    assert spans == [READ, READ]


def test_a_trace_without_spans_is_not_waited_for_without_end() -> None:
    """After so many looks an empty trace is what it is."""
    traces = Traces({"PROMPTFOO_TRACE_FETCH_RETRY_DELAY_MS": "1", "PROMPTFOO_TRACE_FETCH_MAX_ATTEMPTS": "3"})
    assert asyncio.run(traces.of(traces.begin()[0])) == []


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """If somebody listens there already, the run goes on and says so."""

    async def twice(port: int) -> None:
        told = {"otlp": {"http": {"port": port}}}
        async with traced(told, {}), traced(told, {}):
            pass

    asyncio.run(twice(free_port()))
    assert "no spans are received: nobody can listen on 127.0.0.1" in capsys.readouterr().err


@pytest.mark.parametrize("port", [99999, None, "x"])
def test_a_port_that_is_none_is_said(capsys: pytest.CaptureFixture[str], port: Any) -> None:
    """The run goes on without spans of others."""

    async def main() -> None:
        async with traced({"otlp": {"http": {"port": port}}}, {}):
            pass

    asyncio.run(main())
    assert "no spans are received" in capsys.readouterr().err


def test_spans_in_chunks_are_read_and_a_connection_may_stay_open() -> None:
    """As exporters for Node.js send them; who keeps the connection does not keep the run."""

    async def main() -> list[Any]:
        port = free_port()
        env = {"PROMPTFOO_TRACE_FETCH_RETRY_DELAY_MS": "1"}
        async with traced({"otlp": {"http": {"port": port}}}, env) as traces:
            trace, _ = traces.begin()
            body = in_json({**SPAN, "traceId": trace})
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1/traces HTTP/1.1\r\ncontent-type: application/json\r\n")
            writer.write(b"transfer-encoding: chunked\r\n\r\n")
            for part in (body[:10], body[10:]):
                writer.write(f"{len(part):x};x=y\r\n".encode() + part + b"\r\n")
            writer.write(b"0\r\ntrailer: 1\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"{}")
            found = await traces.of(trace)
        assert await reader.read() == b""
        writer.close()
        return list(found)

    assert asyncio.run(main()) == [READ]


@pytest.mark.parametrize("size", [-5, 100])
def test_what_is_too_large_once_unpacked_is_refused(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Or cut off: it is answered with 400, and nothing of it is kept."""
    monkeypatch.setattr(tracing, "_MOST", 1000)

    async def main() -> int:
        port = free_port()
        async with traced({"otlp": {"http": {"port": port}}}, {}):
            zipped = gzip.compress(b" " * 100_000)[:size]
            return await asyncio.to_thread(lambda: post(port, zipped, content_encoding="gzip"))

    assert asyncio.run(main()) == 400


def test_what_is_to_be_hidden_is_not_kept() -> None:
    """Attributes by a part of their key, within others too, and a name that says the same."""
    told = [
        {"key": "My.Secret", "value": {"stringValue": "tool.search"}},
        {"key": "m", "value": {"kvlistValue": {"values": [{"key": "a_secret", "value": {"intValue": "1"}}]}}},
        {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}},
    ]
    traces = Traces({"PROMPTFOO_TRACE_FETCH_RETRY_DELAY_MS": "1"}, [" SECRET", "", 1])
    trace, _ = traces.begin()
    traces.take(in_json({**SPAN, "traceId": trace, "attributes": told}), "application/json")
    (span,) = asyncio.run(traces.of(trace))
    assert span["name"] == "[REDACTED]"
    assert span["statusMessage"] == "bad"
    assert span["attributes"] == {"My.Secret": "[REDACTED]", "m": {"a_secret": "[REDACTED]"}, "l": ["a"]}


def test_a_run_may_need_its_spans() -> None:
    """Where nobody can listen it does not begin, if the suite says so."""

    async def twice(port: int) -> None:
        told = {"otlp": {"http": {"port": port}}, "failOnReceiverStartFailure": True}
        async with traced(told, {}), traced(told, {}):
            pass

    with pytest.raises(ConfigError, match="nobody can listen"):
        asyncio.run(twice(free_port()))
