"""Results that are shelved: what is asked of them is the same as if all were in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.errors import StoreError
from sojourn.model.plan import Trial
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.results import Results
from tests.conftest import make_trial


class Shelf:
    """Where results lie that were let go of; counts how often it is asked."""

    def __init__(self) -> None:
        self.held: dict[int, TrialResult] = {}
        self.asked = 0

    def read(self, trials: Sequence[Trial]) -> Iterator[TrialResult]:
        """Give back what came of trials, in no order in particular."""
        self.asked += 1
        return (self.held[trial.index] for trial in sorted(trials, key=lambda each: -each.index))


def put(results: Results, shelf: Shelf, result: TrialResult) -> bool:
    """Shelve a result that is among the results."""
    shelf.held[result.trial.index] = result
    return results.shelve(result)


OUTCOMES = st.sampled_from([*Outcome])


@given(st.data())
def test_shelved_or_not_they_read_the_same(data: st.DataObject) -> None:
    """Whatever is shelved, replaced and withdrawn, order, length, items and counts are those of plain results."""
    shelf, plain = Shelf(), Results()
    shelved = Results(read=shelf.read)
    for step in range(data.draw(st.integers(0, 12))):
        result = make_trial(data.draw(st.integers(0, 5)), outcome=data.draw(OUTCOMES), ended=float(step))
        index = result.trial.index
        known = index in {trial.index for trial in plain.trials()}
        for each in (plain, shelved):
            if not known:
                each.append(result)
            elif step % 2:
                each.withdraw(index)
                each.append(result)
            else:
                each.replace(result)
        if data.draw(st.booleans()):
            assert put(shelved, shelf, result)
    assert [*shelved] == [*plain]
    assert [*shelved.in_order()] == [*plain.in_order()]
    assert shelved[:] == plain[:]
    assert len(shelved) == len(plain)
    assert [*shelved.trials()] == [*plain.trials()]
    assert shelved.tally.outcomes == plain.tally.outcomes
    assert shelved.tally.remarkable == plain.tally.remarkable
    assert shelved.tally.column(0).metrics({}) == plain.tally.column(0).metrics({})


def test_what_another_took_the_place_of_is_not_shelved() -> None:
    """A row that was written before its lane was run again says nothing of what came of the second time."""
    shelf = Shelf()
    results = Results(read=shelf.read)
    first, second = make_trial(0, ended=1.0), make_trial(0, ended=2.0, outcome=Outcome.FAILED)
    results.append(first)
    results.withdraw(0)
    assert not put(results, shelf, first)
    results.append(second)
    assert not put(results, shelf, first)
    assert results[0] is second


def test_without_a_shelf_all_stay() -> None:
    """A run that is not recorded holds what came of it."""
    results = Results([make_trial(0)])
    assert not results.shelve(results[0])
    assert results.held == [results[0]]


def test_what_may_be_seen_is_what_is_counted() -> None:
    """What is in memory is made fit to be seen in the end; what was counted as it may be seen is not counted again."""
    shelf = Shelf()

    def fit(each: TrialResult) -> TrialResult:
        return make_trial(each.trial.index, session_id="blank")

    results = Results(read=shelf.read)
    for index in (0, 1):
        secret = make_trial(index, session_id="secret")
        results.append(secret, fit(secret))
    assert put(results, shelf, fit(results[1]))
    changed = results.changed(fit)
    assert [each.session_id for each in changed] == ["blank", "blank"]
    assert changed.tally is results.tally
    assert changed.tally.sessions == {"blank": 2}

    results.replace(make_trial(0, session_id="secret", outcome=Outcome.FAILED))
    assert results.tally.outcomes == {"failed": 1, "passed": 1}
    assert results.changed(fit).tally.sessions == {"blank": 2}


def test_rows_that_are_gone_are_named() -> None:
    """Somebody deleted the run while it was read: an error that says so, not one of a dictionary."""
    results = Results([make_trial(0)], lambda _: [])
    assert results.shelve(results[0])
    with pytest.raises(StoreError, match="rows of the run are gone"):
        list(results)


def test_many_are_read_together() -> None:
    """A thousand results on the shelf are not asked for one by one."""
    shelf = Shelf()
    results = Results([make_trial(n) for n in range(1000)], shelf.read)
    for each in results.held:
        put(results, shelf, each)
    assert [each.trial.index for each in results] == [*range(1000)]
    assert shelf.asked == 2
    assert results.tally.outcomes == {"passed": 1000}
