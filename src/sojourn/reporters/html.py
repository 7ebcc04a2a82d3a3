"""HTML: one file that needs nothing else: charts, the timeline, and a table of tests and columns that can be filtered.

Whatever strangers wrote is escaped. The page tells the browser by their digests which style and which script are its
own, so that nothing in an answer can become one, and nothing is fetched from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import BinaryIO

from sojourn.drawing import charts
from sojourn.drawing.marks import duration
from sojourn.drawing.plain import plain
from sojourn.drawing.timeline import timeline
from sojourn.model.counting import counted
from sojourn.model.document import sessions
from sojourn.model.repeats import repeats
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import heading, how_many, rows
from sojourn.reporters.page import row
from sojourn.reporters.pictures import bars, lanes
from sojourn.reporters.stamp import stamp

MOST_NAMED = 50
_LEGEND = (
    ("tl-block passed", "passed"),
    ("tl-block failed", "failed ✕"),
    ("tl-block error", "error !"),
    ("tl-block skipped", "skipped"),
    ("tl-wait", "waits for a session"),
    ("tl-flag", "race or leak"),
    ("tl-opening", "session opens"),
    ("tl-use", "in use"),
    ("tl-idle", "open"),
    ("tl-closing", "closes"),
)


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the run as one HTML page."""
    style = _resource("sojourn.drawing", "drawing.css") + _resource("sojourn.reporters", "report.css")
    script = _resource("sojourn.reporters", "report.js")
    out.write(_head(result, style, script).encode())
    out.writelines(
        part.encode() for part in (*_summary(result), *_charts(result), *_timeline(result), *_filters(result))
    )
    named = "".join(f'<th scope="col">{_text(heading(column))}</th>' for column in result.columns)
    head = f'<thead><tr><th scope="col">Test</th>{named}</tr></thead>'
    out.write(f'<div class="wide" tabindex="0" role="region" aria-label="Results">\n<table>{head}<tbody>\n'.encode())
    out.writelines(row(result, test).encode() for test in rows(result))
    made = f"{_text(result.run_id)}, written by Sojourn {stamp()['sojournVersion']}"
    out.write(
        f"</tbody></table></div></main>\n<footer>{made}</footer>\n<script>{script}</script></body></html>\n".encode()
    )


def _resource(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _head(result: RunResult, style: str, script: str) -> str:
    own = f"style-src {_digest(style)}; script-src {_digest(script)}"
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    title = _text(result.plan.suite.description or "Evaluation")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style></head><body>
<a class="skip" href="#results">Skip to the results</a>
<header><h1>{title}</h1>
"""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _summary(result: RunResult) -> Iterator[str]:
    yield f'<p class="quiet">{_text(f"{result.created} · {duration(result.duration_ms / 1000)}")}'
    yield f" · {counted(len(result.results), 'trial')} in {counted(len(result.columns), 'column')}"
    seen = sessions(result)
    if seen:
        named = ", ".join(f"{one['sessionId']} ({one['trials']})" for one in seen[:MOST_NAMED])
        yield f' · <span title="{_text(named)}">{counted(len(seen), "session")} seen</span>'
    yield '</p>\n<ul class="counts">'
    for outcome in Outcome:
        count, word = how_many(outcome, result.count(outcome)).split()
        yield f'<li class="{outcome.value}"><b>{count}</b> {word}</li>'
    yield "</ul></header>\n<main>\n"
    notices = "".join(f"<li>{notice}</li>" for notice in _notices(result))
    if notices:
        yield f'<ul class="notices">{notices}</ul>\n'


def _notices(result: RunResult) -> Iterator[str]:
    for trouble in result.troubles:
        yield f'<b class="badge error">{trouble.phase.value}</b> {_text(str(trouble))}'
    for race in result.races:
        pair = " and ".join(f"{one.name} {heading(one.column)}" for one in (race.first, race.second))
        yield f'<b class="badge error">race</b> {_text(pair)} used session {_text(race.session_id)} at the same time'
    yield from (f'<b class="badge error">leak</b> {_text(leak)}' for leak in result.leaks)
    yield from (f'<b class="badge skipped">unsteady</b> {_text(test)}' for test in result.unsteady)
    for group in (each for each in repeats(result) if each.judged):
        word = Outcome.PASSED.value if group.is_enough else Outcome.FAILED.value
        yield f'<b class="badge {word}">{word}</b> {_text(f"{group.name} {heading(group.first.column)}: {group}")}'
    if result.unrun:
        yield f'<b class="badge error">not run</b> {counted(result.unrun, "trial")} {_text(result.stopped)}'


def _charts(result: RunResult) -> Iterator[str]:
    if not result.results:
        return
    groups: dict[str, list[TrialResult]] = {heading(column): [] for column in result.columns}
    for each in result.results:
        groups.setdefault(heading(each.trial.column), []).append(each)
    counts = [
        (name, {one.value: sum(each.outcome is one for each in of) for one in Outcome}) for name, of in groups.items()
    ]
    scores = [
        each.score
        for each in result.results
        if math.isfinite(each.score) and each.outcome in (Outcome.PASSED, Outcome.FAILED)
    ]
    times = [(name, [each.latency_ms / 1000 for each in of]) for name, of in groups.items()]
    pictures = [
        ("Passed", charts.shares(counts)),
        ("Scores", charts.distribution(scores) if scores else ""),
        ("Time to answer", charts.spreads(times, duration)),
    ]
    drawn = "".join(_figure(title, picture) for title, picture in pictures if picture)
    yield f'<h2>At a glance</h2>\n<div class="charts">{drawn}</div>\n'


def _figure(title: str, picture: str) -> str:
    return f"<figure><figcaption>{title}</figcaption>{picture}</figure>\n"


def _timeline(result: RunResult) -> Iterator[str]:
    picture = timeline(lanes(result), bars(result))
    if picture:
        signs = "".join(f"<li>{_sign(kind)}{name}</li>" for kind, name in _LEGEND)
        yield f'<h2>Timeline</h2>\n<div class="wide" tabindex="0" role="region" aria-label="Timeline">{picture}</div>\n'
        yield f'<ul class="legend">{signs}</ul>\n'


def _sign(kind: str) -> str:
    shape = (
        '<path class="tl-flag" d="M4 0l11 6l-11 6z"/>'
        if kind == "tl-flag"
        else f'<rect class="{kind}" width="18" height="12"/>'
    )
    under = '<rect class="tl-block passed" width="18" height="12"/>' if kind == "tl-wait" else ""
    return f'<svg viewBox="0 0 18 12" aria-hidden="true">{under}{shape}</svg>'


def _filters(result: RunResult) -> Iterator[str]:
    boxes = "".join(_box(outcome.value, result.count(outcome)) for outcome in Outcome if result.count(outcome))
    yield '<h2 id="results">Results</h2>\n<div class="filters" hidden>'
    yield '<label for="words">Find</label><input id="words" type="search" placeholder="words in a test">'
    yield f"<fieldset><legend>Show</legend>{boxes}</fieldset>"
    yield '<span id="shown" class="quiet" role="status"></span></div>\n'


def _box(word: str, count: int) -> str:
    return f'<label><input type="checkbox" name="outcome" value="{word}" checked> {word} ({count})</label>'


def _text(content: str) -> str:
    return escape(plain(content))
