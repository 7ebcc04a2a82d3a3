"""Shards of a run, of suites that Hypothesis makes up."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from sojourn.engine.planner import make_plan
from sojourn.errors import ConfigError
from sojourn.model.plan import Plan, Trial
from sojourn.model.suite import Prompt, ProviderSpec, RunOptions, Suite
from sojourn.template.engine import Renderer

TEST = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries({"conversationId": st.sampled_from(["a", "b", "c"])}),
        "options": st.fixed_dictionaries(
            {},
            optional={
                "runSerially": st.just(True),
                "repeat": st.integers(2, 4),
                "storeOutputAs": st.just("kept"),
                "minPasses": st.just(1),
            },
        ),
        "turns": st.lists(st.just({"vars": {"q": "x"}}), min_size=1, max_size=3),
        "assert": st.just([{"type": "select-best", "value": "the best"}]),
    },
)
SHARDS = st.integers(1, 6)


def plan(
    tests: list[Any], shard: tuple[int, int] | None = None, *, hooks: bool = False, shuffle: int | None = None
) -> Plan:
    """Plan a suite of two columns."""
    suite = Suite(
        base="/",
        prompts=(Prompt(raw="{{q}}", label="p", id="p"),),
        providers=(ProviderSpec(id="echo"), ProviderSpec(id="echo", label="other")),
        tests=tuple(tests),
        extensions=("file://hooks.py:hook",) if hooks else (),
        options=RunOptions(shard=shard, shuffle=shuffle),
    )
    return asyncio.run(make_plan(suite, Renderer({}).names, None))


def lanes(made: Plan) -> dict[str, list[int]]:
    """Return the trials of every lane."""
    return {lane.key: [trial.index for trial in lane.trials] for lane in (*made.first, *made.lanes)}


@settings(deadline=None, max_examples=50)
@given(
    tests=st.lists(TEST, min_size=1, max_size=12),
    count=SHARDS,
    told=st.fixed_dictionaries({"hooks": st.booleans(), "shuffle": st.none() | st.just(7)}),
)
def test_every_lane_is_in_exactly_one_shard_whole(tests: list[Any], count: int, told: dict[str, Any]) -> None:
    """The shards together are the whole run, no lane is cut, and each trial is what it is in the whole run."""
    whole = plan(tests, hooks=told["hooks"])
    shards = [plan(tests, (number, count), **told) for number in range(1, count + 1)]

    seen = Counter(trial.index for shard in shards for trial in shard.trials)
    assert seen == Counter(trial.index for trial in whole.trials)
    assert {key: trials for shard in shards for key, trials in lanes(shard).items()} == lanes(whole)
    where = {trial.index: trial for trial in whole.trials}
    for shard in shards:
        assert all(alike(trial, where[trial.index]) for trial in shard.trials)


def alike(one: Trial, other: Trial) -> bool:
    """Whether two trials are the same but for the objects that they are of."""
    column = structs.replace(one, column=other.column, case=other.case)
    return column == other and one.column.index == other.column.index


@settings(deadline=None, max_examples=50)
@given(tests=st.lists(TEST, min_size=1, max_size=12), count=SHARDS)
def test_what_is_judged_together_is_in_one_shard(tests: list[Any], count: int) -> None:
    """Columns that are compared, and repeats that count as one, are not taken apart."""
    home: dict[tuple[str, object], set[int]] = {}
    for number in range(1, count + 1):
        for trial in plan(tests, (number, count)).trials:
            if trial.case.claims:
                home.setdefault(("compared", trial.test_index), set()).add(number)
            if trial.case.options.get("minPasses"):
                home.setdefault(("repeats", (trial.test_key, trial.column.index)), set()).add(number)
    assert all(len(numbers) == 1 for numbers in home.values())


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 30), shards=SHARDS)
def test_lanes_are_dealt_out_evenly(count: int, shards: int) -> None:
    """Where every trial is a lane, no shard has two more trials than another."""
    sizes = [len(plan([{}] * count, (number, shards)).trials) for number in range(1, shards + 1)]
    assert max(sizes) - min(sizes) <= 1


def test_a_long_lane_is_made_up_for() -> None:
    """The shard with a conversation of six turns gets fewer of the single tests."""
    tests = [{"metadata": {"conversationId": "long"}}] * 6 + [{}] * 6
    assert [len(plan(tests, (number, 3)).trials) for number in (1, 2, 3)] == [8, 8, 8]


def test_what_may_share_unknowably_stays_together() -> None:
    """In a suite with hooks, the tests that declare nothing are in one shard; those that declare are dealt out."""
    tests = [{}, {}, {}, {"metadata": {"conversationId": "a"}}, {"metadata": {"conversationId": "b"}}]
    shards = [plan(tests, (number, 3), hooks=True) for number in (1, 2, 3)]
    undeclared = [{trial.test_number for trial in shard.trials if not trial.lane} for shard in shards]
    assert sorted(map(len, undeclared)) == [0, 0, 3]
    assert all(shard.trials for shard in shards)


def test_more_passes_than_repeats_are_refused() -> None:
    """Nobody waits for a test that cannot pass."""
    with pytest.raises(ConfigError, match=r"refund: options\.minPasses is 4, but the test runs 1 time .*--repeat"):
        plan([{"description": "refund", "options": {"minPasses": 4}}])
