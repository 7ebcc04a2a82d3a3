"""What sessions take from each other in their configuration: said at once where it would not be put in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sojourn import registry
from sojourn.config.expect import Mismatch
from sojourn.model.session import SessionSpec

_TEMPLATE = re.compile(r"\{\{-?\s*sessions\.([\w-]+)\.(\w+)\s*-?\}\}")
_PLACE = re.compile(r"(?<!\{)\{([\w-]+)\.(\w+)\}(?!\})")


def untaken(spec: SessionSpec, specs: Iterable[SessionSpec]) -> Iterator[Mismatch]:
    """Yield each field of another session that a configuration names and does not get; `specs` are all sessions."""
    known = {each.name: each for each in specs}
    for path, text in texts(dict(spec.config), ("config",)):
        for name, field in _TEMPLATE.findall(text):
            what = f"{{{{sessions.{name}.{field}}}}} is not put in here, for a session is opened before any test"
            yield Mismatch(what, path=path, todo=_todo(name, field, spec))
        for name, field in _PLACE.findall(text):
            if name in known and name not in spec.parents:
                what = f"{{{name}.{field}}} is not put in, for {name!r} is no parent of {spec.name!r}"
                yield Mismatch(what, path=path, todo=_todo(name, field, spec))
            elif name in known and field not in (told := _told(known[name]) or (field,)):
                yield Mismatch(f"the session {name!r} has no {field!r}; it has {', '.join(told)}", path=path)


def _told(spec: SessionSpec) -> tuple[str, ...]:
    """Return the fields of a session's handle, as far as its kind says them."""
    if not registry.knows("session kind", spec.kind):
        return ()
    with contextlib.suppress(ImportError, AttributeError):
        return tuple(getattr(registry.find("session kind", spec.kind), "tells", ()))
    return ()


def _todo(name: str, field: str, spec: SessionSpec) -> str:
    return f"write {{{name}.{field}}}" + ("" if name in spec.parents else f", and name {name} under parent")


def texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield all texts of a configuration, each with its place."""
    if isinstance(value, str):
        yield path, value
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield from texts(item, (*path, key))
