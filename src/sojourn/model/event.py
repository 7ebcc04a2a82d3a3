"""Something that happened to a session, or a hook of the whole run that began or ended."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event: when (seconds on the run's clock), what, to which session. `tag` tells apart sessions of one name.

    `what` is opening, open, failed, closing, closed, unclosed (it could not be) of a session; waiting, lent, returned,
    leaked (the trial changed it for others) of a session and the trial whose index is `trial` (who waits does not know
    yet for which: the tag is empty); raced, twice in a row, of two trials that used one session at once; begun, ended
    of a hook of the whole run, whose moment stands in `session`.
    """

    at: float
    what: str
    session: str
    tag: str = ""
    trial: int | None = None
