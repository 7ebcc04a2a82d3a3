from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from sojourn.assertions.comparison import best, highest
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext

Judge = Callable[..., Verdict]
BROKEN = Reply(error="out of order")


class Graders(Protocol):
    """The scripted graders of conftest."""

    answers: dict[str, Any]
    asked: list[tuple[str, str, dict[str, Any]]]


@pytest.mark.parametrize(
    ("answer", "passed", "score"),
    [
        ({"pass": True, "score": 0.8, "reason": "r"}, True, 0.8),
        ('```json\n{"pass": true, "score": 0.6}\n```', True, 0.6),
        ('Let me see. {"pass": false, "score": 0.2} That is all.', False, 0.2),
        ('{"score": 0.3}', True, 0.3),
        ('{"pass": true, "score": null}', True, 0),
        ('{"pass": true, "score": {}}', True, 1),
        ('{"pass": true}', True, 1),
        ('{"pass": false}', False, 0),
        ('{"pass": "yes", "score": "0.5"}', True, 0.5),
        ("{pass: true, score: 0.4}", True, 0.4),
    ],
)
def test_rubric(judge: Judge, graders: Graders, answer: Any, *, passed: bool, score: float) -> None:
    """A verdict in JSON is found in an object, a fence or prose; what it leaves out is filled in."""
    graders.answers["text"] = answer
    verdict = judge("llm-rubric", "the output", value="be kind")
    assert (verdict.passed, verdict.score) == (passed, score)
    assert "the output" in graders.asked[0][1]
    assert "be kind" in graders.asked[0][1]


def test_a_rubrics_threshold_must_be_reached_as_well(judge: Judge, graders: Graders) -> None:
    """A pass with a score below the threshold is a no; `not-` turns the outcome round."""
    graders.answers["text"] = '{"pass": true, "score": 0.4}'
    assert not judge("llm-rubric", "x", value="y", threshold=0.5).passed
    turned = judge("not-llm-rubric", "x", value="y", threshold=0.5)
    assert (turned.passed, turned.score) == (True, 0.6)


@pytest.mark.parametrize("answer", [BROKEN, "", "I think it is fine.", "[1]"])
@pytest.mark.parametrize("name", ["llm-rubric", "not-llm-rubric", "g-eval", "not-g-eval", "conversation-relevance"])
def test_a_broken_grader_is_no_agreement(judge: Judge, graders: Graders, name: str, answer: Any) -> None:
    """A grader that fails or talks nonsense is a no, marked as its own failure, whether or not `not-` stands there."""
    graders.answers["text"] = answer
    verdict = judge(name, "x", value="y")
    assert (verdict.passed, verdict.final, verdict.metadata) == (False, True, {"graderError": True})


def test_prompts_of_ones_own(judge: Judge, graders: Graders, tmp_path: Path) -> None:
    """The claim's prompt goes before the test's; a file is read; a chat is filled string by string."""
    graders.answers["text"] = '{"pass": true}'
    (tmp_path / "rubric.txt").write_text("FILE {{ rubric }} {{ topic }}")
    test = {"options": {"rubricPrompt": "TEST {{ output }}"}}
    judge("llm-rubric", '{"a": [1]}', value={"must": ["x"]}, test=test)
    judge("llm-rubric", "o", value="r", test=test, rubric_prompt="file://rubric.txt", variables={"topic": "cats"})
    judge("llm-rubric", 'say "hi"', value="r", rubric_prompt=[{"role": "user", "content": "{{ output }}"}])
    asked = [text for _, text, _ in graders.asked]
    assert asked == ['TEST {"a":[1]}', "FILE r cats", '[{"role":"user","content":"say \\"hi\\""}]']
    with pytest.raises(ClaimError):
        judge("llm-rubric", "o", value="r", rubric_prompt="file://missing.txt")


@pytest.mark.parametrize(
    ("answer", "passed"), [("Y", True), ("because\nY\n", True), ("N", False), ("maybe", False), ("Yes", False)]
)
def test_closed_qa(judge: Judge, graders: Graders, answer: str, *, passed: bool) -> None:
    """Only an answer that ends with Y is a yes."""
    graders.answers["text"] = answer
    assert judge("model-graded-closedqa", "x", value="polite?").passed is passed


@pytest.mark.parametrize(
    ("answer", "score"),
    [("(A) part of it", 1), ('{"category": "d", "reason": "no"}', 0), ("(E)", 0.5), ("text (C) because", 1)],
)
def test_factuality(judge: Judge, graders: Graders, answer: str, score: float) -> None:
    """The named category has a score of its own, which the test may set; more than nothing passes."""
    graders.answers["text"] = answer
    verdict = judge("factuality", "x", value="ideal", test={"options": {"factuality": {"differButFactual": 0.5}}})
    assert (verdict.passed, verdict.score) == (score > 0, score)
    graders.answers["text"] = "no letter"
    assert judge("factuality", "x", value="ideal").final


