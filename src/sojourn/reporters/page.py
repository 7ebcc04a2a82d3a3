"""The rows of the HTML report: a test with its vars, and what came of it in each column, escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from sojourn.drawing.marks import duration
from sojourn.drawing.plain import plain
from sojourn.model.counting import counted
from sojourn.model.redaction import redacted_text
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.row import explanation
from sojourn.model.run_result import RunResult
from sojourn.model.verdict import Verdict
from sojourn.reporters.cells import WORDS, TestRow, output, text

LONG = 700
"""Characters of a text that are shown at once; the rest is there to be opened."""


def row(result: RunResult, test: TestRow) -> str:
    """Return a test's row."""
    trials = [test.cells.get(column.index) for column in result.columns]
    outcomes = " ".join(dict.fromkeys(trial.outcome.value for trial in trials if trial))
    cells = "".join(
        f'<td id="t{trial.trial.index}" tabindex="-1">{_cell(trial)}</td>' if trial else "<td></td>" for trial in trials
    )
    return f'<tr data-outcomes="{outcomes}"><th scope="row">{_test(test)}</th>{cells}</tr>\n'


def _test(test: TestRow) -> str:
    told = "".join(f"<dt>{_text(str(name))}</dt><dd>{_long(text(value))}</dd>" for name, value in test.vars.items())
    return f"<b>{_text(test.name)}</b>" + (f"<dl>{told}</dl>" if told else "")


def _cell(trial: TrialResult) -> str:
    word = trial.outcome.value
    why = explanation(trial)
    scored = f" {trial.score:.2f}" if trial.outcome in (Outcome.PASSED, Outcome.FAILED) else ""
    repeat = f' <span class="quiet">repeat {trial.trial.repeat + 1}</span>' if trial.trial.repeat else ""
    parts = [f'<span class="badge {word}">{WORDS[trial.outcome]}</span>{scored}{repeat}', _long(output(trial))]
    parts += [f'<pre class="why {word}">{_text(why)}</pre>' if why else ""]
    parts += [f'<pre class="why error">unclean: {_text(str(note))}</pre>' for note in trial.notes]
    return "".join(parts) + _more(trial) + f'<span class="quiet">{_text(" · ".join(_facts(trial)))}</span>'


def _more(trial: TrialResult) -> str:
    """Return what is there to be opened: each assertion, the prompt as it was sent, what was printed."""
    asked, passed = len(trial.verdicts), sum(verdict.passed for verdict in trial.verdicts)
    claims = "".join(map(_verdict, trial.verdicts))
    texts = {"prompt": text(redacted_text(trial.prompt)), "printed": trial.printed}
    found = {name: f"<h4>{name}</h4><pre>{_text(content)}</pre>" for name, content in texts.items() if content}
    if claims:
        found = {f"{passed} of {counted(asked, 'assertion')}": f'<ul class="claims">{claims}</ul>', **found}
    if not found:
        return ""
    return f"<details><summary>{', '.join(found)}</summary>{''.join(found.values())}</details>"


def _facts(trial: TrialResult) -> Iterator[str]:
    yield duration(trial.latency_ms / 1000)
    if trial.reply and trial.reply.cost:
        yield f"${trial.reply.cost:.4g}"
    if trial.reply and trial.reply.tokens.get("total"):
        yield f"{trial.reply.tokens['total']} tokens"
    yield from (f"{name} {score:.2f}" for name, score in trial.named_scores.items())
    if trial.session_id:
        yield f"session {trial.session_id}"


def _verdict(verdict: Verdict) -> str:
    kind = str(verdict.claim.raw.get("type") or verdict.claim.type) if verdict.claim else "part"
    parts = "".join(_verdict(part) for part in verdict.parts)
    sign = "✓" if verdict.passed else "✕"
    inner = f'<ul class="claims">{parts}</ul>' if parts else ""
    return f"<li>{sign} <b>{_text(kind)}</b> {verdict.score:.2f} {_text(verdict.reason)}{inner}</li>"


def _long(content: str) -> str:
    """Return a text of which the beginning is shown, and the rest when it is asked for."""
    if len(content) <= LONG:
        return f"<pre>{_text(content)}</pre>" if content else ""
    shown, rest = _text(content[:LONG]), _text(content[LONG:])
    more = f"<details><summary>{len(content) - LONG:,} more characters</summary><pre>{rest}</pre></details>"
    return f"<pre>{shown}…</pre>{more}"


def _text(content: str) -> str:
    return escape(plain(content))
