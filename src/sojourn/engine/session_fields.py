"""Fields of sessions in templates: one that a session does not have is a slip, and would be empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sojourn.errors import TemplateError
from sojourn.protocols import Render

_FIELD = re.compile(r"\{\{-?\s*sessions\.(\w+)\.(\w+)\s*-?\}\}")


def check_fields(text: str, sessions: Any) -> None:
    """Raise TemplateError where a template puts in a field that a session does not have."""
    for name, field in _FIELD.findall(text) if isinstance(sessions, Mapping) else ():
        handle = sessions.get(name)
        if isinstance(handle, Mapping) and field not in handle:
            known = ", ".join(str(key) for key in handle if key != "reclaim") or "no fields"
            raise TemplateError(f"the session {name!r} has no {field!r}; it has {known}")


def with_fields_checked(render: Render) -> Render:
    """Return a renderer that refuses such slips first."""

    def rendered(text: str, variables: Mapping[str, Any]) -> str:
        check_fields(text, variables.get("sessions"))
        return render(text, variables)

    return rendered
