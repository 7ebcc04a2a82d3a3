"""What a configuration takes from elsewhere: `$ref` pointers, and `file://` values that stand for a file's content."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from sojourn.config import globbing
from sojourn.config.expect import Mismatch, Path
from sojourn.config.files import read_data, resolve, shown
from sojourn.errors import ConfigError

FILE = "file://"
_CODE = re.compile(r"\.(?:py|[cm]?[jt]s|rb|go)(?::[\w.$]+)?$")
_FOR_A_QUESTION = frozenset({"functions", "response_format", "schema", "tools"})
_PRESERVED = frozenset({"goto", "multipart", "url", "vars"})


def is_code(reference: str) -> bool:
    """Tell whether a reference names a file of code, which is called and never read."""
    return _CODE.search(reference) is not None


def dereference(document: Any, path: str, cwd: str, wrong: list[Mismatch]) -> Any:
    """Replace every `$ref` in a document by what it points to; where there is nothing, that is put to what is wrong."""
    return _Pointers(path, cwd, wrong).replaced(document, document, path, (), ())


class _Pointers:
    """Follows pointers; `documents` are the files read on the way, `wrong` the pointers that lead nowhere."""

    def __init__(self, path: str, cwd: str, wrong: list[Mismatch]) -> None:
        self._cwd = cwd
        self._wrong = wrong
        self._origin = path
        self._documents: dict[str, Any] = {}

    def replaced(self, data: Any, root: Any, file: str, at: Path, trail: tuple[str, ...]) -> Any:
        if isinstance(data, list):
            return [self.replaced(item, root, file, (*at, index), trail) for index, item in enumerate(data)]
        if not isinstance(data, dict) or _is_schema(at):
            return data
        if isinstance(data.get("$ref"), str):
            return self._target(data, root, file, at, trail)
        return {key: self.replaced(value, root, file, (*at, key), trail) for key, value in data.items()}

    def _target(self, data: dict[str, Any], root: Any, file: str, at: Path, trail: tuple[str, ...]) -> Any:
        place, _, pointer = data["$ref"].partition("#")
        other = resolve(place, os.path.dirname(file)) if place else file
        mark = f"{other}#{pointer}"
        if mark in trail:
            self._wrong.append(Mismatch(f"$ref {data['$ref']!r} points back to itself", path=at))
            return None
        try:
            document = self._document(place, other) if place else root
            target = _pointed(document, pointer)
        except (LookupError, ValueError):
            if "value" in at:
                return data
            self._wrong.append(Mismatch(f"$ref {data['$ref']!r} points to nothing", path=at))
            return None
        except ConfigError as error:
            self._wrong.append(Mismatch(f"$ref {data['$ref']!r}: {error}", path=at))
            return None
        found = self.replaced(target, document, other, at, (*trail, mark))
        own = {key: self.replaced(value, root, file, (*at, key), trail) for key, value in data.items() if key != "$ref"}
        return _overlaid(found, own) if own and isinstance(found, dict) else found

    def _document(self, place: str, path: str) -> Any:
        if "://" in place and not place.startswith(FILE):
            raise LookupError(place)
        if path not in self._documents:
            self._documents[path] = read_data(path, shown(path, self._cwd))
        return self._documents[path]


def _overlaid(target: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Lay what stands beside a `$ref` over what it points to, mapping by mapping."""
    merged = dict(target)
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = _overlaid(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _is_schema(at: Path) -> bool:
    """Whether a place holds the parameters of a provider's tools: a JSON schema, whose `$ref` is its own."""
    return "parameters" in at and at[0] in ("providers", "targets")


def _pointed(document: Any, pointer: str) -> Any:
    import urllib.parse

    for step in filter(None, pointer.split("/")):
        name = urllib.parse.unquote(step).replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else dict(document)[name]
    return document


def load_files(data: Any, base: str, cwd: str, *, at: Path = ()) -> Any:
    """Replace every `file://` value by the file's content, but for code and what is preserved; raises Mismatch."""
    if isinstance(data, str):
        return _content(data, base, cwd, at) if data.startswith(FILE) and not is_code(data) else data
    if isinstance(data, list):
        return [load_files(item, base, cwd, at=(*at, index)) for index, item in enumerate(data)]
    if isinstance(data, dict):
        return {
            key: value if key in _PRESERVED or _is_of_test(key, value) else load_files(value, base, cwd, at=(*at, key))
            for key, value in data.items()
        }
    return data


def _is_of_test(key: str, value: Any) -> bool:
    """Tell whether the vars of a test say which file is meant: the provider reads it when it is asked."""
    return key in _FOR_A_QUESTION and isinstance(value, str) and "{{" in value


def _content(reference: str, base: str, cwd: str, at: Path) -> Any:
    pattern = reference.removeprefix(FILE)
    found = globbing.matches(pattern, base)
    if not found:
        raise Mismatch(f"no such file: {shown(resolve(pattern, base), cwd)}", path=at)
    read: Callable[[str], Any] = lambda path: read_data(resolve(path, base), shown(resolve(path, base), cwd))  # noqa: E731  used twice below
    try:
        if not globbing.has_pattern(pattern):
            return read(found[0])
        contents = [read(path) for path in found]
    except ConfigError as error:
        raise Mismatch(str(error), path=at) from None
    return [item for content in contents for item in (content if isinstance(content, list) else [content])]
