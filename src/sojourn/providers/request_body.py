"""What a request of the HTTP provider says: templates filled in, in JSON string by string."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sojourn.errors import ProviderError
from sojourn.template.jsontext import json_text

Fill = Callable[[str], str]
"""Renders a template with the variables of one question."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def filled(value: Any, fill: Fill) -> Any:
    """Render every text in a value; one that comes out as a JSON object or list becomes that."""
    if isinstance(value, str):
        return _parsed(fill(value))
    if isinstance(value, list):
        return [filled(item, fill) for item in value]
    if isinstance(value, Mapping):
        return {fill(str(key)): filled(item, fill) for key, item in value.items()}
    return value


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def filled_json(body: Any, fill: Fill) -> Any:
    """Fill a JSON body in; one that is written as text is read before it is filled, so that no value breaks out."""
    if not isinstance(body, str):
        return filled(body, fill)
    try:
        return filled(json.loads(body), fill)
    except ValueError:
        return _parsed(fill(body))


_PART = re.compile(r'\{\{.*?\}\}|"((?:\{\{.*?\}\}|[^"\\]|\\.)*)"', re.DOTALL)
"""A tag outside of texts, or a text of JSON with its tags, as they stand in a template."""


def filled_text(body: str, fill: Fill) -> str:
    """Fill a body of JSON in as it is written: what is put into a text stays in it, all else comes as it is."""
    if "{%" in body and not _is_json(body):
        return fill(body)  # a loop may go around texts

    def put(found: re.Match[str]) -> str:
        text = found[1]
        if text is None or "{" not in text:
            return found[0] if text is not None else fill(found[0])
        try:
            plain = json.loads(found[0])
        except ValueError:  # the tag has quotes of its own
            plain = text
        return json.dumps(fill(plain), ensure_ascii=False)

    return _PART.sub(put, body)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def encoded(body: Any, headers: dict[str, str], fill: Fill, over: Any) -> str | None:
    """Return the text of a body, and say in `headers` what it is. `over` is laid over a body that is an object."""
    kind = headers.get("content-type", "")
    is_text = isinstance(body, str) and not isinstance(over, Mapping)
    if (not is_text and FORM not in kind) or "json" in kind:
        headers.setdefault("content-type", JSON)
        made = filled_json(body, fill)
        if isinstance(over, Mapping):
            made = {**made, **over} if isinstance(made, Mapping) else dict(over)
        return made if isinstance(made, str) else json_text(made)
    headers.setdefault("content-type", FORM)
    if isinstance(body, str):
        return fill(body)
    return urlencode({**filled(body or {}, fill), **(over or {})})


def multipart(parts: Any, fill: Fill, base: str) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the parts of a form: fields with a value, files with a path. Raises ProviderError for any other."""
    made: list[tuple[str, tuple[Any, ...]]] = []
    for part in parts if isinstance(parts, list) else []:
        name = fill(str(part.get("name") or ""))
        if part.get("kind") == "file":
            made.append((name, _file(part, fill, base)))
        else:
            value = filled(part.get("value"), fill)
            made.append((name, (None, value if isinstance(value, str) else json_text(value))))
    return made


def _file(part: Mapping[str, Any], fill: Fill, base: str) -> tuple[Any, ...]:
    source = part.get("source") or {}
    if source.get("type") != "path":
        what = f"multipart: a file's source is a path, not {source.get('type')!r}"
        raise ProviderError(what, todo="write source: {type: path, path: file://document.pdf}")
    path = Path(base, fill(str(source.get("path") or "")).removeprefix("file://"))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProviderError(f"multipart: {path} cannot be read: {error.strerror}") from error
    kind = part.get("contentType") or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return fill(str(part.get("filename") or path.name)), content, kind


def raw_request(text: str) -> tuple[str, str, dict[str, str], str]:
    """Read a request as it goes over the wire: method, target, headers in lower case, body. Raises ProviderError."""
    lines = text.strip().replace("\r\n", "\n")
    head, _, body = lines.partition("\n\n")
    first, *rest = head.split("\n")
    words = first.split()
    if len(words) < 2:
        raise ProviderError(f"the raw request begins with {first!r}", todo="write: POST /path HTTP/1.1")
    pairs = (line.partition(":") for line in rest if line.strip())
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    target = " ".join(words[1:-1]) if words[-1].upper().startswith("HTTP/") else " ".join(words[1:])
    return words[0], target, headers, body.strip()
