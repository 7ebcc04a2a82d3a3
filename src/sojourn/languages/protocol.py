"""The frames between the engine and a language process: one JSON object a line, both ways.

The other ends are `python/sojourn_host` (which tells what each frame means) and `javascript/host.js`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from sojourn.model.reference import Reference

_encoder = msgspec.json.Encoder(enc_hook=str)
_decoder = msgspec.json.Decoder()

EXIT = b'{"exit":true}\n'


def _frame(told: dict[str, Any]) -> bytes:
    """Write a frame; half characters, which UTF-8 has no bytes for, are escaped."""
    try:
        return _encoder.encode(told) + b"\n"
    except UnicodeEncodeError:
        return json.dumps(told, default=str).encode() + b"\n"


def define(ref: int, reference: Reference) -> bytes:
    """Make the frame that gives a reference a number."""
    keys = ("role", "path", "name", "source", "module")
    return _frame({"ref": ref, "define": {key: getattr(reference, key) for key in keys}})


def call(number: int, ref: int, arguments: tuple[Any, ...], mark: str) -> bytes:
    """Make the frame that calls a function; with a mark, one that stands in the last will."""
    marked = {"mark": mark} if mark else {}
    return _frame({"id": number, "ref": ref, "args": arguments, **marked})


def sessions_of(lives: set[int], arguments: Iterable[Any]) -> set[str]:
    """Name the sessions that a call's arguments speak of and that were opened in one of these lives of processes."""
    contexts = [argument.get("sessions") for argument in arguments if isinstance(argument, dict)]
    markers = [pair for lent in contexts if isinstance(lent, dict) for pair in lent.items()]
    return {name for name, it in markers if isinstance(it, dict) and "$session" in it and it["life"] in lives}


def with_handles(argument: Any) -> Any:
    """Return an argument for a language in which no session lives: each session in it is its handle."""
    lent = argument.get("sessions") if isinstance(argument, dict) else None
    if not isinstance(lent, dict):
        return argument
    plain = {name: it["handle"] if isinstance(it, dict) and "$session" in it else it for name, it in lent.items()}
    return {**argument, "sessions": plain}


def load(number: int, ref: int) -> bytes:
    """Make the frame that loads a function without calling it."""
    return b'{"id":%d,"ref":%d,"load":true}\n' % (number, ref)


def session(number: int, ref: int, request: dict[str, Any]) -> bytes:
    """Make the frame that treats a session."""
    return _frame({"id": number, "ref": ref, "session": request})


def will(items: list[dict[str, Any]], ledger: str, begun: list[str]) -> bytes:
    """Make the frame that leaves a last will; `begun` are the marks of calls that were made already."""
    return _frame({"will": items, "ledger": ledger, "begun": begun})


def state(change: dict[str, Any]) -> bytes:
    """Make the frame that tells of a change in the run's shared state."""
    return _frame({"state": change})


def answer(number: int, told: dict[str, Any]) -> bytes:
    """Make the frame that answers what a process asked of the shared state: a `value`, or `what` is wrong."""
    return _frame({"answer": number, **told})


def cancel(number: int) -> bytes:
    """Make the frame that gives up on a call."""
    return b'{"cancel":%d}\n' % number


def read(line: bytes) -> Any:
    """Read a frame; a lone surrogate (JavaScript may send one) arrives as U+FFFD."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return _mended(json.loads(line))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
