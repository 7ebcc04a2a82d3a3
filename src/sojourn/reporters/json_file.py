"""JSON in promptfoo's shape; each row stands on a line of its own, and is written as soon as it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from sojourn.encoding import encode
from sojourn.model.document import document
from sojourn.model.run_result import RunResult
from sojourn.reporters.row_text import row_texts
from sojourn.reporters.stamp import stamp


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the whole run as one JSON document."""
    whole = document(result, stamp())
    body = whole.pop("results")
    body.pop("results")
    out.write(b'{"evalId":' + encode(whole.pop("evalId")) + b',\n"results":{' + _members(body) + b',\n"results":[')
    separator = b"\n"
    for text in row_texts(result):
        out.write(separator + text)
        separator = b",\n"
    out.write(b"\n]},\n" + _members(whole) + b"}\n")


def _members(mapping: Mapping[str, Any]) -> bytes:
    return b",\n".join(encode(key) + b":" + encode(value) for key, value in mapping.items())
