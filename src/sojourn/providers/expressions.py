"""JavaScript that stands in a provider's configuration, or the functions that it names."""

from __future__ import annotations

from typing import Any

from sojourn.errors import CodeDiedError, CodeError, ProviderError
from sojourn.model.reference import Reference, Role
from sojourn.protocols import Tools


class Broken(Exception):  # noqa: N818  what the reply's error will say
    """An expression of the suite's broke; the text is for the user."""


class Expression:
    """`json.answer`, `(json) => ...`, `file://parser.js:name`, `file://parser.py:name`: called with plain data."""

    def __init__(self, key: str, written: Any, role: Role, tools: Tools, base: str) -> None:
        if not isinstance(written, str) or not written.strip():
            raise ProviderError(f"{key} must be a JavaScript expression or a file:// reference, not {written!r}")
        found = Reference.parse(written, base=base, role=role) if written.startswith("file://") else None
        self._key = key
        self._code = tools.code
        self._reference = found or Reference.inline("javascript", written, role=role)

    async def __call__(self, *arguments: Any) -> Any:
        """Return what it comes to; raises Broken."""
        try:
            return (await self._code.call(self._reference, *arguments)).value
        except CodeDiedError:
            raise
        except CodeError as error:
            raise Broken(f"{self._key} broke: {error}") from error


def expression(config: Any, key: str, role: Role, tools: Tools, base: str) -> Expression | None:
    """Return the expression under a key of a configuration, or None where there is none."""
    written = config.get(key)
    return None if written is None else Expression(key, written, role, tools, base)
