"""What a suite says of its sessions: named, of a kind, living as long as a scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec


class Scope(Enum):
    """How long a session lives, widest first."""

    RUN = "run"
    PROVIDER = "provider"
    CONVERSATION = "conversation"
    TEST = "test"
    TRIAL = "trial"


class Isolation(Enum):
    """What the next trial finds of what the one before it did."""

    SHARED = "shared"
    FRESH = "fresh"
    RESET = "reset"
    ROLLBACK = "rollback"
    FORK = "fork"


class State(Enum):
    """Where a live session is between its opening and its end."""

    PLANNED = "planned"
    OPENING = "opening"
    READY = "ready"
    LENT = "lent"
    CLOSING = "closing"
    CLOSED = "closed"
    BROKEN = "broken"


MOVES: Mapping[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.OPENING, State.CLOSED}),
    State.OPENING: frozenset({State.READY, State.BROKEN}),
    State.READY: frozenset({State.LENT, State.CLOSING}),
    State.LENT: frozenset({State.READY, State.CLOSING}),
    State.CLOSING: frozenset({State.CLOSED, State.BROKEN}),
    State.CLOSED: frozenset(),
    State.BROKEN: frozenset(),
}
"""The legal moves; every other is a mistake of ours."""


class PoolLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions a pool may hold and for how long. Times are seconds, 0 means no limit.

    `capacity` is how many borrowers may use one session at once; `wait` how long a borrower waits for one.
    """

    max: int = 1
    min: int = 0
    capacity: int = 1
    max_lifetime: float = 0
    max_uses: int = 0
    check: bool = False
    wait: float = 0


class SessionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry under `sessions`. Timeouts are seconds.

    `isolation` None means that the suite does not say: a single session is shared; one of a pool is reset before it is
    lent again, or thrown away where its kind cannot reset. `own` marks a provider's session of its own: its calls find
    it under the name `session`, and a class that is opened is asked itself. `place` is where people find the entry.
    """

    name: str
    kind: str
    scope: Scope = Scope.RUN
    isolation: Isolation | None = None
    limits: PoolLimits = msgspec.field(default_factory=PoolLimits)
    pooled: bool = False
    parents: tuple[str, ...] = ()
    open_timeout: float = 60
    close_timeout: float = 30
    config: Mapping[str, Any] = msgspec.field(default_factory=dict)
    base: str = ""
    own: bool = False
    place: str = ""

    @property
    def exclusive(self) -> bool:
        """Whether one trial at a time may use an instance, so that all who use it form a lane."""
        apart = (Isolation.FRESH, Isolation.FORK)
        return not self.pooled and self.limits.capacity == 1 and self.isolation not in apart


def unclear(named: object, known: Sequence[str]) -> tuple[str, str] | None:
    """Say why it is not clear which of the sessions known to a test an assertion means, and what to do; None if it is.

    `named` is the one that the assertion names, or None: then it means the only one.
    """
    if not known:
        return "this test has no session", "name it under sessions of its provider or of the test"
    if named is None:
        told = f"which session is meant? This test has {', '.join(known)}"
        return None if len(known) == 1 else (told, "say session: NAME")
    return None if named in known else (f"this test has no session {named!r}", f"it has {', '.join(known)}")
