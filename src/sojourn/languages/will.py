"""The last will of a run: the calls that language processes make should the engine die before it has made them."""

from __future__ import annotations

from typing import Any

import msgspec

from sojourn.model.reference import Reference, Tongue

Willed = tuple[str, str, Reference, tuple[Any, ...]]
"""A call of the last will: its mark, the mark of the call that must have begun for it, the function, the arguments."""


class Will(msgspec.Struct):
    """The calls in order, the ledger in which their marks are written down, and the marks that have begun already."""

    calls: list[Willed] = msgspec.field(default_factory=list)
    ledger: str = ""
    begun: set[str] = msgspec.field(default_factory=set)

    def of(self, tongue: Tongue | str) -> list[Willed]:
        """Return the calls of one language that have not begun."""
        return [call for call in self.calls if call[2].tongue == tongue and call[0] not in self.begun]
