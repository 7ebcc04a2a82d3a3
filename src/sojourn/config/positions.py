"""Where in a file a value stands; the file is composed again only when a message needs to know."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from sojourn.config.expect import Path
from sojourn.errors import ConfigError

Place = tuple[int, int]
NOWHERE: Place = (0, 0)


def locate(text: str, path: Path, *, key: bool = False) -> Place:
    """Return the line and column (from 1) of the value at `path`, or of its key; of what holds it when it is absent."""
    node = _root(text)
    place = _place(node) if node is not None else NOWHERE
    for index, step in enumerate(path):
        found = _child(node, step)
        if found is None:
            return place
        key_node, node = found
        place = _place(key_node if key and index == len(path) - 1 and key_node is not None else node)
    return place


@functools.lru_cache(maxsize=8)
def _root(text: str) -> Any:
    from sojourn.config.yaml_text import compose

    try:
        return compose(text)
    except ConfigError:
        return None


def _place(node: Any) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _child(node: Any, step: str | int) -> tuple[Any, Any] | None:
    """Return the key's and the value's node of a mapping, or None and the node of a list's entry."""
    entries = getattr(node, "value", None)
    if not isinstance(entries, list):
        return None
    if isinstance(step, int):
        is_list = 0 <= step < len(entries) and not isinstance(entries[step], tuple)
        return (None, entries[step]) if is_list else None
    pairs = [pair for pair in entries if isinstance(pair, tuple)]
    own = next((pair for pair in pairs if pair[0].value == step), None)
    return own or _merged(pairs, step)


def _merged(pairs: Sequence[tuple[Any, Any]], step: str) -> tuple[Any, Any] | None:
    for key_node, value_node in pairs:
        if key_node.value == "<<":
            sources = value_node.value if value_node.id == "sequence" else [value_node]
            found = [child for source in sources if (child := _child(source, step))]
            if found:
                return found[0]
    return None
