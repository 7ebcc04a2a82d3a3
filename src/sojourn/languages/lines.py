"""Whole lines of what several print at once: none is torn by another's."""

from __future__ import annotations

from collections.abc import Callable

MOST = 1 << 16
"""Characters that are kept back while a line has not ended."""


class WholeLines:
    """Passes on what each source prints, line by line; what has no end of its own yet follows with `end`."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._begun: dict[int, str] = {}

    def add(self, source: int, text: str) -> None:
        """Take what a source printed."""
        text = self._begun.pop(source, "") + text
        whole = len(text) if len(text) > MOST else text.rfind("\n") + 1
        if whole < len(text):
            self._begun[source] = text[whole:]
        if whole:
            self._show(text[:whole])

    def end(self) -> None:
        """Pass on what was begun: nothing more will come."""
        begun, self._begun = self._begun, {}
        for text in begun.values():
            self._show(text)
