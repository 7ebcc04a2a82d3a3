from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.template.regexp import ForeignError, Regex
from sojourn.template.units import narrow, wide


@pytest.mark.parametrize(
    ("pattern", "text", "place"),
    [
        ("here$", "here\n", -1),
        (r"^\d", "٣", -1),
        (r"a\sb", "a\u2028b", 0),
        ("a.b", "a\u2028b", -1),
        ("a[^]b", "a\nb", 0),
        ("[]", "a", -1),
        ("x{2}", "x{2}", -1),
        ("x{,2}", "x{,2}", 0),
        ("x{", "x{", 0),
        (r"\bve\b", "naïve", 3),
        (r"\B", "", 0),
        (r"(b)?\1a", "a", 0),
        (r"(?<n>a)\k<n>", "baa", 1),
        (r"\p{L}", "p{L}", 0),
        (r"\Z", "Z", 0),
        (r"\cA\x41\u0042\0", "\x01AB\x00", 0),
        (r"[\d-x]", "-", 0),
        (r"[^\W]", "-a", 1),
        (r"[\S]", " a", 1),
        ("[a&&b]", "&", 0),
        ("^.$", "😀", -1),
        ("^..$", "😀", 0),
        (r"\1(a)", "a", 0),
        (r"\2", "\x02", 0),
        (r"a\/b\-c", "a/b-c", 0),
        ("(?=b)b", "ab", 1),
        ("(?<=a)b", "ab", 1),
    ],
)
def test_javascripts_dialect(pattern: str, text: str, place: int) -> None:
    """A pattern matches where JavaScript's engine, without flags, finds it."""
    found = Regex(pattern).compiled.search(wide(text))
    assert (found.start() if found else -1) == place


@pytest.mark.parametrize(
    "pattern",
    ["(open", "close)", "*a", "a**", "a++", "[b-a]", "\\", "(?i)a", "(?P<n>a)", "(?>a)", "(?<n>a)(?<n>b)", "[a"],
)
def test_what_is_no_pattern_in_javascript_is_none_here(pattern: str) -> None:
    """Python's own inventions, and what is broken, are refused."""
    with pytest.raises(re.error):
        Regex(pattern)


def test_what_pythons_engine_cannot_do_is_told_apart() -> None:
    """A look-behind of varying width is right, but foreign."""
    with pytest.raises(ForeignError):
        Regex("(?<=a+)b")


@settings(deadline=None)
@given(
    st.text(alphabet="ab()[]{}|*+?.^$\\dwsbB123,-:=!<>k😀\n", max_size=12), st.text(alphabet="ab1\n 😀", max_size=12)
)
def test_any_text_is_a_pattern_or_an_error(pattern: str, text: str) -> None:
    """No pattern raises anything but `re.error`; one that could take long says so by its cost."""
    try:
        regex = Regex(pattern)
    except re.error:
        return
    if regex.cost(wide(text)) < 1e6:
        regex.compiled.search(wide(text))


@given(st.text())
def test_units_come_back_as_characters(text: str) -> None:
    """Counting in UTF-16 units loses nothing."""
    assert narrow(wide(text)) == text
    assert len(wide(text)) == len(text.encode("utf-16-le", "surrogatepass")) // 2
