from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.assertions.meteor import meteor_score
from sojourn.assertions.overlap import bleu_score, gleu_score, treebank_words
from sojourn.assertions.stemming import stem
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.verdict import Verdict

Judge = Callable[..., Verdict]
FOX = "the quick brown fox jumps over the lazy dog"


@pytest.mark.parametrize(
    ("name", "output", "value", "score"),
    [
        ("bleu", FOX, FOX, 1.0),
        ("bleu", FOX, FOX.replace("jumps", "leaps"), 0.596949),
        ("bleu", "short text", "short text here", 0.606531),
        ("bleu", "", FOX, 0.0),
        ("gleu", "Hello There General", ["hello there general", "unrelated"], 1.0),
        ("gleu", "Hello There General", "hello there, general.", 1 / 3),
        ("gleu", "", FOX, 0.0),
        (
            "rouge-n",
            "Profits rose by ten percent in March, said the bank.",
            "The bank said on Monday that its profits rose by ten percent during March.",
            0.740741,
        ),
        ("rouge-n", "nothing", "shared", 0.0),
        ("meteor", FOX, FOX, 0.999314),
        ("meteor", "the cats were running", "the cat was run", 0.638889),
        ("meteor", "", FOX, 0.0),
    ],
)
def test_overlap_scores(judge: Judge, name: str, output: str, value: Any, score: float) -> None:
    """The scores are those of the published definitions, as promptfoo computes them."""
    verdict = judge(name, output, value=value, threshold=0.5)
    assert verdict.score == pytest.approx(score, abs=1e-6)
    assert verdict.passed is (score >= 0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("it's john's dog; can't stop.", ["it", "'s", "john", "'s", "dog", ";", "ca", "n't", "stop", "."]),
        ('mr. smith paid $3.50 (or 10%) "today".', None),
        ("cannot gonna wanna go 'tis d'ye", ["can", "not", "gon", "na", "wan", "na", "go", "'t", "is", "d", "'ye"]),
        ("http://a.b 12:30 a--b end...", ["http", ":", "//a.b", "12:30", "a", "--", "b", "end", "..."]),
    ],
)
def test_treebank_words(text: str, words: list[str] | None) -> None:
    """Words are cut as the Penn Treebank cuts them."""
    paid = ["mr.", "smith", "paid", "$", "3.50", "(", "or", "10", "%", ")", "``", "today", "''", "."]
    assert treebank_words(text) == (words or paid)


def test_stems_are_porters() -> None:
    """The examples of Porter's paper come out as he gives them."""
    words = (
        "caresses ponies ties cats feed agreed plastered motoring sing conflated troubled sized hopping falling "
        "hissing filing happy sky relational conditional digitizer radicalli vileli vietnamization operator feudalism "
        "decisiveness formaliti sensibiliti triplicate formalize electrical hopeful goodness revival allowance "
        "inference airliner gyroscopic adjustable irritant replacement adoption communism activate effective rate "
        "cease controll roll"
    )
    stems = (
        "caress poni ti cat feed agre plaster motor sing conflat troubl size hop fall hiss file happi sky relat condit "
        "digit radic vile vietnam oper feudal decis formal sensibl triplic formal electr hope good reviv allow infer "
        "airlin gyroscop adjust irrit replac adopt commun activ effect rate ceas control roll"
    )
    assert [stem(word) for word in words.split()] == stems.split()


@given(st.lists(st.sampled_from(["a", "b", "cat", "cats"])), st.lists(st.sampled_from(["a", "b", "cat"]), min_size=1))
def test_scores_stay_between_nothing_and_one(words: list[str], reference: list[str]) -> None:
    """No score is ever outside 0 to 1, and a text is at its best beside itself."""
    for score in (bleu_score(words, [reference]), gleu_score(words, reference), meteor_score(words, reference)):
        assert 0 <= score <= 1 + 1e-9
    assert gleu_score(reference, reference) == 1


@pytest.mark.parametrize(
    ("name", "reply", "threshold", "found"),
    [
        ("cost", Reply(cost=0.002), 0.002, (True, 1)),
        ("cost", Reply(cost=0.5), 0.1, (False, 0)),
        ("perplexity", Reply(extra={"logProbs": [-0.1, -0.5]}), 2, (True, 1)),
        ("perplexity", Reply(extra={"logProbs": [-2.0]}), 2, (False, 0)),
        ("not-perplexity", Reply(extra={"logProbs": [-2.0]}), None, (True, 1)),
        ("perplexity-score", Reply(extra={"logProbs": [0]}), 0.4, (True, 0.5)),
        ("guardrails", Reply(extra={"guardrails": {"flagged": True, "reason": "bad"}}), None, (False, 0)),
        ("guardrails", Reply(), None, (True, 1)),
    ],
)
def test_what_the_provider_told(
    judge: Judge, name: str, reply: Reply, threshold: float | None, found: tuple[bool, float]
) -> None:
    """Cost, probabilities and flags are judged as the provider tells them."""
    verdict = judge(name, reply=reply, threshold=threshold)
    assert (verdict.passed, verdict.score) == found


def test_latency(judge: Judge) -> None:
    """The measured time must not exceed the threshold, also that of an answer from the cache."""
    assert judge("latency", latency_ms=120, threshold=120).passed
    assert not judge("latency", latency_ms=120, threshold=119).passed
    assert judge("latency", latency_ms=2, reply=Reply(output="x", cached=True), threshold=5).passed


@pytest.mark.parametrize("name", ["cost", "latency", "perplexity", "perplexity-score", "trajectory:tool-used"])
def test_what_was_not_told_cannot_be_judged(judge: Judge, name: str) -> None:
    """Without a threshold, a cost, probabilities or a trace there is no verdict."""
    with pytest.raises(ClaimError):
        judge(name, "x", value="y")


def test_finish_reason(judge: Judge) -> None:
    """The reason to stop is compared in any case; none told is a no."""
    stopped = Reply(output="x", extra={"finishReason": "STOP"})
    assert judge("finish-reason", reply=stopped, value="stop").passed
    assert not judge("finish-reason", reply=stopped, value="length").passed
    assert not judge("finish-reason", "x", value="stop").passed
