"""A result made again from its row says what it said before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sojourn.encoding import encode
from sojourn.model.reply import Reply
from sojourn.model.restoring import Times, restored
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.row import row
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from tests.conftest import make_trial

SET = {"type": "assert-set", "metric": "set", "assert": [{"type": "equals", "value": "a"}, {"type": "is-json"}]}
PARTS = tuple(Verdict(passed=True, score=1, reason=f"part {n}", claim=Claim(type="equals", raw={})) for n in range(2))
NOTE = Trouble(phase=Phase.AFTER, what="afterEach broke", trace="line 1")


def again(result: TrialResult) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a result's row, and the row of what is made again from it."""
    first = msgspec.json.decode(encode(row(result, "eval-1")))
    times = Times(began=result.started, ended=result.ended, session=result.session_id)
    return first, msgspec.json.decode(encode(row(restored(first, result.trial, times), "eval-1")))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"outcome": Outcome.FAILED, "score": 0.25, "reason": "no", "named_scores": {"m": 0.5}},
        {"outcome": Outcome.ERROR, "verdicts": (), "reply": None, "trouble": structs.replace(NOTE, trace="")},
        {"outcome": Outcome.ERROR, "reply": Reply(error="it is down"), "verdicts": ()},
        {"outcome": Outcome.SKIPPED, "verdicts": (), "reply": None, "reason": "turn 1 was an error"},
        {"outcome": Outcome.SKIPPED, "verdicts": (), "reply": None, "reason": ""},
        {"notes": (NOTE,), "printed": "hello\n", "session_id": "s-1", "metadata": {"a": 1}},
        {"reply": Reply(output={"a": [1]}, cost=0.5, extra={"tokenUsage": {"total": 3}, "raw": "x"}, cached=True)},
        {
            "verdicts": (
                Verdict(passed=True, score=1, reason="all", claim=Claim(type="assert-set", raw=SET), parts=PARTS),
            )
        },
        {"verdicts": (Verdict(passed=False, score=0, reason="no", parts=PARTS, tokens={"total": 2}), *PARTS)},
        {"grading": {"pass": True, "score": 7, "reason": "as the function says"}, "score": 7},
    ],
)
def test_its_row_is_the_same_again(changes: dict[str, Any]) -> None:
    """Whatever a result tells, the one that is made from its row tells the same."""
    first, second = again(make_trial(3, **changes))
    assert second == first


def verdicts(depth: int) -> st.SearchStrategy[Verdict]:
    """Make verdicts with parts of parts."""
    parts = st.lists(verdicts(depth - 1), max_size=2).map(tuple) if depth else st.just(())
    return st.builds(
        Verdict,
        passed=st.booleans(),
        score=st.floats(0, 1),
        reason=st.text(max_size=5),
        claim=st.none()
        | st.sampled_from([Claim(type="equals", raw={"type": "equals"}), Claim(type="assert-set", raw=SET)]),
        named_scores=st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=1),
        parts=parts,
    )


@given(st.lists(verdicts(2), max_size=3).map(tuple))
def test_every_tree_of_verdicts_is_read_back(found: tuple[Verdict, ...]) -> None:
    """Component results are written flat, each followed by its parts, and read as the tree that they were."""
    first, second = again(make_trial(0, verdicts=found))
    assert second == first
