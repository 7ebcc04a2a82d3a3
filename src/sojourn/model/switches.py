"""Switches in the environment, with the words for yes that promptfoo takes."""

from __future__ import annotations

from collections.abc import Mapping

_YES = frozenset({"1", "true", "yes", "yup", "yeppers"})


def is_on(env: Mapping[str, str], switch: str) -> bool:
    """Tell whether a switch in the environment is on."""
    return str(env.get(switch, "")).strip().lower() in _YES
