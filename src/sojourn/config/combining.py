"""Several configurations made one, as promptfoo does it: lists joined, mappings overlaid, the first one's folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sojourn.config.references import FILE
from sojourn.model.suite import JsonDict

_JOINED = ("providers", "prompts", "tests", "scenarios", "extensions", "derivedMetrics", "outputPath")
_OVERLAID = ("tags", "nunjucksFilters", "env", "evaluateOptions", "commandLineOptions", "metadata")
_FIRST = ("tracing", "writeLatestResults")


def combined(configs: Sequence[tuple[str, JsonDict]]) -> JsonDict:
    """Combine configurations, each given with its folder; a single one stays as it is."""
    (_, first), *rest = configs
    if not rest:
        return _normal(first)
    parts = [_normal(first), *(_absolute(_normal(config), folder) for folder, config in rest)]
    whole: JsonDict = {}
    for key in _JOINED:
        if any(part.get(key) is not None for part in parts):
            whole[key] = [entry for part in parts for entry in _entries(part.get(key))]
    for key in _OVERLAID:
        if any(part.get(key) for part in parts):
            whole[key] = {name: value for part in parts for name, value in (part.get(key) or {}).items()}
    for key in _FIRST:
        found = [part[key] for part in parts if part.get(key) is not None]
        whole |= {key: found[0]} if found else {}
    return whole | _described(parts) | _default_test([part["defaultTest"] for part in parts if part.get("defaultTest")])


def _normal(config: JsonDict) -> JsonDict:
    """Call `targets` what they are: providers."""
    part = {key: value for key, value in config.items() if key != "targets"}
    if part.get("providers") is None and config.get("targets") is not None:
        part["providers"] = config["targets"]
    return part


def _entries(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and "path" not in value:
        return [{"raw": text, "label": label} for text, label in value.items()]
    return [] if value is None else [value]


def _described(parts: Sequence[JsonDict]) -> JsonDict:
    descriptions = [str(part["description"]) for part in parts if part.get("description")]
    return {"description": ", ".join(descriptions)} if descriptions else {}


def _default_test(defaults: Sequence[Any]) -> JsonDict:
    """Merge defaultTests: keys overlaid, assertions joined; the last one that is a file stands alone."""
    files = [default for default in defaults if isinstance(default, str)]
    if not defaults or files:
        return {"defaultTest": files[-1]} if files else {}
    merged: JsonDict = {key: value for default in defaults for key, value in default.items()}
    for key in ("vars", "options", "metadata"):
        merged[key] = {name: value for default in defaults for name, value in (default.get(key) or {}).items()}
    merged["assert"] = [claim for default in defaults for claim in default.get("assert") or ()]
    return {"defaultTest": merged}


def _absolute(part: JsonDict, folder: str) -> JsonDict:
    """Make the paths of a later configuration independent of the first one's folder."""
    made = dict(part)
    for key in ("prompts", "tests", "extensions", "scenarios"):
        value = part.get(key)
        if isinstance(value, list):
            made[key] = [_placed(entry, folder, bare=key == "tests") for entry in value]
        elif value is not None:
            made[key] = _placed(value, folder, bare=key == "tests")
    return made


def _placed(entry: Any, folder: str, *, bare: bool) -> Any:
    """Make one path absolute; `bare`: a text without `file://` is a path too."""
    if isinstance(entry, dict):
        named = {"id": False, "path": True}
        return {key: _placed(value, folder, bare=named[key]) if key in named else value for key, value in entry.items()}
    if not isinstance(entry, str) or not (entry.startswith(FILE) or (bare and "://" not in entry)):
        return entry
    return FILE + os.path.normpath(os.path.join(folder, entry.removeprefix(FILE)))
