"""From a name to the plug behind it: the catalog's, or one that an installed package offers.

A package offers plugs through the entry-point groups `sojourn.provider`, `sojourn.assertion`, `sojourn.output_format`
and `sojourn.session_kind`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from typing import Any

from sojourn.catalog import FAMILIES
from sojourn.errors import UnknownNameError
from sojourn.model.reference import Reference


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the known name most like `name`, or an empty string when none is close."""
    import difflib

    found = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return found[0] if found else ""


@functools.cache
def offered(family: str) -> dict[str, str]:
    """Return what installed packages offer for a family: name to `module:attribute`."""
    from importlib.metadata import entry_points

    group = "sojourn." + family.replace(" ", "_")
    return {entry.name: entry.value for entry in entry_points(group=group)}


def names(family: str) -> list[str]:
    """Return every known name of a family, sorted."""
    return sorted({*FAMILIES[family], *offered(family)})


def knows(family: str, name: str) -> bool:
    """Tell whether a plug of this name exists, without loading it."""
    return name in FAMILIES[family] or name in offered(family)


@functools.cache
def find(family: str, name: str) -> Any:
    """Load the plug; raises UnknownNameError with the nearest name where there is none."""
    place = _place(family, name)
    if place is None:
        raise UnknownNameError(family, name, nearest(name, names(family)))
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _place(family: str, name: str) -> str | None:
    return FAMILIES[family].get(name) or offered(family).get(name)


def session_kind(kind: str, base: str) -> Reference | None:
    """Say where a kind of session is: in the file that it names, or in the module behind its name."""
    reference = Reference.parse(kind, base=base, role="session")
    place = _place("session kind", kind)
    if reference is not None or place is None:
        return reference
    module, _, attribute = place.partition(":")
    return Reference(tongue="python", role="session", module=module, name=attribute)


_CODE_FILES = {
    ".py": "python",
    ".js": "javascript",
    ".cjs": "javascript",
    ".mjs": "javascript",
    ".rb": "ruby",
    ".go": "golang",
}
_TYPED_FILES = {".ts": "javascript", ".cts": "javascript", ".mts": "javascript"}
_JAVASCRIPT = (".js", ".cjs", ".mjs", *_TYPED_FILES)


def provider_name(provider_id: str) -> str:
    """Return the plug's name for a provider id such as `echo`, `python:x.py`, `x.js`, `exec: cat`."""
    if provider_id.startswith("file://"):
        path = provider_id.removeprefix("file://")
        for suffix, name in (_CODE_FILES | _TYPED_FILES).items():
            if path.endswith(suffix) or suffix + ":" in path:
                return name
        return provider_id
    if FAMILIES["provider"].get(provider_id):
        return provider_id
    if ":" not in provider_id and provider_id.endswith(_JAVASCRIPT):
        return "javascript"
    return provider_id.partition(":")[0]
