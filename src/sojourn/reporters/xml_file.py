"""XML in promptfoo's shape: the document as nested elements, a list as repeated elements.

A key that is no XML name is written with the odd characters as underscores, and itself in the attribute `key`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, BinaryIO

from sojourn.encoding import writable
from sojourn.model.document import document
from sojourn.model.row import row
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import text
from sojourn.reporters.stamp import stamp

_ODD = re.compile(r"[^A-Za-z0-9_.\-]")
_START = re.compile(r"[A-Za-z_]")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the whole run as one XML document."""
    whole = document(result, stamp())
    body = whole.pop("results")
    body.pop("results")
    out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<promptfoo>\n')
    _write(out, {"evalId": whole.pop("evalId")}, 1)
    out.write(b"  <results>\n")
    _write(out, body, 2)
    for trial in result.results:
        _write(out, {"results": row(trial, result.run_id)}, 2)
    out.write(b"  </results>\n")
    _write(out, whole, 1)
    out.write(b"</promptfoo>\n")


def clean(value: str) -> str:
    """Return the text escaped for XML, without the characters that XML cannot carry."""
    return escape(_FORBIDDEN.sub("", value))


def _write(out: BinaryIO, value: Mapping[str, Any], depth: int) -> None:
    out.writelines(line.encode() for line in _elements(writable(value), "  " * depth))


def _elements(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, item in value.items():
        for single in item if isinstance(item, list) else [item]:
            yield from _element(key, single, indent)


def _element(key: str, item: Any, indent: str) -> Iterator[str]:
    name = _ODD.sub("_", key)
    name = name if _START.match(name) else "_" + name
    tag = name if name == key else f'{name} key="{clean(key)}"'
    if isinstance(item, dict) and item:
        yield f"{indent}<{tag}>\n"
        yield from _elements(item, indent + "  ")
        yield f"{indent}</{name}>\n"
    else:
        yield f"{indent}<{tag}>{clean(_scalar(item))}</{name}>\n"


def _scalar(item: Any) -> str:
    return "" if item == {} else text(item)
