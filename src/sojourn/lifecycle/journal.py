"""What happened to sessions, in order: for the report, and, through the ledger, for whoever cleans up after us."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import msgspec

from sojourn.model.event import Event
from sojourn.model.session import SessionSpec
from sojourn.protocols import Opening, SessionKind


class Ledger(Protocol):
    """The durable record, written before a thing exists and after it is gone."""

    async def begin(self, opening: Opening, spec: SessionSpec, *, can_reclaim: bool) -> None:
        """Write down that a session is about to be opened."""

    def opened(self, tag: str, handle: Any) -> None:
        """Write down by what it can be found."""

    def closed(self, tag: str) -> None:
        """Write down that it is gone."""


class NoLedger(msgspec.Struct):
    """Keeps no record: for plans that are only played through."""

    async def begin(self, opening: Opening, spec: SessionSpec, *, can_reclaim: bool) -> None:
        """Forget it."""

    def opened(self, tag: str, handle: Any) -> None:
        """Forget it."""

    def closed(self, tag: str) -> None:
        """Forget it."""


class Journal:
    """Keeps the events of one run; `clock` gives seconds, `run_id` makes its tags its own."""

    def __init__(self, run_id: str, clock: Callable[[], float], ledger: Ledger) -> None:
        self.clock = clock
        self.events: list[Event] = []
        self._run_id = run_id
        self._ledger = ledger
        self._count = 0
        self._names: dict[str, str] = {}

    def new_tag(self) -> str:
        """Return a tag for a session that is about to be opened."""
        self._count += 1
        return f"{self._run_id}/{self._count}"

    def note(self, what: str, tag: str, trial: int | None = None) -> None:
        """Write down an event of the session with that tag."""
        self.tell(what, self._names[tag], tag, trial)

    def tell(self, what: str, name: str, tag: str = "", trial: int | None = None) -> None:
        """Write down an event of a session, whichever it will be, or of a hook; see `Event`."""
        self.events.append(Event(at=self.clock(), what=what, session=name, tag=tag, trial=trial))

    def raced(self, first: int, second: int) -> None:
        """Write down that two trials used one session at the same time."""
        for trial in (first, second):
            self.tell("raced", "", trial=trial)

    @contextlib.asynccontextmanager
    async def opening(
        self, opening: Opening, spec: SessionSpec, kind: SessionKind
    ) -> AsyncIterator[Callable[[Any], None]]:
        """Bracket an opening: the ledger knows of it before it begins. Call what is given with the live session."""
        self._names[opening.tag] = opening.name
        ledger = NoLedger() if kind.is_borrowed else self._ledger
        await ledger.begin(opening, spec, can_reclaim="reclaim" in kind.abilities)
        self.note("opening", opening.tag)
        try:
            yield lambda live: ledger.opened(opening.tag, kind.handle(live))
        except BaseException as error:
            self.note("failed", opening.tag)
            if "reclaim" not in kind.abilities or getattr(error, "undone", False):
                ledger.closed(opening.tag)
            raise
        self.note("open", opening.tag)

    @contextlib.asynccontextmanager
    async def closing(self, tag: str) -> AsyncIterator[None]:
        """Bracket a closing: the ledger forgets the session only if it succeeds."""
        self.note("closing", tag)
        try:
            yield
        except BaseException:
            self.note("unclosed", tag)
            raise
        self._ledger.closed(tag)
        self.note("closed", tag)