def test_g_eval_takes_two_questions_for_each_criterion(judge: Judge, graders: Graders) -> None:
    """Steps are asked for first and handed on; the mean over all criteria must reach 0.7."""
    graders.answers["text"] = [
        '{"steps": ["look", "rate"]}',
        '{"score": 8, "reason": "good"}',
        '{"steps": ["read"]}',
        '{"score": "5", "reason": "fair"}',
    ]
    verdict = judge("g-eval", "x", value=["kind", "short"])
    assert not verdict.passed
    assert verdict.score == pytest.approx(0.65)
    assert "look\n- rate" in graders.asked[1][1]
    assert verdict.reason == "good\n\nfair"


@pytest.mark.parametrize("rating", ['{"score": 11, "reason": "r"}', '{"score": 5}', '{"score": "", "reason": "r"}'])
def test_g_eval_refuses_nonsense(judge: Judge, graders: Graders, rating: str) -> None:
    """A score outside 0 to 10, or without a reason, is a failure of the grader."""
    graders.answers["text"] = ['{"steps": ["look"]}', rating]
    assert judge("g-eval", "x", value="kind").metadata == {"graderError": True}


def vector(text: str) -> list[float]:
    return [1.0 if word in text else 0.0 for word in ("alpha", "beta", "gamma")]


@pytest.mark.parametrize(
    ("name", "value", "threshold", "passed", "score"),
    [
        ("similar", "alpha", None, False, 0.707107),
        ("similar", ["gamma", "beta alpha", "alpha"], 0.95, True, 1),
        ("not-similar", ["gamma", "alpha"], 0.7, False, 0.292893),
        ("not-similar", ["gamma"], 0.5, True, 1),
        ("similar:dot", "alpha beta", 1.5, True, 2),
        ("similar:euclidean", "alpha beta", 0, True, 1),
        ("similar:euclidean", "gamma", 1, False, 0.366025),
    ],
)
def test_similar(
    judge: Judge,
    graders: Graders,
    name: str,
    value: Any,
    threshold: float | None,
    *,
    passed: bool,
    score: float,
) -> None:
    """Vectors are compared by angle, product or distance; one near value is enough, with `not-` none may be near."""
    graders.answers["embedding"] = vector
    verdict = judge(name, "alpha beta", value=value, threshold=threshold)
    assert verdict.passed is passed
    assert verdict.score == pytest.approx(score, abs=1e-5)


def test_a_grader_that_compares_is_asked_for_no_vectors(judge: Judge, graders: Graders) -> None:
    """What it says is the cosine, the expected text first; products and distances are made of vectors all the same."""
    graders.answers["similarity"] = lambda expected, output: Reply(
        output={"y": 0.2, "z": 0.9}[expected], extra={}, error="" if output == "x" else "no"
    )
    assert (judge("similar", "x", value=["y", "z"]).score, graders.asked) == (0.9, [])
    assert judge("not-similar", "x", value="y").passed
    assert not judge("similar", "other", value="z").passed
    graders.answers["similarity"] = lambda *_: Reply(output="near")
    assert not judge("similar", "x", value="y").passed
    graders.answers["embedding"] = vector
    assert judge("similar:dot", "alpha", value="alpha").passed


def test_an_embedder_that_fails_is_a_no(judge: Judge, graders: Graders) -> None:
    """No vectors, no likeness, and no unlikeness either."""
    graders.answers["embedding"] = BROKEN
    assert not judge("similar", "x", value="y").passed
    assert not judge("not-similar", "x", value="y").passed


def test_classifier(judge: Judge, graders: Graders) -> None:
    """A label's score must reach the threshold; without a label the highest counts; an unknown one has none."""
    graders.answers["classification"] = {"spam": 0.7, "ham": 0.3}
    assert judge("classifier", "x", value="spam", threshold=0.5).passed
    assert judge("classifier", "x", threshold=0.5).score == 0.7
    assert judge("classifier", "x", value="other", threshold=0.5).score == 0
    graders.answers["classification"] = BROKEN
    assert judge("not-classifier", "x", value="spam").final


def test_moderation(judge: Judge, graders: Graders) -> None:
    """Flags fail, those of the listed categories alone where some are listed; silence needs no moderator."""
    flags = [{"code": "violence", "description": "violent"}]
    graders.answers["moderation"] = lambda _text: Reply(output=list(flags))
    assert not judge("moderation", "x").passed
    assert judge("moderation", "x", value=["hate"]).passed
    assert judge("moderation", "").passed


CHUNKS = ["Alpha line", "Beta line", "Gamma line", "Delta line"]


