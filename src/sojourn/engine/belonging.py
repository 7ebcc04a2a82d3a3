"""What providers keep for the conversations of a lane while it runs."""

from __future__ import annotations

from sojourn.model.plan import Lane, Trial
from sojourn.protocols import Belongings


class BelongingsOfLanes:
    """Belongings by conversation: turns find what the turns before them left, other trials start with nothing."""

    def __init__(self) -> None:
        self._found: dict[str, Belongings] = {}

    def of(self, trial: Trial) -> Belongings:
        """Return what the trial's conversation has: in a lane without conversations, what its column has there."""
        return self._found.setdefault(_key(trial), Belongings())

    async def close(self, lane: Lane) -> None:
        """Close what a lane has, when it is over or about to be run again."""
        for key in dict.fromkeys(map(_key, lane.trials)):
            found = self._found.pop(key, None)
            if found is not None:
                await found.aclose()


def _key(trial: Trial) -> str:
    shared = trial.conversation or trial.lane or f"trial:{trial.index}"
    return f"{trial.column.index}:{trial.repeat}:{shared}"
