"""Vars that stand for a file: read, or called, each time a prompt is rendered."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Collection, Mapping
from typing import Any

from sojourn.config.files import read_text, resolve
from sojourn.config.references import FILE
from sojourn.errors import CodeError, ConfigError
from sojourn.languages.packages import PREFIX, packaged
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict
from sojourn.protocols import Code

_IMAGES = {
    ".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".gif": "gif", ".bmp": "bmp", ".webp": "webp", ".svg": "svg+xml",
    ".tif": "tiff", ".tiff": "tiff", ".ico": "x-icon", ".avif": "avif", ".heic": "heic", ".heif": "heif",
}  # fmt: skip
_SIGNATURES = {
    b"\xff\xd8\xff": "jpeg", b"\x89PNG": "png", b"GIF8": "gif", b"RIFF": "webp", b"BM": "bmp", b"II*\0": "tiff",
    b"MM\0*": "tiff",
}  # fmt: skip
_SOUNDS = frozenset(".mp3 .wav .ogg .flac .m4a .aac .wma .opus .mp4 .webm .mov .avi .mkv .m4v .wmv".split())  # noqa: SIM905  a table of names


async def load_vars(
    variables: JsonDict,
    prompt: str,
    provider: Mapping[str, Any],
    base: str,
    code: Code,
    data: Collection[str] = (),
) -> JsonDict:
    """Return the vars with every `file://` value replaced by what the file holds or its function answers.

    Those named in `data` are not the author's (a model said them) and stay as they are. Raises ConfigError for a
    file, CodeError for a function.
    """
    named = [
        name
        for name, value in variables.items()
        if isinstance(value, str) and value.startswith((FILE, PREFIX)) and name not in data
    ]
    if not named:
        return variables
    loaded = dict(variables)
    for name in named:
        written = loaded[name]
        reference = packaged(written, base, "variable") or Reference.parse(written, base=base, role="variable")
        if reference is None:
            loaded[name] = _content(resolve(written, base))
        else:
            told = [name, prompt, loaded] + ([dict(provider)] if reference.tongue == "javascript" else [])
            loaded[name] = _answer(reference, (await code.call(reference, *told)).value)
    return loaded


def _answer(reference: Reference, value: Any) -> Any:
    where = str(reference)
    if not isinstance(value, dict):
        raise CodeError("a var's function must return {output: ...} or {error: ...}", where=where)
    if value.get("error"):
        raise CodeError(str(value["error"]), where=where)
    if not value.get("output"):
        raise CodeError("a var's function returned no output", where=where)
    output = value["output"]
    return output.strip() if reference.tongue == "python" and isinstance(output, str) else output


def _content(path: str) -> str:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in (".yaml", ".yml"):
        from sojourn.config.yaml_text import parse

        return json.dumps(parse(read_text(path), path), ensure_ascii=False, separators=(",", ":"))
    if suffix == ".pdf":
        from sojourn.config.pdf_text import read_pdf

        return read_pdf(path)
    if suffix in _IMAGES or suffix in _SOUNDS:
        return _encoded(path, suffix)
    return read_text(path).strip()


def _encoded(path: str, suffix: str) -> str:
    """Return an image as a data URI, sound and film as base64."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ConfigError.of(f"cannot be read: {error.strerror}", file=path) from None
    text = base64.b64encode(data).decode()
    if suffix in _SOUNDS:
        return text
    seen = next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), _IMAGES[suffix])
    return f"data:image/{seen};base64,{text}"
