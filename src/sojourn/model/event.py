"""Something that happened to a session."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: when (seconds on the run's clock), what, to which session. `tag` tells apart sessions of one name.

    `what` is opening, open, failed, closing, closed.
    """

    at: float
    what: str
    session: str
    tag: str
