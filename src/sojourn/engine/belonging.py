"""What providers keep for the conversations of a lane while it runs."""

from __future__ import annotations

from sojourn.lifecycle.closing import Closer, Unclosed, close_all
from sojourn.model.plan import Lane, Trial
from sojourn.protocols import Belongings

GRACE = 10.0
"""Seconds that what a provider kept for a lane may take to close."""


class BelongingsOfLanes:
    """Belongings by conversation: turns find what the turns before them left, other trials start with nothing."""

    def __init__(self) -> None:
        self._found: dict[str, Belongings] = {}

    def of(self, trial: Trial) -> Belongings:
        """Return what the trial's conversation has: in a lane without conversations, what its column has there."""
        return self._found.setdefault(_key(trial), Belongings())

    async def close(self, lane: Lane) -> list[Unclosed]:
        """Close what a lane has, when it is over or about to be run again; return what could not be closed."""
        found = [self._found.pop(key, None) for key in map(_key, lane.trials)]
        stacks = [each.stack for each in found if each is not None and each.have_to_be_closed]
        if not stacks:
            return []
        return await close_all(Closer(f"what {lane.key} kept", stack.aclose, GRACE) for stack in stacks)


def _key(trial: Trial) -> str:
    shared = trial.conversation or trial.lane or f"trial:{trial.index}"
    return f"{trial.column.index}:{trial.repeat}:{shared}"
