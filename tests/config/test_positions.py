from __future__ import annotations

from sojourn.config.positions import locate

TEXT = """\
tests:
  - vars: {x: 1}
  - assert:
      - type: contains
        value: a
      - &base {type: equals}
      - <<: *base
        weight: 2
"""


def test_a_value_is_found_by_its_path() -> None:
    """A path through mappings and lists leads to the line and column of the value."""
    assert locate(TEXT, ("tests", 1, "assert", 0, "value")) == (5, 16)


def test_a_key_is_found_by_its_path() -> None:
    """On request the key's own place is answered."""
    assert locate(TEXT, ("tests", 1, "assert", 0, "value"), key=True) == (5, 9)


def test_what_is_absent_is_placed_where_it_would_stand() -> None:
    """The nearest holder of an absent value is answered."""
    assert locate(TEXT, ("tests", 1, "assert", 0, "threshold")) == (4, 9)
    assert locate(TEXT, ("tests", 7)) == (2, 3)


def test_a_merged_value_is_found_where_it_was_written() -> None:
    """A value that comes through a merge key is placed at its anchor."""
    assert locate(TEXT, ("tests", 1, "assert", 2, "type")) == (6, 22)


def test_a_text_that_is_no_yaml_has_no_places() -> None:
    """Where a file cannot be composed, the place is unknown."""
    assert locate("a: [", ("a",)) == (0, 0)
