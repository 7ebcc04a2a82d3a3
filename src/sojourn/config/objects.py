"""Configurations that hold functions and classes themselves: references take their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sojourn.errors import ConfigError
from sojourn.languages.inline import Inline
from sojourn.model.suite import JsonDict


def without_objects(config: Mapping[str, Any], inline: Inline) -> JsonDict:
    """Return a configuration in which references stand for the functions and classes that are in it."""
    whole: JsonDict = {key: _replaced(value, inline) for key, value in config.items()}
    if "sessions" in config:
        whole["sessions"] = _sessions(config["sessions"], inline)
    if "providers" in config:
        given = config["providers"]
        entries = given if isinstance(given, list | tuple) else [given]
        whole["providers"] = [_provider(each, inline) for each in entries]
    return whole


def _replaced(value: Any, inline: Inline) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(item, inline) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, inline) for item in value]
    return inline.named(value) if callable(value) else value


def _sessions(given: Any, inline: Inline) -> Any:
    """Return the entries: each is one, or the function or class that opens it, known by its name in a list."""
    if isinstance(given, list | tuple):
        names = [getattr(each, "__name__", str(each)) for each in given]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            what = f"two of the sessions are called {twice[0]!r}"
            raise ConfigError.of(what, todo="hand over a mapping: {'one': first, 'other': second}")
        given = dict(zip(names, given, strict=True))
    if not isinstance(given, Mapping):
        return given
    return {
        name: {"kind": inline.named(each)} if callable(each) else _replaced(each, inline)
        for name, each in given.items()
    }


def _provider(entry: Any, inline: Inline) -> Any:
    """Return an entry under `providers`; a function is known to people by its name."""
    entry = {"id": entry} if callable(entry) else entry
    replaced = _replaced(entry, inline)
    if isinstance(entry, Mapping) and callable(entry.get("id")) and not entry.get("label"):
        replaced["label"] = getattr(entry["id"], "__name__", type(entry["id"]).__name__)
    return replaced
