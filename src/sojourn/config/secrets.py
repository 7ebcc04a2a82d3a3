"""The configuration as it may be written into results: without its secrets."""

from __future__ import annotations

import re
from typing import Any

from sojourn.model.redaction import REDACTED, redacted
from sojourn.model.suite import JsonDict

_VARIABLE = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PWD|CREDENTIALS?|AUTH|DSN)$|_URL$", re.IGNORECASE)


def without_secrets(config: JsonDict) -> JsonDict:
    """Return the configuration with secret values blanked, in its `env` also those named like OPENAI_API_KEY."""
    clean: JsonDict = redacted(config)
    env = clean.get("env")
    if not isinstance(env, dict):
        return clean
    return {**clean, "env": {name: _masked(name, value) for name, value in env.items()}}


def _masked(name: str, value: Any) -> Any:
    named = _VARIABLE.search(name) and not (name.upper().endswith("_URL") and "@" not in str(value))
    return REDACTED if named and value else value
