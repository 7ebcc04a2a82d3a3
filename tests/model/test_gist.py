"""What lists show of a trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sojourn.model.gist import SHOWN, gist
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome
from sojourn.model.row import row
from tests.conftest import make_trial

Make = Callable[..., Any]


def test_a_large_answer_is_cut_and_its_length_told() -> None:
    """A list shows the beginning of an answer and knows how long the whole is."""
    made = gist(row(make_trial(reply=Reply(output="x" * 10_000_000)), "eval-1"))
    assert len(made.shown["output"]) == SHOWN
    assert made.shown["length"] == 10_000_000
    assert len(made.searched) < 20_000


def test_what_is_searched_is_description_vars_prompt_output_and_reason() -> None:
    """Each of the texts that a person looks for is there, without regard to case; a secret is not."""
    raw = {"description": "Größe", "vars": {"x": "Alpha", "api_key": "sk-secret"}}
    failed = make_trial(raw=raw, outcome=Outcome.FAILED, reason="No Beta", reply=Reply(output={"a": ["Gamma\0"]}))
    searched = gist(row(failed, "eval-1")).searched
    for word in ("grösse", "alpha", "say word 0", "gamma", "no beta"):
        assert word in searched
    assert "sk-secret" not in searched
    assert "\0" not in searched


@given(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
def test_twins_have_the_same_vars_and_description(value: str, description: str, output: str) -> None:
    """The same test has the same twin in every run, whatever it came to; another answer has another mark."""
    one = gist(row(make_trial(raw={"vars": {"x": value}, "description": description}), "eval-1"))
    raw = {"vars": {"x": value}, "description": description}
    other = gist(row(make_trial(7, raw=raw, reply=Reply(output=output), score=0.1), "eval-2"))
    assert one.twin == other.twin
    assert (one.answer == other.answer) == (output.encode("utf-8", "replace") == b"word 0")
