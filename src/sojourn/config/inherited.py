"""What sessions take from each other in their configuration: said at once where it would not be put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sojourn.config.expect import Mismatch
from sojourn.model.session import SessionSpec

_TEMPLATE = re.compile(r"\{\{-?\s*sessions\.([\w-]+)\.(\w+)\s*-?\}\}")
_PLACE = re.compile(r"(?<!\{)\{([\w-]+)\.(\w+)\}(?!\})")


def untaken(spec: SessionSpec, names: Iterable[str]) -> Iterator[Mismatch]:
    """Yield each field of another session that a configuration names and does not get; `names` are all sessions."""
    known = set(names)
    for path, text in _texts(dict(spec.config), ("config",)):
        for name, field in _TEMPLATE.findall(text):
            what = f"{{{{sessions.{name}.{field}}}}} is not put in here, for a session is opened before any test"
            yield Mismatch(what, path=path, todo=_todo(name, field, spec))
        for name, field in _PLACE.findall(text):
            if name in known and name not in spec.parents:
                what = f"{{{name}.{field}}} is not put in, for {name!r} is no parent of {spec.name!r}"
                yield Mismatch(what, path=path, todo=_todo(name, field, spec))


def _todo(name: str, field: str, spec: SessionSpec) -> str:
    return f"write {{{name}.{field}}}" + ("" if name in spec.parents else f", and name {name} under parent")


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield all texts of a configuration, each with its place."""
    if isinstance(value, str):
        yield path, value
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield from _texts(item, (*path, key))
