"""What changed between two stored runs."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sojourn.model.plan import Column
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, RunResult, TrialResult
from sojourn.model.suite import Prompt
from sojourn.store.comparing import Twins, compare
from sojourn.store.recorder import Recorder
from sojourn.store.runs import Store
from tests.conftest import COLUMN, make_run, make_trial

ALL = ["regression", "gone", "another verdict", "mended", "new", "score", "output", "same"]


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
    """Each trial is compared with the same of the other run, wherever it stands there; repeats one by one."""
    failed, error = Outcome.FAILED, Outcome.ERROR
    old = [named("worse"), named("gone"), named("other", outcome=failed), named("mended", outcome=error)]
    old += [named("score"), named("answer"), named("same"), named("same")]
    new = [named("same"), named("same"), named("answer", reply=Reply(output="else")), named("score", score=0.5)]
    new += [named("new"), named("mended"), named("other", outcome=error), named("worse", outcome=failed)]
    for run, results in (("a", old), ("b", new)):
        numbered = [
            dataclasses.replace(each, trial=dataclasses.replace(each.trial, index=place, test_index=place))
            for place, each in enumerate(results)
        ]
        record(tmp_path, run, *numbered)

    counts, found = changed(tmp_path, ALL)
    assert counts == dict.fromkeys(ALL, 1) | {"same": 2}
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
    other = dataclasses.replace(COLUMN, prompt=Prompt(raw="Shout {{x}}", label="Shout {{x}}", id="other"))
    record(tmp_path, "a", named("one"))
    record(tmp_path, "b", named("one", column=other, outcome=Outcome.FAILED), columns=(other,))
    assert changed(tmp_path, ALL)[0] == {"regression": 1}
