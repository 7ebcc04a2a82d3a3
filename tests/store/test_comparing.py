"""What changed between two stored runs."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from sojourn.model.plan import Column
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult
from sojourn.model.suite import Prompt
from sojourn.store.comparing import Twins, compare
from sojourn.store.recorder import Recorder
from sojourn.store.runs import Store
from tests.conftest import COLUMN, make_run, make_trial

ALL = ["regression", "gone", "another verdict", "mended", "new", "repeat", "score", "output", "same"]


def record(home: Path, name: str, *results: TrialResult, columns: tuple[Column, ...] = (COLUMN,)) -> None:
    """Record a run of these results."""

    async def write(run: RunResult) -> None:
        run.run_id = name
        recorder = Recorder(home, pytest.fail)
        recorder.begin(run, {"folder": "/", "config": [], "flags": {}})
        await recorder.end(run)
        recorder.close()

    asyncio.run(write(make_run(*results, columns=columns)))


def changed(home: Path, changes: list[str], page: tuple[int, int] = (50, 0)) -> tuple[dict[str, int], list[Twins]]:
    """Compare the runs `a` and `b`."""
    with contextlib.closing(Store(home)) as store:
        return compare(store, store.head("a"), store.head("b"), changes, page)


def named(name: str, index: int = 0, **changes: Any) -> TrialResult:
    """Make a trial of a test that is known by its name."""
    return make_trial(index, raw={"vars": {"x": name}, "description": name}, **changes)


def test_changes_are_told_by_test_the_worst_first(tmp_path: Path) -> None:
    """Each trial is compared with the same of the other run, wherever it stands there."""
    failed, error = Outcome.FAILED, Outcome.ERROR
    old = [named("worse"), named("gone"), named("other", outcome=failed), named("mended", outcome=error)]
    old += [named("score"), named("answer"), named("same"), named("same")]
    new = [named("same"), named("same"), named("answer", reply=Reply(output="else")), named("score", score=0.5)]
    new += [named("new"), named("mended"), named("other", outcome=error), named("worse", outcome=failed)]
    for run, results in (("a", old), ("b", new)):
        numbered = [
            structs.replace(each, trial=structs.replace(each.trial, index=place, test_index=place))
            for place, each in enumerate(results)
        ]
        record(tmp_path, run, *numbered)

    counts, found = changed(tmp_path, ALL)
    assert counts == {change: 1 for change in ALL if change != "repeat"} | {"same": 2}
    told = [(twins.change, twins.name) for twins in found]
    assert told[:4] == [
        ("regression", "worse"),
        ("gone", "gone"),
        ("another verdict", "other"),
        ("mended", "mended"),
    ]
    assert [twins.change for twins in changed(tmp_path, ["score", "output"], (1, 1))[1]] == ["output"]


def test_a_changed_prompt_is_compared_test_by_test(tmp_path: Path) -> None:
    """A column whose prompt is new stands beside the old one, so that each test shows what the change did."""
    other = structs.replace(COLUMN, prompt=Prompt(raw="Shout {{x}}", label="Shout {{x}}", id="other"))
    record(tmp_path, "a", named("one"))
    record(tmp_path, "b", named("one", column=other, outcome=Outcome.FAILED), columns=(other,))
    assert changed(tmp_path, ALL)[0] == {"regression": 1}


WORDS = {"p": Outcome.PASSED, "f": Outcome.FAILED, "e": Outcome.ERROR, "s": Outcome.SKIPPED}


def repeated(told: str, *, wanted: int | None = 2, turns: int = 1) -> list[TrialResult]:
    """Make the repeats of a test, of which `wanted` must pass: a letter for each turn, its outcome."""
    options = {"minPasses": wanted} if wanted else {}
    found = []
    for index, letter in enumerate(told):
        repeat, turn = divmod(index, turns)
        one = named(
            f"greets {turn}" if turns > 1 else "greets", index, outcome=WORDS[letter], score=float(letter == "p")
        )
        raw = {**one.case.raw, "options": options}
        case = structs.replace(one.case, raw=raw, options=options)
        number = turn + 1 if turns > 1 else 0
        trial = structs.replace(one.trial, repeat=repeat, turn=number, case=case, test_key=str(index // 9))
        found.append(structs.replace(one, trial=trial, case=case))
    return found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ppp", "ppf", {"score": "greets", "repeat": "greets, repeat 3"}),
        ("ppf", "fpp", {"repeat": "greets, repeat 1", "same": "greets"}),
        ("ppp", "pff", {"regression": "greets", "repeat": "greets, repeat 2"}),
        ("pff", "ppp", {"mended": "greets", "repeat": "greets, repeat 2"}),
        ("fff", "eee", {"another verdict": "greets", "repeat": "greets, repeat 1"}),
        ("ppp", "p", {"same": "greets"}),
        ("ppp", "", {"gone": "greets"}),
        ("", "fff", {"new": "greets"}),
    ],
)
def test_repeats_that_count_as_one_are_compared_as_one(
    tmp_path: Path, old: str, new: str, told: dict[str, str]
) -> None:
    """Only where too few pass now is it a regression, of the test; repeats that changed are told beside it."""
    record(tmp_path, "a", *repeated(old))
    record(tmp_path, "b", *repeated(new))
    _, found = changed(tmp_path, ALL)
    assert {twins.change: twins.name for twins in reversed(found)} == told


def test_what_repeats_came_to_is_told_of_the_whole(tmp_path: Path) -> None:
    """Each side says how many passed, of how many, and how many are wanted; a repeat passes when all its turns do."""
    record(tmp_path, "a", *repeated("pppppp", turns=2))
    record(tmp_path, "b", *repeated("pfpfpp", turns=2))
    counts, found = changed(tmp_path, ALL)
    assert counts == {"regression": 1, "repeat": 2}
    (whole, *_) = found
    assert whole.before
    assert whole.after
    assert (whole.before.outcome, whole.before.shown["reason"]) == ("passed", "3 of 3 passed, 2 wanted")
    assert (whole.after.outcome, whole.after.shown["reason"]) == ("failed", "1 of 3 passed, 2 wanted")


def test_a_test_that_counts_as_one_only_now_is_compared_as_one(tmp_path: Path) -> None:
    """Where one of the runs does not say how many must pass, all must: a test that was flaky before is mended."""
    record(tmp_path, "a", *repeated("ppf", wanted=None))
    record(tmp_path, "b", *repeated("fpp"))
    assert changed(tmp_path, ["mended"])[0] == {"mended": 1, "repeat": 2}
    record(tmp_path, "c", *repeated("ppf", wanted=None))
    with contextlib.closing(Store(tmp_path)) as store:
        assert compare(store, store.head("b"), store.head("c"), ALL, (50, 0))[0] == {"regression": 1, "repeat": 2}


def test_runs_of_other_tests_are_compared_by_twins(tmp_path: Path) -> None:
    """A run with tests before and among those of the other is paired by what tests are, the n-th with the n-th."""
    old = [named("one"), named("two"), named("two", outcome=Outcome.FAILED)]
    new = [named("zero"), *old]
    for run, results in (("a", old), ("b", new)):
        record(
            tmp_path,
            run,
            *(
                structs.replace(each, trial=structs.replace(each.trial, index=place))
                for place, each in enumerate(results)
            ),
        )
    assert changed(tmp_path, ALL)[0] == {"same": 3, "new": 1}
