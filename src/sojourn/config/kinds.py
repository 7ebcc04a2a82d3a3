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
        check_keys(name, config, _typed(told["keys"]), told.get("needs") or ())


def _typed(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys with the types whose names were told; a mapping among them is of keys again."""
    types = {kind.__name__: kind for kind in _WORDS}
    told = {
        key: [_typed(each) if isinstance(each, dict) else types.get(each) for each in of] for key, of in named.items()
    }
    return {key: tuple(each for each in of if each is not None) for key, of in told.items()}


def check_keys(name: str, config: Mapping[str, Any], keys: Mapping[str, Any], needs: Iterable[str]) -> None:
    """Raise Mismatch for the first key that is not known or not as it must be, and for those that are missing."""
    _check_table(f"the kind {name!r}", config, keys, ("config",))
    lacking = [key for key in needs if config.get(key) in (None, "")]
    if lacking:
        raise Mismatch(f"the kind {name!r} needs {', '.join(lacking)}", path=("config",), todo="write it under config")


def _check_table(whose: str, table: Mapping[str, Any], keys: Mapping[str, Any], path: tuple[Any, ...]) -> None:
    for key, value in table.items():
        here = (*path, key)
        if key not in keys:
            close = registry.nearest(str(key), keys)
            todo = f"did you mean {close!r}?" if close else f"it knows {', '.join(keys)}"
            raise Mismatch(f"{whose} knows no key {key!r}", path=here, todo=todo)
        wanted = keys[key] if isinstance(keys[key], tuple) else (keys[key],)
        types = tuple(dict if isinstance(each, Mapping) else each for each in wanted)
        if value is not None and types and not _fits(value, types):
            raise Mismatch(f"{key} must be {' or '.join(_WORDS[each] for each in types)}", path=here, got=value)
        for within in wanted:
            if isinstance(within, Mapping) and isinstance(value, Mapping):
                _check_table(f"{key} of {whose}", value, within, here)


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    """Tell whether a value is of one of several types; a text may hold a number, for variables are texts."""
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
