"""The timeline of a run as SVG: lanes as swim-lanes with a block for each trial, and sessions as bars.

All times are seconds on one clock. The classes in the picture are those of `drawing.css`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TypeVar

import msgspec

from sojourn.drawing.marks import box, duration, line, number, text, ticks, told
from sojourn.drawing.plain import one_line, plain

WIDTH, GUTTER, ROW, INSET, AXIS = 1200.0, 220.0, 26.0, 3.0, 24.0
LEAST = 3.0
MOST_ROWS = 150
"""More lanes or bars than this are counted, not drawn."""

_SIGNS = {"failed": "✕", "error": "!", "skipped": "-"}
_USED = {"opening": "opening", "use": "in use", "closing": "closing", "idle": "open"}


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A trial in its lane: `outcome` is passed, failed, error or skipped, `link` where to read of it.

    `waits` are the stretches in which it waited for a session, `flags` what is wrong with it besides (a race, a leak).
    """

    start: float
    end: float
    outcome: str
    label: str
    link: str = ""
    waits: tuple[tuple[float, float], ...] = ()
    flags: tuple[str, ...] = ()


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The blocks of a lane, one after another; `link` is where to read of it."""

    label: str
    blocks: tuple[Block, ...]
    link: str = ""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A session's life: stretches (start, end, what), where `what` is opening, idle, use or closing.

    `trouble` says what went wrong with it, at its end.
    """

    label: str
    stretches: tuple[tuple[float, float, str], ...]
    trouble: str = ""

    @property
    def start(self) -> float:
        """When it began."""
        return min(start for start, _, _ in self.stretches)

    @property
    def end(self) -> float:
        """When it was over."""
        return max(end for _, end, _ in self.stretches)


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that lived one after another, in one row."""

    label: str
    lives: tuple[Life, ...]


Spanning = TypeVar("Spanning", Block, Life)


def packed(spans: Iterable[Spanning]) -> list[tuple[Spanning, ...]]:
    """Return what goes from a start to an end in as few rows as can be, so that nothing lies on another."""
    rows: list[list[Spanning]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        row = next((row for row in rows if row[-1].end <= span.start), None)
        if row is None:
            rows.append([span])
        else:
            row.append(span)
    return [tuple(row) for row in rows]


def timeline(lanes: Sequence[Lane], bars: Sequence[Bar] = ()) -> str:
    """Return the picture; nothing where there is nothing to draw."""
    times = [each for lane in lanes for block in lane.blocks for each in (block.start, block.end)]
    times += [each for bar in bars for life in bar.lives for each in (life.start, life.end)]
    if not times:
        return ""
    scale = _Scale(min(times), max(times))
    parts, y = [], AXIS
    for title, rows in (("Lanes", _lanes(lanes, scale)), ("Sessions", _bars(bars, scale))):
        drawn = list(rows)
        if drawn:
            parts += [text(0, y + 15, title, "tl-title"), *_placed(drawn, y + AXIS)]
            y += AXIS + ROW * len(drawn) + 8
    return (
        f'<svg class="timeline" viewBox="0 0 {number(WIDTH)} {number(y)}" role="group" aria-label="Timeline of the run"'
        f' xmlns="http://www.w3.org/2000/svg">{_HATCH}{_axis(scale, y)}{"".join(parts)}</svg>'
    )


_HATCH = (
    '<defs><pattern id="tl-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="tl-hatch" width="2" height="6"/></pattern></defs>'
)


class _Scale(msgspec.Struct, frozen=True):
    first: float
    last: float

    def at(self, moment: float) -> float:
        """Return where a moment is drawn."""
        span = self.last - self.first
        return GUTTER + ((moment - self.first) / span if span else 0) * (WIDTH - GUTTER - 12)


def _axis(scale: _Scale, height: float) -> str:
    marks = []
    for moment in ticks(0, scale.last - scale.first):
        x = scale.at(scale.first + moment)
        marks += [line((x, AXIS - 6), (x, height), "tl-grid"), text(x, 12, duration(moment), "tl-tick")]
    return "".join(marks)


def _placed(rows: Sequence[str], y: float) -> Iterator[str]:
    for place, row in enumerate(rows):
        yield f'<g transform="translate(0 {number(y + place * ROW)})">{row}</g>'


def _lanes(lanes: Sequence[Lane], scale: _Scale) -> Iterator[str]:
    for lane in lanes[:MOST_ROWS]:
        rail = line((GUTTER, ROW / 2), (WIDTH, ROW / 2), "tl-rail")
        yield _linked(lane) + rail + "".join(_block(block, scale) for block in lane.blocks)
    if len(lanes) > MOST_ROWS:
        yield text(0, 16, f"… and {len(lanes) - MOST_ROWS} more lanes", "tl-label")


def _linked(lane: Lane) -> str:
    label = _label(lane.label)
    return f'<a href="{escape(lane.link)}">{label}</a>' if lane.link else label


def _label(words: str) -> str:
    return f"<g>{told(words)}{text(0, 17, words, 'tl-label', width=32)}</g>"


def _block(block: Block, scale: _Scale) -> str:
    x, size = _place(block.start, block.end, scale)
    waited = "".join(_wait(start, end, scale) for start, end in block.waits)
    sign = _SIGNS.get(block.outcome, "")
    signed = text(x + size[0] - min(size[0] / 2, 10), 17, sign, "tl-sign") if sign and size[0] >= 8 else ""
    flag = f'<path class="tl-flag" d="M{number(x + 1)} 5l11 8l-11 8z"/>' if block.flags else ""
    words = [f"{block.label}: {block.outcome}, {duration(block.end - block.start)}", *block.flags]
    words += [f"waited {duration(sum(end - start for start, end in block.waits))}"] if block.waits else []
    drawn = f"{told(chr(10).join(words))}{box(x, INSET, size, f'tl-block {block.outcome}')}{waited}{signed}{flag}"
    if not block.link:
        return f"<g>{drawn}</g>"
    said = escape(one_line(", ".join(words), 300))
    return f'<a href="{escape(plain(block.link))}" aria-label="{said}">{drawn}</a>'


def _place(start: float, end: float, scale: _Scale) -> tuple[float, tuple[float, float]]:
    x = scale.at(start)
    return x, (max(scale.at(end) - x - 0.5, LEAST), ROW - 2 * INSET)


def _wait(start: float, end: float, scale: _Scale) -> str:
    x = scale.at(start)
    return box(x, INSET, (scale.at(end) - x, ROW - 2 * INSET), "tl-wait")


def _bars(bars: Sequence[Bar], scale: _Scale) -> Iterator[str]:
    for bar in bars[:MOST_ROWS]:
        yield _label(bar.label) + "".join(_life(life, scale) for life in bar.lives)
    if len(bars) > MOST_ROWS:
        yield text(0, 16, f"… and {len(bars) - MOST_ROWS} more sessions", "tl-label")


def _life(life: Life, scale: _Scale) -> str:
    drawn = "".join(_stretch(life, one, scale) for one in sorted(life.stretches, key=lambda one: one[2] != "idle"))
    trouble = f"<g>{told(life.trouble)}{text(scale.at(life.end), 17, '✕', 'tl-trouble')}</g>" if life.trouble else ""
    return drawn + trouble


def _stretch(life: Life, stretch: tuple[float, float, str], scale: _Scale) -> str:
    start, end, what = stretch
    x, (width, height) = _place(start, end, scale)
    inset = height / 3 if what == "idle" else 0
    title = f"{life.label}: {_USED[what]} for {duration(end - start)}"
    return box(x, INSET + inset, (width, height - 2 * inset), f"tl-{what}", title)
