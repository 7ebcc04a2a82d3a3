"""The smallest parts of a picture in SVG; every text in them is a stranger's, and is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from sojourn.drawing.plain import one_line


def number(value: float) -> str:
    """Return a coordinate, short."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, kind: str = "", *, width: int = 60) -> str:
    """Return words at a place; `kind` are its classes."""
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}">{escape(one_line(words, width))}</text>'


def box(x: float, y: float, size: tuple[float, float], kind: str, title: str = "") -> str:
    """Return a rectangle of a width and a height, which says its title when it is pointed at."""
    width, height = size
    place = f'x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" height="{number(height)}"'
    return f'<rect class="{kind}" {place}>{told(title)}</rect>' if title else f'<rect class="{kind}" {place}/>'


def told(words: str) -> str:
    """Return a title, in several lines if it has them."""
    lines = [one_line(line, 200) for line in words.split("\n")]
    return f"<title>{escape(chr(10).join(lines))}</title>"


def line(start: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    """Return a line."""
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{kind}" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"/>'


def ticks(low: float, high: float, most: int = 8) -> Iterator[float]:
    """Yield round values from `low` to `high`, at most so many and one."""
    span = high - low
    if span <= 1e-9:  # no clock tells so little apart
        yield low
        return
    step = 10 ** math.floor(math.log10(span / most))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= most)
    first = math.ceil(low / step)
    for count in range(first, math.floor(high / step + 1e-9) + 1):
        yield count * step


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms" if seconds else "0"
    if seconds < 119.5:
        return f"{seconds:.3g} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds < 7200 else f"{seconds / 3600:.3g} h"
