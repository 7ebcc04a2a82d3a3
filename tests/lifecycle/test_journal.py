"""What happened to sessions, in order."""

from __future__ import annotations

from itertools import count

from sojourn.lifecycle.journal import Journal, NoLedger


def test_a_race_is_told_of_both_trials() -> None:
    """Two events in a row, one for each of the trials; of which session, their results know."""
    clock = count(1)
    journal = Journal("run", lambda: next(clock), NoLedger())
    journal.raced(3, 7)
    assert [(each.at, each.what, each.session, each.trial) for each in journal.events] == [
        (1, "raced", "", 3),
        (2, "raced", "", 7),
    ]