@pytest.mark.parametrize(
    ("name", "answers", "fields", "score"),
    [
        ("context-recall", ["a [Attributed]\nb [Not Attributed]\nc [Attributed]"], {"value": "a. b. c."}, 2 / 3),
        ("context-recall", ["nothing marked"], {"value": "a."}, 0),
        ("context-relevance", ["Alpha line\nDelta line"], {"variables": {"query": "q", "context": CHUNKS}}, 0.5),
        ("context-relevance", ["Insufficient Information"], {"variables": {"query": "q", "context": "One. Two."}}, 0),
        ("context-relevance", ["One."], {"variables": {"query": "q", "context": "One. Two."}}, 0.5),
        (
            "context-faithfulness",
            ["s1\ns2", "s1. Verdict: Yes.\ns2. Verdict: No."],
            {"variables": {"query": "q", "context": "c"}},
            0.5,
        ),
        (
            "context-faithfulness",
            ["s1\ns2\ns3", "Final verdict for each statement in order: Yes. No."],
            {"variables": {"query": "q", "context": "c"}},
            1 / 3,
        ),
    ],
)
def test_retrieval(
    judge: Judge, graders: Graders, name: str, answers: list[str], fields: dict[str, Any], score: float
) -> None:
    """Shares of sentences are counted in what the grader writes, and must reach the threshold."""
    graders.answers["text"] = list(answers)
    verdict = judge(name, "the answer", threshold=0.5, **fields)
    assert verdict.score == pytest.approx(score)
    assert verdict.passed is (score >= 0.5)


def test_the_context_may_come_from_the_reply(judge: Judge, graders: Graders) -> None:
    """A contextTransform makes the context of the reply's output and metadata; it must be text."""
    graders.answers["text"] = lambda _text: "Alpha line"
    reply = Reply(output="o", metadata={"docs": CHUNKS})
    fields: dict[str, Any] = {"reply": reply, "variables": {"query": "q"}}
    assert judge("context-relevance", context_transform="context.metadata.docs", **fields).score == 0.25
    with pytest.raises(ClaimError):
        judge("context-relevance", context_transform="42", **fields)
    with pytest.raises(ClaimError):
        judge("context-relevance", **fields)


def test_answer_relevance_is_the_mean_of_three_questions(judge: Judge, graders: Graders) -> None:
    """Three questions that fit the answer are compared with the one that was asked."""
    graders.answers["text"] = ["alpha?", "beta?", "alpha?"]
    graders.answers["embedding"] = vector
    verdict = judge("answer-relevance", "x", variables={"query": "alpha"}, threshold=0.5)
    assert verdict.score == pytest.approx(2 / 3)


def test_conversation_relevance_looks_at_each_turn(judge: Judge, graders: Graders) -> None:
    """Each turn is judged with the turns before it, as many as the window holds."""
    turns = [{"input": f"q{n}", "output": f"a{n}"} for n in range(3)]
    graders.answers["text"] = ['{"verdict": "yes"}', '{"verdict": "no", "reason": "off"}', '{"verdict": "yes"}']
    verdict = judge("conversation-relevance", "x", variables={"_conversation": turns}, config={"windowSize": 2})
    assert verdict.passed
    assert verdict.score == pytest.approx(2 / 3)
    assert "q0" not in graders.asked[2][1]
    assert "q1" in graders.asked[2][1]


def column(score: float, kind: str = "python") -> list[Verdict]:
    return [Verdict(passed=True, score=score, reason="", claim=Claim(type=kind, raw={"type": kind}))]


@pytest.mark.parametrize(
    ("value", "columns", "winner"),
    [
        (None, [column(0.2), column(0.9), column(0.9)], 1),
        ({"method": "sum", "threshold": 0.5}, [column(0.3), column(0.2)], -1),
        (
            {"weights": {"python": 5}},
            [column(0.9) + column(0, "contains"), column(0.1) + column(1, "contains")],
            0,
        ),
    ],
)
def test_the_highest_score_wins(value: Any, columns: list[list[Verdict]], winner: int) -> None:
    """The best of the other scores passes, the first of equals, if it reaches the threshold."""
    context: Any = None
    found = highest(Claim(type="max-score", value=value), [Reply()] * len(columns), columns, context)
    assert [verdict.passed for verdict in found] == [index == winner for index in range(len(columns))]


def test_comparisons_need_something_to_compare() -> None:
    """One output, or outputs without scores, cannot be compared."""
    context: Any = None
    with pytest.raises(ClaimError):
        highest(Claim(type="max-score"), [Reply()], [column(1)], context)
    with pytest.raises(ClaimError):
        highest(Claim(type="max-score"), [Reply()] * 2, [[], []], context)


@pytest.mark.parametrize(("answer", "winner"), [("1", 1), ("The winner is 0.", 0), ("7", -1), ("none", -1)])
def test_the_best_is_named_by_its_number(
    context_of: Callable[..., ClaimContext], graders: Graders, runner: asyncio.Runner, answer: str, winner: int
) -> None:
    """The first number in the grader's answer chooses; one that is no output's chooses none."""
    graders.answers["text"] = lambda _text: answer
    claim = Claim(type="select-best", value="the loudest")
    replies = [Reply(output="one"), Reply(output="two")]
    found = runner.run(best(claim, replies, [[], []], context_of()))
    assert [verdict.passed for verdict in found] == [index == winner for index in range(2)]
    assert all(part in graders.asked[0][1] for part in ("the loudest", "one", "two"))
