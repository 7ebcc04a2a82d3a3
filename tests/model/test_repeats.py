"""Repeats that count as one."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from sojourn.model.repeats import pass_rate, repeats
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]

OUTCOMES = {"p": Outcome.PASSED, "f": Outcome.FAILED, "e": Outcome.ERROR, "s": Outcome.SKIPPED}


@pytest.fixture
def repeated(trial: Make) -> Callable[..., list[TrialResult]]:
    """Make a test's repeats: a word for each, a letter for each of its turns."""

    def made(*words: str, wanted: int = 4) -> list[TrialResult]:
        found: list[TrialResult] = []
        for number, word in enumerate(words):
            for turn, letter in enumerate(word):
                one = trial(len(found), outcome=OUTCOMES[letter])
                case = replace(one.case, options={"minPasses": wanted})
                told = replace(one.trial, repeat=number, turn=turn, test_key="0.0", case=case)
                found.append(replace(one, trial=told, case=case))
        return found

    return made


@pytest.mark.parametrize(
    ("words", "told", "rate"),
    [
        ("p p f p p", "4 of 5 passed, 4 wanted", 100),
        ("p e f p p", "3 of 5 passed, 4 wanted", 0),
        ("p p p p s", "4 of 4 passed, 4 wanted", 100),
        ("p p p s s", "3 of 3 passed, 4 wanted", 100),
        ("p p f s s", "2 of 3 passed, 4 wanted", 0),
        ("s s s s s", "0 of 0 passed, 4 wanted", 100),
        ("pp pp pf fp pp", "3 of 5 passed, 4 wanted", 0),
        ("pp pp pf pp pp", "4 of 5 passed, 4 wanted", 100),
    ],
)
def test_so_many_repeats_must_pass(
    run: Run, repeated: Callable[..., list[TrialResult]], words: str, told: str, rate: float
) -> None:
    """A repeat passes when all its turns do; errors count as not passed, skipped repeats not at all."""
    result = run(*repeated(*words.split()))
    (group,) = repeats(result)
    assert str(group) == told
    assert pass_rate(result) == rate


def test_repeats_that_do_not_say_count_one_by_one(
    run: Run, trial: Make, repeated: Callable[..., list[TrialResult]]
) -> None:
    """A test of which so many must pass is one among the others."""
    single = [trial(10), trial(11, outcome=Outcome.FAILED), trial(12, outcome=Outcome.SKIPPED)]
    result = run(*repeated("p", "f", wanted=1), *single)
    assert round(pass_rate(result)) == 67
