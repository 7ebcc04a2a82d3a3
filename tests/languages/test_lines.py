"""What several print at once stays readable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sojourn.languages.lines import MOST, WholeLines

PIECES = st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.booleans(), max_size=6)), max_size=30)


@given(PIECES)
def test_no_line_is_torn_by_another(pieces: list[tuple[str, list[bool]]]) -> None:
    """Whatever the order of the pieces, each line that is shown is one source's, and no letter is lost."""
    shown: list[str] = []
    lines = WholeLines(shown.append)
    for source, letters in pieces:
        lines.add(ord(source), "".join(source if letter else "\n" for letter in letters))
    assert all(each.endswith("\n") for each in shown)
    lines.end()
    assert all(len(set(each) - {"\n"}) <= 1 for each in shown)
    for source in "abc":
        assert "".join(shown).count(source) == sum(sum(letters) for who, letters in pieces if who == source)


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    """So much is passed on although its line has not ended."""
    shown: list[str] = []
    WholeLines(shown.append).add(1, "x" * (MOST + 1))
    assert len(shown) == 1
