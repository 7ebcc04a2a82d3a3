"""What a configuration takes from files for one question: tools, and the form of an answer with its schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sojourn.errors import ProviderError
from sojourn.model.suite import JsonDict

_FILE = "file://"
_CODE = re.compile(r"\.(?:py|[cm]?[jt]s|rb)(?::[\w.$]+)?$")


def loaded(value: Any, base: str) -> Any:
    """Return what a `file://` value stands for, any other as it is; raises ProviderError for what is not there."""
    if not isinstance(value, str) or not value.startswith(_FILE) or _CODE.search(value):
        return value
    path = Path(base, value.removeprefix(_FILE))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProviderError(f"{value} cannot be read: {error.strerror}") from error
    return _parsed(text, path)


def loaded_list(value: Any, base: str) -> Any:
    """Return a list with all that it takes from files: itself, and entries, each of which may be several."""
    found = loaded(value, base)
    if not isinstance(found, list):
        return found
    entries = [loaded(each, base) for each in found]
    return [one for each in entries for one in (each if isinstance(each, list) else [each])]


def _parsed(text: str, path: Path) -> Any:
    import yaml

    try:
        if path.suffix == ".json":
            return json.loads(text)
        return yaml.safe_load(text) if path.suffix in (".yaml", ".yml") else text
    except (ValueError, yaml.YAMLError) as error:
        raise ProviderError(f"{path} cannot be read: {error}") from error


def loaded_form(written: Any, base: str) -> Any:
    """Return a `response_format` with all that it takes from files: itself, and the schema in it."""
    form = loaded(written, base)
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return form
    within = form.get("json_schema")
    if "schema" not in form and isinstance(within, dict) and "schema" in within:
        return {**form, "json_schema": {**within, "schema": loaded(within["schema"], base)}}
    return {**form, "schema": loaded(form["schema"], base)} if "schema" in form else form


def text_format(form: Any) -> JsonDict:
    """Return a `response_format` as the Responses service takes it: the schema is not wrapped, and strict."""
    kind = form.get("type") if isinstance(form, dict) else None
    if kind == "json_schema":
        within = form.get("json_schema")
        said = within if isinstance(within, dict) else form
        return {"name": "response_schema", "strict": True, **said, "type": kind}
    return {"type": kind} if kind == "json_object" else {}
