"""A claim is readied for judging: its value is loaded where it is a file, and rendered where it is a template."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

from msgspec import structs

from sojourn.config.files import read_data, read_text
from sojourn.config.references import is_code
from sojourn.errors import ClaimError
from sojourn.languages.packages import PREFIX, packaged
from sojourn.languages.ruby import RubyFunction, call_ruby, ruby_function
from sojourn.model.reference import Reference
from sojourn.model.suite import Claim
from sojourn.protocols import ClaimContext

SCRIPTS = frozenset({"javascript", "python", "ruby"})
FILE = "file://"


def is_ready(claim: Claim) -> bool:
    """Tell of most claims at one glance that every trial sees them as they are written."""
    value = claim.value
    return type(value) is str and "{" not in value and not value.startswith((FILE, PREFIX)) and not claim.metric


async def readied(claim: Claim, context: ClaimContext) -> Claim:
    """Return the claim with its value and metric as this trial sees them. Raises ClaimError, CodeError."""
    value = claim.value
    metric = claim.metric
    if metric and "{" in metric:
        metric = context.render(metric, context.variables)
    if isinstance(value, str):
        value = await _text(claim, value, context)
    elif isinstance(value, list):
        value = [_item(claim, item, context) for item in value]
    if value is claim.value and metric is claim.metric:
        return claim
    return structs.replace(claim, value=value, metric=metric)


async def _text(claim: Claim, value: str, context: ClaimContext) -> Any:
    if not value.startswith((FILE, PREFIX)):
        return _rendered(value, context)
    if claim.type in SCRIPTS:
        return value
    value = _rendered(value, context)
    arguments = [context.script["providerResponse"]["output"], context.script]
    reference: Reference | RubyFunction | None
    if reference := ruby_function(value, context.base, "get_assert"):
        found = (await call_ruby(reference, arguments, os.environ)).value
    elif reference := packaged(value, context.base, "value") or Reference.parse(value, base=context.base, role="value"):
        found = (await context.code.call(reference, *arguments)).value
    else:
        return _rendered(load_file(str(Path(context.base, value.removeprefix(FILE)))), context)
    if isinstance(found, bool) or found is None or (isinstance(found, dict) and "pass" in found):
        raise ClaimError(f"{reference} returned {json.dumps(found)[:80]}, which is no value for {claim.type}")
    return found


def _item(claim: Claim, item: Any, context: ClaimContext) -> Any:
    """Return an item of a list: where it names a file, the file's content."""
    item = _rendered(item, context)
    if not isinstance(item, str) or not item.startswith(FILE):
        return item
    if is_code(item):
        raise ClaimError(
            f"{item} is code, which cannot be one of {claim.type}'s values", todo="make it the whole value"
        )
    return load_file(str(Path(context.base, item.removeprefix(FILE))))


def _rendered(value: Any, context: ClaimContext) -> Any:
    return context.render(value, context.variables) if isinstance(value, str) and "{" in value else value


def load_file(path: str) -> Any:
    """Read a value from a file: JSON and YAML as data, anything else as text. Raises ConfigError."""
    try:
        found = os.stat(path)
    except OSError:
        return _load_file(path, 0, 0)
    return _load_file(path, found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=256)
def _load_file(path: str, _mtime_ns: int, _size: int) -> Any:
    """Read a file once for as long as it stays the same."""
    if path.endswith((".json", ".yaml", ".yml")):
        return read_data(path)
    return read_text(path).strip()
