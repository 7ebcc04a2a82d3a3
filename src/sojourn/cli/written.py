"""Runs that were written to JSON files, read for the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sojourn.errors import StoreError
from sojourn.model.adopting import adopted
from sojourn.model.grading import Row
from sojourn.model.redaction import redacted
from sojourn.model.secrecy import Secrets


def read(path: str, environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Row]]:
    """Return the document and the rows of a run, secrets blanked; raises StoreError where the file holds none."""
    document, rows = adopted(_content(path))
    secrets = Secrets.of(environ, document.get("config"))
    return secrets.clean(redacted(document)), secrets.clean(redacted(rows))


def _content(path: str) -> dict[str, Any]:
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is no JSON: {error}", todo="give a JSON file that `eval -o` wrote") from error
    return told if isinstance(told, dict) else {}
