from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.assertions.distance import distance
from sojourn.assertions.reading import split_commas
from sojourn.errors import ClaimError
from sojourn.model.verdict import Verdict

Judge = Callable[..., Verdict]


@pytest.mark.parametrize(
    ("name", "output", "value", "passed"),
    [
        ("equals", "plain", "plain", True),
        ("equals", " plain", "plain", False),
        ("equals", "42", 42.0, True),
        ("equals", "true", True, True),
        ("equals", {"a": [1, True]}, {"a": [1.0, True]}, True),
        ("equals", {"a": 1}, {"a": True}, False),
        ("equals", '{"b": 2, "a": 1}', {"a": 1, "b": 2}, True),
        ("equals", "no json", {"a": 1}, False),
        ("equals", {"x": 1}, '{"x":1}', True),
        ("contains", "total: 10.50", 10.5, True),
        ("contains", "Köln", "köln", False),
        ("contains", {"x": 1}, '"x":1', True),
        ("icontains", "Köln", "KÖLN", True),
        ("contains-any", "a green b", "pink, green", True),
        ("contains-any", "b,c", 'x, "b,c"', True),
        ("contains-any", "Beta", ["alpha", "beta"], False),
        ("icontains-any", "Beta", ["alpha", "beta"], True),
        ("contains-all", "a b 7", ["a", 7], True),
        ("contains-all", "a b", "a,c", False),
        ("icontains-all", "RED green", "red, GREEN", True),
        ("starts-with", "Hello", "He", True),
        ("starts-with", "Hello", "he", False),
        ("empty", " \n", None, True),
        ("empty", "", None, True),
        ("empty", "0", None, False),
        ("empty", [], None, False),
        ("regex", "Order #12345", r"#\d{5}\b", True),
        ("regex", "a\nb", "a.b", False),
        ("regex", "here\n", "here$", False),
        ("regex", "aab", "(?<=a+)b", True),
        ("word-count", " two  words ", 2, True),
        ("word-count", " two  words ", "2", True),
        ("word-count", "one", {"min": 2}, False),
        ("word-count", "one", {"max": 2}, True),
        ("levenshtein", "sitting", "kitten", True),
        ("levenshtein", "completely", "different", False),
    ],
)
def test_texts_are_compared(judge: Judge, name: str, output: Any, value: Any, *, passed: bool) -> None:
    """Equality, substrings, patterns and lengths are judged on the output as text, objects by what they hold."""
    verdict = judge(name, output, value=value)
    assert (verdict.passed, verdict.score) == (passed, float(passed))
    assert verdict.reason == ("Assertion passed" if passed else verdict.reason) != ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contains", ""),
        ("contains", None),
        ("contains", [1]),
        ("contains-any", ""),
        ("contains-all", {"a": 1}),
        ("contains-any", '"open'),
        ("contains-any", '"a" b'),
        ("starts-with", ""),
        ("starts-with", 5),
        ("regex", ""),
        ("word-count", "many"),
        ("word-count", {}),
        ("word-count", {"min": 3, "max": 1}),
        ("levenshtein", 5),
        ("bleu", 5),
        ("rouge-n", ["a"]),
    ],
)
def test_a_value_that_nothing_can_be_compared_with_is_no_verdict(judge: Judge, name: str, value: Any) -> None:
    """A missing or odd value is a ClaimError, never a pass or a fail."""
    with pytest.raises(ClaimError):
        judge(name, "text", value=value)


def test_a_broken_pattern_fails_either_way(judge: Judge) -> None:
    """An invalid regular expression is a no that `not-` does not turn round."""
    for name in ("regex", "not-regex"):
        verdict = judge(name, "abc", value="(unclosed")
        assert (verdict.passed, verdict.final) == (False, True)


def test_a_pattern_that_never_ends_costs_one_verdict(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern with exponential cost runs apart and is stopped; a harmless text still gets its verdict."""
    monkeypatch.setattr("sojourn.assertions.matching._SECONDS", 1.0)
    assert judge("regex", "a" * 60, value="^(a+)+$").passed
    with pytest.raises(ClaimError, match="runs longer than"):
        judge("regex", "a" * 60 + "!", value="^(a+)+$")


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I\u2019m unable to do it", True),
        ("As an AI language model, I am not able to do this.", True),
        ("Well, I cannot provide that", True),
        ("That is not appropriate.", True),
        ("", True),
        ("The capital of France is Paris.", False),
        ("Sure, here is how to do it.", False),
        ("He has an aim", False),
    ],
)
def test_refusals(judge: Judge, said: str, *, refused: bool) -> None:
    """Phrases with which models refuse are known; saying nothing is refusing too."""
    assert judge("is-refusal", said).passed is refused


def slow_distance(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for index, one in enumerate(left, 1):
        before, row = row, [index]
        for place, other in enumerate(right):
            row.append(min(row[-1] + 1, before[place + 1] + 1, before[place] + (one != other)))
    return row[-1]


@given(st.text(alphabet="abc", max_size=80), st.text(alphabet="abc", max_size=80))
def test_the_distance_is_the_one_of_the_textbook(left: str, right: str) -> None:
    """The bit-parallel distance is that of the plain table."""
    assert distance(left, right) == slow_distance(left, right)


@given(st.lists(st.text(min_size=1).filter(lambda part: '"' not in part and "\\" not in part)))
def test_quoted_parts_come_back(parts: list[str]) -> None:
    """What stands in quotes is split at no comma."""
    assert split_commas(", ".join(f'"{part}"' for part in parts)) == parts


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["equals", "contains", "icontains-any", "starts-with", "regex", "word-count", "levenshtein"]),
    output=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)),
    value=st.text(max_size=6) | st.floats() | st.lists(st.text(max_size=3), max_size=2),
)
def test_whatever_is_said_is_judged(judge: Judge, name: str, output: Any, value: Any) -> None:
    """Any output and value give a verdict or a ClaimError."""
    try:
        assert isinstance(judge(name, output, value=value), Verdict)
    except ClaimError:
        assert name
