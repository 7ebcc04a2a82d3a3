"""What a named kind of session is configured with, held against what its class says: `keys` and `needs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sojourn import registry
from sojourn.config.expect import Mismatch

_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "a mapping"}
_WORDS[list] = "a list"


def config_mistakes(name: str, config: Mapping[str, Any]) -> Iterator[Mismatch]:
    """Yield each key that a kind does not know, or lacks, and each value that it expects to be another."""
    try:
        plug = registry.find("session kind", name)
    except (ImportError, AttributeError) as error:
        yield Mismatch(f"the kind {name!r} cannot be loaded: {error}", path=("kind",))
        return
    keys: Mapping[str, Any] | None = getattr(plug, "keys", None)
    if keys is not None:
        yield from _mistakes(name, config, keys, getattr(plug, "needs", ()))


def told_mistakes(name: str, config: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[Mismatch]:
    """Yield the same as `config_mistakes`, by what a class of the user's own says of itself."""
    if told.get("keys"):
        yield from _mistakes(name, config, _typed(told["keys"]), told.get("needs") or ())


def _typed(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys with the types whose names were told; a mapping among them is of keys again."""
    types = {kind.__name__: kind for kind in _WORDS}
    told = {
        key: [_typed(each) if isinstance(each, dict) else types.get(each) for each in of] for key, of in named.items()
    }
    return {key: tuple(each for each in of if each is not None) for key, of in told.items()}


def _mistakes(
    name: str, config: Mapping[str, Any], keys: Mapping[str, Any], needs: Iterable[str]
) -> Iterator[Mismatch]:
    yield from _table_mistakes(f"the kind {name!r}", config, keys, ("config",))
    lacking = [key for key in needs if config.get(key) in (None, "")]
    if lacking:
        yield Mismatch(f"the kind {name!r} needs {', '.join(lacking)}", path=("config",), todo="write it under config")


def _table_mistakes(
    whose: str, table: Mapping[str, Any], keys: Mapping[str, Any], path: tuple[Any, ...]
) -> Iterator[Mismatch]:
    for key, value in table.items():
        here = (*path, key)
        if key not in keys:
            close = registry.nearest(str(key), keys)
            todo = f"did you mean {close!r}?" if close else f"it knows {', '.join(keys)}"
            yield Mismatch(f"{whose} knows no key {key!r}", path=here, todo=todo)
            continue
        wanted = keys[key] if isinstance(keys[key], tuple) else (keys[key],)
        types = tuple(dict if isinstance(each, Mapping) else each for each in wanted)
        if value is not None and types and not _fits(value, types):
            yield Mismatch(f"{key} must be {' or '.join(_WORDS[each] for each in types)}", path=here, got=value)
            continue
        for within in wanted:
            if isinstance(within, Mapping) and isinstance(value, Mapping):
                yield from _table_mistakes(f"{key} of {whose}", value, within, here)


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
