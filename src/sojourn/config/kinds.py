"""What a named kind of session is configured with, held against what its class says: `keys` and `needs`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sojourn import registry
from sojourn.config.expect import Mismatch
from sojourn.errors import UnknownNameError

_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "a mapping"}
_WORDS[list] = "a list"


def check_config(name: str, config: Mapping[str, Any]) -> None:
    """Raise Mismatch where a kind does not know a key, lacks one, or expects another value."""
    try:
        plug = registry.find("session kind", name)
    except (ImportError, AttributeError) as error:
        raise Mismatch(f"the kind {name!r} cannot be loaded: {error}", path=("kind",)) from error
    except UnknownNameError as error:
        raise Mismatch(str(error), path=("kind",)) from error
    keys: Mapping[str, Any] | None = getattr(plug, "keys", None)
    if keys is not None:
        check_keys(name, config, keys, getattr(plug, "needs", ()))


def check_told(name: str, config: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Check a configuration as `check_config` does, by what a class of the user's own says of itself."""
    if told.get("keys"):
        types = {kind.__name__: kind for kind in _WORDS}
        keys = {key: tuple(types[each] for each in named if each in types) for key, named in told["keys"].items()}
        check_keys(name, config, keys, told.get("needs") or ())


def check_keys(name: str, config: Mapping[str, Any], keys: Mapping[str, Any], needs: Iterable[str]) -> None:
    """Raise Mismatch for the first key that is not known or not as it must be, and for those that are missing."""
    for key, value in config.items():
        if key not in keys:
            close = registry.nearest(str(key), keys)
            todo = f"did you mean {close!r}?" if close else f"it knows {', '.join(keys)}"
            raise Mismatch(f"the kind {name!r} knows no key {key!r}", path=("config", key), todo=todo)
        if value is not None and keys[key] and not _fits(value, keys[key]):
            raise Mismatch(f"{key} must be {_words(keys[key])}", path=("config", key), got=value)
    lacking = [key for key in needs if config.get(key) in (None, "")]
    if lacking:
        raise Mismatch(f"the kind {name!r} needs {', '.join(lacking)}", path=("config",), todo="write it under config")


def _fits(value: Any, wanted: Any) -> bool:
    """Tell whether a value is of a type, or one of several; a text may hold a number, for variables are texts."""
    types = wanted if isinstance(wanted, tuple) else (wanted,)
    if isinstance(value, bool):
        return bool in types
    if isinstance(value, str) and not {int, float}.isdisjoint(types):
        return str in types or _is_number(value, float if float in types else int)
    return isinstance(value, types) or (float in types and isinstance(value, int))


def _is_number(text: str, reading: type[float | int]) -> bool:
    try:
        reading(text)
    except ValueError:
        return False
    return True


def _words(wanted: Any) -> str:
    return " or ".join(_WORDS[each] for each in (wanted if isinstance(wanted, tuple) else (wanted,)))
