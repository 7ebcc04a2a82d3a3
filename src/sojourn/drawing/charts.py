"""Charts as SVG: shares, a distribution, a spread. The classes in them are those of `drawing.css`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from statistics import quantiles

import msgspec

from sojourn.drawing.marks import box, line, number, text, ticks
from sojourn.drawing.plain import one_line

WIDTH, GUTTER, ROW = 430.0, 150.0, 30.0
RIGHT = 62.0
MOST_ROWS = 40

Labelled = Sequence[tuple[str, Mapping[str, int]]]


def _picture(height: float, says: str, parts: Sequence[str]) -> str:
    size = f"0 0 {number(WIDTH)} {number(height)}"
    said = escape(one_line(says, 500))
    head = f'<svg class="chart" viewBox="{size}" role="img" aria-label="{said}" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}{''.join(parts)}</svg>"


def shares(rows: Labelled) -> str:
    """Draw how many of each outcome a row has, as a bar in which each outcome has its part, and how many passed."""
    parts, said = [], []
    room = WIDTH - GUTTER - RIGHT
    for place, (label, counts) in enumerate(rows[:MOST_ROWS]):
        y, x = place * ROW, GUTTER
        total = sum(counts.values())
        judged = total - counts.get("skipped", 0)
        rate = f"{100 * counts.get('passed', 0) / judged:.0f} %" if judged else ""
        parts.append(text(0, y + 18, label, "ch-label", width=22))
        for outcome, count in counts.items():
            width = room * count / total if total else 0
            if count:
                parts.append(box(x, y + 5, (width, ROW - 10), f"tl-block {outcome}", f"{label}: {count} {outcome}"))
            x += width
        parts.append(text(WIDTH - RIGHT + 8, y + 18, rate, "ch-value"))
        said.append(f"{label}: {rate} passed")
    return _picture(ROW * min(len(rows), MOST_ROWS), "; ".join(said), parts)


def distribution(values: Sequence[float], *, bins: int = 10) -> str:
    """Draw how often values fall into each tenth of their range, which is 0 to 1 if they allow."""
    low, high = min(0.0, *values), max(1.0, *values)
    counts = [0] * bins
    for value in values:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    height, most = 170.0, max(counts)
    wide = (WIDTH - 20) / bins
    parts = [line((10, height - 22), (WIDTH - 10, height - 22), "tl-rail")]
    edges = [low + (high - low) * edge / bins for edge in range(bins + 1)]
    for place, count in enumerate(counts):
        tall = (height - 50) * count / most
        title = f"{edges[place]:.2g} to {edges[place + 1]:.2g}: {count}"
        x = 10 + place * wide
        parts.append(box(x + 2, height - 22 - tall, (wide - 4, tall), "ch-bar", title))
        if count:
            parts.append(text(x + wide / 2, height - 27 - tall, str(count), "ch-count"))
    parts += [text(10 + place * wide, height - 6, f"{edge:.2g}", "ch-tick") for place, edge in enumerate(edges)]
    mean = sum(values) / len(values)
    return _picture(height, f"{len(values)} scores from {low:.2g} to {high:.2g}, mean {mean:.2f}", parts)


class _Spread(msgspec.Struct, frozen=True):
    least: float
    quarter: float
    middle: float
    three: float
    most: float


def _spread(values: Sequence[float]) -> _Spread:
    quarter, middle, three = quantiles([*values, *values], n=4, method="inclusive")  # of one value there are none
    return _Spread(min(values), quarter, middle, three, max(values))


def spreads(rows: Sequence[tuple[str, Sequence[float]]], unit: Callable[[float], str]) -> str:
    """Draw from where to where the values of a row go, the middle half of them as a box, and their median."""
    drawn = [(label, _spread(values)) for label, values in rows[:MOST_ROWS] if values]
    if not drawn:
        return ""
    top = max(spread.most for _, spread in drawn) or 1
    height = ROW * len(drawn) + 24
    room = WIDTH - GUTTER - RIGHT

    def at(value: float) -> float:
        return GUTTER + room * value / top

    parts, said = [], []
    for tick in ticks(0, top, 4):
        parts += [
            line((at(tick), 0), (at(tick), height - 20), "tl-grid"),
            text(at(tick), height - 6, unit(tick), "ch-tick"),
        ]
    for place, (label, one) in enumerate(drawn):
        y = place * ROW + ROW / 2
        title = f"{label}: median {unit(one.middle)}, from {unit(one.least)} to {unit(one.most)}"
        parts += [
            text(0, y + 4, label, "ch-label", width=22),
            line((at(one.least), y), (at(one.most), y), "ch-whisker"),
            box(at(one.quarter), y - 8, (max(at(one.three) - at(one.quarter), 2), 16), "ch-bar", title),
            line((at(one.middle), y - 10), (at(one.middle), y + 10), "ch-median"),
            text(WIDTH - RIGHT + 8, y + 4, unit(one.middle), "ch-value"),
        ]
        said.append(title)
    return _picture(height, "; ".join(said), parts)
