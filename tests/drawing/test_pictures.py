"""Pictures, of whatever there is to draw."""

import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.drawing import charts, timeline
from sojourn.drawing.marks import duration, ticks
from sojourn.drawing.timeline import Bar, Block, Lane, Life, packed

WORDS = st.text(st.characters(), max_size=12) | st.sampled_from(["<script>", '"><a href="x">', "]]>", "&amp;"])
TIME = st.floats(0, 1e6)
SPAN = st.tuples(TIME, TIME).map(lambda pair: (min(pair), max(pair)))
BLOCK = st.builds(
    lambda span, words, outcome: Block(
        start=span[0], end=span[1], outcome=outcome, label=words, link=f"#{words}", waits=(span,), flags=(words,)
    ),
    SPAN,
    WORDS,
    st.sampled_from(["passed", "failed", "error", "skipped"]),
)
LIFE = st.builds(
    lambda span, words, what: Life(label=words, stretches=((*span, what),), trouble=words),
    SPAN,
    WORDS,
    st.sampled_from(["opening", "idle", "use", "closing"]),
)
SOME = settings(deadline=None, max_examples=80)


def drawn(picture: str) -> Any:
    """Read a picture; there is nothing in it that could do anything."""
    root = ET.fromstring(picture)
    known = {"svg", "g", "a", "rect", "line", "text", "title", "path", "defs", "pattern"}
    for element in root.iter():
        assert element.tag.rpartition("}")[2] in known
        assert not [name for name in element.attrib if name.startswith("on")]
        assert not {"nan", "inf"} & {value for name, value in element.attrib.items() if name in ("x", "width", "x1")}
    return root


@SOME
@given(blocks=st.lists(BLOCK, max_size=8), lives=st.lists(LIFE, max_size=5), words=WORDS)
def test_a_timeline_shows_strangers_words_as_text(blocks: list[Block], lives: list[Life], words: str) -> None:
    """Whatever trials, lanes and sessions are called, the picture is one picture, with a link for each trial."""
    lanes = [Lane(label=words, blocks=tuple(blocks))] if blocks else []
    picture = timeline.timeline(lanes, [Bar(label=words, lives=tuple(lives))] if lives else [])
    if not blocks and not lives:
        assert picture == ""
        return
    root = drawn(picture)
    assert len([each for each in root.iter() if each.tag.endswith("}a")]) == len(blocks)


@given(blocks=st.lists(BLOCK, max_size=20))
def test_trials_of_a_row_never_lie_on_each_other(blocks: list[Block]) -> None:
    """Every trial is in one row, and in each row one begins after the one before has ended."""
    rows = packed(blocks)
    assert sorted(map(id, (block for row in rows for block in row))) == sorted(map(id, blocks))
    for row in rows:
        assert all(one.end <= two.start for one, two in pairwise(row))


def test_what_is_drawn_stands_where_it_happened() -> None:
    """Of two trials the later one is drawn to the right of the earlier one, and a wait inside its trial."""
    one = Block(start=10, end=11, outcome="passed", label="one")
    two = Block(start=12, end=14, outcome="failed", label="two", waits=((12, 13),))
    root = drawn(timeline.timeline([Lane(label="lane", blocks=(one, two))]))
    boxes = {each.get("class"): each for each in root.iter() if each.tag.endswith("rect") and each.get("x")}
    first, second, wait = (boxes[name] for name in ("tl-block passed", "tl-block failed", "tl-wait"))
    assert float(first.get("x")) + float(first.get("width")) < float(second.get("x")) == float(wait.get("x"))
    assert float(wait.get("width")) < float(second.get("width"))


def test_more_lanes_than_can_be_looked_at_are_counted() -> None:
    """A run of thousands of lanes is still a picture."""
    lane = Lane(label="x", blocks=(Block(start=0, end=1, outcome="passed", label="x"),))
    picture = timeline.timeline([lane] * (timeline.MOST_ROWS + 7))
    assert picture.count("tl-block") == timeline.MOST_ROWS
    assert "and 7 more lanes" in picture


@SOME
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    words=WORDS,
    counts=st.dictionaries(st.sampled_from(["passed", "failed", "skipped"]), st.integers(0, 9)),
)
def test_charts_can_be_drawn_of_any_numbers(values: list[float], words: str, counts: dict[str, int]) -> None:
    """Scores below 0 and above 1, one value, many values, none that passed."""
    drawn(charts.shares([(words, counts)]))
    drawn(charts.distribution(values))
    drawn(charts.spreads([(words, [abs(value) for value in values])], duration))


@given(low=st.floats(0, 1e6), span=st.floats(1e-6, 1e6))
def test_ticks_are_few_and_within(low: float, span: float) -> None:
    """An axis has some marks, not many, and none beyond its ends."""
    marks = list(ticks(low, low + span))
    assert len(marks) <= 9
    assert all(low - span * 1e-6 <= mark <= low + span * (1 + 1e-6) for mark in marks)
