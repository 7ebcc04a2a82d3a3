from collections.abc import Callable

import pytest

from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.row import row
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict

Make = Callable[..., TrialResult]

PROMPTFOO_KEYS = {
    "id", "testIdx", "promptIdx", "promptId", "testCase", "provider", "prompt", "vars", "response", "success", "score",
    "failureReason", "gradingResult", "namedScores", "latencyMs", "cost", "tokenUsage", "metadata",
}  # fmt: skip


def test_has_every_key_of_promptfoos_rows(trial: Make) -> None:
    """What reads promptfoo's rows finds each of their keys in ours."""
    made = row(trial(3), "eval-1")

    assert made.keys() >= PROMPTFOO_KEYS
    assert (made["testIdx"], made["promptIdx"], made["outcome"], made["repeatIndex"]) == (3, 0, "passed", 0)
    assert made["provider"] == {"id": "file://bot.py", "label": "bot"}
    assert made["prompt"]["raw"] == "Say word 3"
    assert "error" not in made


@pytest.mark.parametrize(
    ("outcome", "failure"), [(Outcome.PASSED, 0), (Outcome.FAILED, 1), (Outcome.ERROR, 2), (Outcome.SKIPPED, 0)]
)
def test_only_a_pass_is_a_success(trial: Make, outcome: Outcome, failure: int) -> None:
    """Failing, breaking and being skipped are three things, and none of them is a success."""
    made = row(trial(outcome=outcome), "eval-1")

    assert made["success"] is (outcome is Outcome.PASSED)
    assert made["failureReason"] == failure
    assert made["outcome"] == outcome.value
    assert bool(made.get("error")) is (outcome is not Outcome.PASSED)


def test_says_what_broke_and_where(trial: Make) -> None:
    """A trial that broke carries the trouble's text and phase, and no verdict."""
    trouble = Trouble(phase=Phase.BEFORE, what="beforeEach of hooks.py broke")
    made = row(trial(outcome=Outcome.ERROR, trouble=trouble, reply=None, verdicts=()), "eval-1")

    assert made["error"] == "beforeEach of hooks.py broke"
    assert made["phase"] == "before"
    assert made["gradingResult"] is None
    assert "response" not in made


def test_keeps_verdicts_beside_a_broken_assertion(trial: Make) -> None:
    """A reply that was paid for and the verdicts upon it stay in the row when something else broke."""
    made = row(trial(outcome=Outcome.ERROR, trouble=Trouble(phase=Phase.JUDGE, what="boom")), "eval-1")

    assert made["response"]["output"] == "word 0"
    assert len(made["gradingResult"]["componentResults"]) == 1


def test_tells_the_session_in_the_metadata(trial: Make) -> None:
    """The session a trial was seen to use is named in its metadata, but does not overrule what is there."""
    assert row(trial(session_id="s1"), "e")["metadata"] == {"sessionId": "s1"}
    assert row(trial(session_id="s1", metadata={"sessionId": "own"}), "e")["metadata"] == {"sessionId": "own"}
    assert row(trial(session_id="s1", metadata={"sessionIds": ["a"]}), "e")["metadata"] == {"sessionIds": ["a"]}


def test_secrets_stay_out_except_for_hooks(trial: Make) -> None:
    """A row that is kept is redacted; one for a hook shows the vars as they are."""
    secret = trial(raw={"vars": {"apiKey": "k", "sessionId": "s"}})

    assert row(secret, "e")["vars"] == {"apiKey": "[REDACTED]", "sessionId": "[REDACTED]"}
    assert row(secret, "e")["testCase"]["vars"] == {"apiKey": "[REDACTED]", "sessionId": "s"}
    assert row(secret, "e", redact=False)["vars"] == {"apiKey": "k", "sessionId": "s"}


def test_lists_an_assert_set_before_its_members(trial: Make) -> None:
    """Component results are flat: a set, then its members; the set says what it was in its metadata."""
    inner = {"type": "contains", "value": "a"}
    raw = {"type": "assert-set", "threshold": 0.5, "metric": "m", "assert": [inner]}
    member = Verdict(passed=False, score=0, reason="no", claim=Claim(type="contains", raw=inner))
    whole = Verdict(passed=True, score=0.5, reason="yes", claim=Claim(type="assert-set", raw=raw), parts=(member,))

    parent, child = row(trial(verdicts=(whole,)), "e")["gradingResult"]["componentResults"]

    kept = {"type": "assert-set", "assertionCount": 1, "metric": "m", "threshold": 0.5}
    assert parent["metadata"]["assertionSet"] == kept
    assert "assertion" not in parent
    assert child["assertion"] == inner


def test_a_scripts_own_parts_stand_for_its_assertion(trial: Make) -> None:
    """The parts that a script reports follow it and bear its assertion."""
    raw = {"type": "python", "value": "file://check.py"}
    part = Verdict(passed=False, score=0, reason="part")
    whole = Verdict(passed=True, score=1, reason="whole", claim=Claim(type="python", raw=raw), parts=(part,))

    parent, child = row(trial(verdicts=(whole,)), "e")["gradingResult"]["componentResults"]

    assert parent["assertion"] == child["assertion"] == raw
    assert child["reason"] == "part"


def test_a_scoring_function_overrules_the_grading(trial: Make) -> None:
    """What an assertScoringFunction answered stands in the grading result."""
    made = row(trial(grading={"pass": True, "score": 0.7, "reason": "scored"}), "e")

    assert made["gradingResult"]["score"] == 0.7
    assert len(made["gradingResult"]["componentResults"]) == 1


def test_counts_tokens_of_provider_and_graders(trial: Make) -> None:
    """A provider's tokens and its graders' are told apart, and odd reports count as nothing."""
    reply = Reply(
        output="x", extra={"tokenUsage": {"total": 7, "prompt": "many", "completionDetails": {"reasoning": 2}}}
    )
    judge = Verdict(passed=True, score=1, reason="", tokens={"total": 5, "numRequests": 1})

    used = row(trial(reply=reply, verdicts=(judge,)), "e")["tokenUsage"]

    assert (used["total"], used["prompt"], used["numRequests"]) == (7, 0, 1)
    assert used["completionDetails"]["reasoning"] == 2
    assert (used["assertions"]["total"], used["assertions"]["numRequests"]) == (5, 1)


def test_tells_what_is_unclean_and_what_was_printed(trial: Make) -> None:
    """Notes and prints are in the row only where there are any."""
    notes = (Trouble(phase=Phase.AFTER, what="afterEach broke"),)
    made = row(trial(notes=notes, printed="hello\n"), "e")

    assert made["notes"] == [{"phase": "after", "message": "afterEach broke"}]
    assert made["printed"] == "hello\n"
    assert not {"notes", "printed", "lane", "phase"} & row(trial(), "e").keys()
