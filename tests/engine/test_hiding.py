"""Secrets are taken out of all that a run tells, also of what it names in passing."""

from __future__ import annotations

from sojourn.engine.hiding import hide
from sojourn.model.run_result import Race
from sojourn.model.secrecy import Secrets
from tests.conftest import make_run, make_trial

KEY = "sk-VerySecret-12345"


def test_trials_of_a_race_are_named_without_secrets() -> None:
    """Both trials of a race stand in the summary by their names."""
    one, two = (make_trial(n, raw={"description": f"with {KEY}"}) for n in range(2))
    run = make_run(one, two, races=[Race(session_id=KEY, first=one.trial, second=two.trial)])
    hide(run, Secrets([KEY]))
    [race] = run.races
    assert KEY not in f"{race.session_id} {race.first.name} {race.second.name}"
