"""HTML: one file that needs nothing else. A table of tests and columns; whatever strangers wrote is escaped.

The page holds no script, and says so to the browser, so that nothing in an answer can become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import BinaryIO

from sojourn.drawing.plain import plain
from sojourn.model.document import sessions, variable_names
from sojourn.model.result import Outcome, RunResult, TrialResult
from sojourn.model.row import explanation
from sojourn.reporters.cells import WORDS, TestRow, heading, output, rows, text

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #8886; padding: .5rem; text-align: left; vertical-align: top; max-width: 36rem; }}
th {{ position: sticky; top: 0; background: Canvas; }}
pre {{ margin: .25rem 0; white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }}
b {{ padding: 0 .4em; border-radius: .3em; color: #fff; }}
.passed {{ background: #1a7f37; }} .failed {{ background: #b42318; }}
.error {{ background: #8a5300; }} .skipped {{ background: #59636e; }}
small {{ opacity: .75; }}
</style></head><body>
<h1>{title}</h1>
"""


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the run as one HTML page."""
    title = _text(result.plan.suite.description or "Evaluation")
    out.write(_HEAD.format(title=title).encode())
    out.writelines(line.encode() for line in _summary(result))
    names = variable_names(result)
    heads = ["Test", *names, *(heading(column) for column in result.columns)]
    out.write(f"<table><thead><tr>{_cells('th', map(_text, heads))}</tr></thead><tbody>\n".encode())
    out.writelines(_row(result, test, names).encode() for test in rows(result))
    out.write(b"</tbody></table>\n</body></html>\n")


def _summary(result: RunResult) -> Iterator[str]:
    counts = ", ".join(f"{result.count(outcome)} {outcome.value}" for outcome in Outcome)
    made = _text(f"{result.run_id}, {result.created}")
    yield f"<p>{counts}; {result.duration_ms / 1000:.1f} s; <small>{made}</small></p>\n"
    seen = sessions(result)
    if seen:
        named = ", ".join(f"{_text(session['sessionId'])} ({session['trials']})" for session in seen[:50])
        yield f"<p>Sessions seen: {len(seen)} <small>{named}</small></p>\n"
    for trouble in result.troubles:
        yield f"<p><b class=error>{trouble.phase.value}</b> {_text(str(trouble))}</p>\n"
    for race in result.races:
        pair = " and ".join(f"{one.name} {heading(one.column)}" for one in (race.first, race.second))
        yield f"<p><b class=error>race</b> {_text(pair)} used session {_text(race.session_id)} at the same time</p>\n"


def _row(result: RunResult, test: TestRow, names: list[str]) -> str:
    variables = (_block(text(test.vars.get(name))) for name in names)
    cells = (_cell(test.cells.get(column.index)) for column in result.columns)
    return f"<tr>{_cells('td', [_text(test.name), *variables, *cells])}</tr>\n"


def _cells(tag: str, contents: Iterable[str]) -> str:
    return "".join(f"<{tag}>{content}</{tag}>" for content in contents)


def _cell(trial: TrialResult | None) -> str:
    if trial is None:
        return ""
    facts = [f"{trial.latency_ms:.0f} ms", *(f"{name} {score:.2f}" for name, score in trial.named_scores.items())]
    if trial.session_id:
        facts.append(f"session {trial.session_id}")
    head = f"<b class={trial.outcome.value}>{WORDS[trial.outcome]}</b> {trial.score:.2f}"
    parts = [head, _block(output(trial)), _block(explanation(trial)), f"<small>{_text(' · '.join(facts))}</small>"]
    parts += [_block(f"unclean: {note}") for note in trial.notes]
    if trial.printed:
        parts.append(f"<details><summary>printed</summary>{_block(trial.printed)}</details>")
    return "".join(parts)


def _block(content: str) -> str:
    return f"<pre>{_text(content)}</pre>" if content else ""


def _text(content: str) -> str:
    return escape(plain(content))
