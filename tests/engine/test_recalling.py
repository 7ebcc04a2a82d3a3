"""What was wrong in the earlier part of a run that went on."""

from __future__ import annotations

from sojourn.engine.recalling import recall
from sojourn.model.event import Event
from sojourn.model.result import Phase, Trouble
from tests.conftest import make_run, make_trial


def event(what: str, trial: int | None = None, session: str = "box") -> Event:
    """Make what happened to a session."""
    return Event(at=1, what=what, session=session, trial=trial)


def test_what_stands_keeps_its_faults() -> None:
    """Races and leaks are told of trials that stand, closings that failed where no note says so; others run again."""
    note = Trouble(phase=Phase.CLOSE, what="close of thread: it is stuck")
    kept = {n: make_trial(n, session_id="s", notes=(note,) if n else ()) for n in (0, 1)}
    run = make_run(*kept.values(), leaks=["later"])
    raced = [event("raced", n, "") for n in (0, 1, 0, 7)]
    unclosed = [event("unclosed", session=name) for name in ("thread", "db")]
    recall(run, kept.keys(), [*raced, event("leaked", 1), event("leaked", 7), *unclosed])
    assert [(race.session_id, race.first.index, race.second.index) for race in run.races] == [("s", 0, 1)]
    assert run.leaks == ["test 2 (trial 2) changed the shared session box", "later"]
    assert [str(trouble) for trouble in run.troubles] == ["session db could not be closed, before the run went on"]
