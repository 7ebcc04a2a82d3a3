"""OTLP, in which programs report the spans of a trace: JSON, and protobuf, which most exporters send."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from sojourn.model.suite import JsonDict

Spans = list[tuple[str, JsonDict]]
_STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


def read_spans(body: bytes, kind: str) -> Spans:
    """Return every span of a request, each behind the id of its trace; raises ValueError for what is no OTLP."""
    try:
        if "json" in kind:
            return list(_from_json(json.loads(body)))
        return list(_from_protobuf(body))
    except (AttributeError, TypeError, IndexError, KeyError, struct.error, RecursionError, binascii.Error) as error:
        raise ValueError(f"no OTLP: {error}") from error


def _from_json(told: Any) -> Iterator[tuple[str, JsonDict]]:
    for resource in told.get("resourceSpans") or ():
        for scope in resource.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                status = span.get("status") or {}
                code = status.get("code", 0)
                yield (
                    _hex(span["traceId"]),
                    {
                        "spanId": _hex(span.get("spanId") or ""),
                        "parentSpanId": _hex(span.get("parentSpanId") or ""),
                        "name": str(span.get("name") or ""),
                        "startTime": int(span.get("startTimeUnixNano") or 0) / 1e6,
                        "endTime": int(span.get("endTimeUnixNano") or 0) / 1e6,
                        "attributes": {
                            each["key"]: _json_value(each.get("value")) for each in span.get("attributes") or ()
                        },
                        "statusCode": _STATUSES.get(code, 0) if isinstance(code, str) else int(code),
                        "statusMessage": str(status.get("message") or ""),
                    },
                )


def _hex(written: str) -> str:
    """Return an id in hexadecimal; some write it in base64."""
    if len(written) in (0, 16, 32):
        return written.lower()
    return base64.b64decode(written).hex()


def _json_value(told: Any) -> Any:
    pair: tuple[str, Any] = next(iter((told or {}).items()), ("", None))
    kind, value = pair
    if kind == "intValue":
        return int(value)
    if kind == "arrayValue":
        return [_json_value(each) for each in value.get("values") or ()]
    if kind == "kvlistValue":
        return {each["key"]: _json_value(each.get("value")) for each in value.get("values") or ()}
    return value


def _from_protobuf(body: bytes) -> Iterator[tuple[str, JsonDict]]:
    for resource in _all(body, 1):
        for scope in _all(resource, 2):
            for span in _all(scope, 2):
                fields = dict(_fields(span))
                status = dict(_fields(fields.get(15, b"")))
                yield (
                    fields[1].hex(),
                    {
                        "spanId": fields.get(2, b"").hex(),
                        "parentSpanId": fields.get(4, b"").hex(),
                        "name": fields.get(5, b"").decode(),
                        "startTime": fields.get(7, 0) / 1e6,
                        "endTime": fields.get(8, 0) / 1e6,
                        "attributes": _pairs(_all(span, 9)),
                        "statusCode": status.get(3, 0),
                        "statusMessage": status.get(2, b"").decode(),
                    },
                )


def _all(message: bytes, wanted: int) -> Iterator[bytes]:
    return (value for number, value in _fields(message) if number == wanted)


def _pairs(messages: Iterable[bytes]) -> JsonDict:
    found = {}
    for message in messages:
        fields = dict(_fields(message))
        found[fields.get(1, b"").decode()] = _value(fields.get(2, b""))
    return found


def _value(message: bytes) -> Any:
    """Read an AnyValue: text, truth, whole number, fraction, list, mapping or bytes, by the number of its field."""
    for number, value in _fields(message):
        if number == 1:
            return value.decode()
        if number == 2:
            return bool(value)
        if number == 3:
            return value - (1 << 64) if value >= 1 << 63 else value
        if number == 4:
            return struct.unpack("<d", struct.pack("<Q", value))[0]
        if number == 5:
            return [_value(each) for each in _all(value, 1)]
        if number == 6:
            return _pairs(_all(value, 1))
        return base64.b64encode(value).decode()
    return None


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value of each field: bytes, or a whole number."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        size, at = (8, at) if kind == 1 else (4, at) if kind == 5 else _varint(message, at) if kind == 2 else (-1, at)
        if size < 0 or at + size > len(message):
            raise ValueError("no OTLP: cut off")
        part = message[at : at + size]
        yield tag >> 3, part if kind == 2 else int.from_bytes(part, "little")
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 70:
            raise ValueError("no OTLP: a number that never ends")
