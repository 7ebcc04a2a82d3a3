"""A run as flat records, one a trial, for tools that work on columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sojourn.model.redaction import redacted_vars
from sojourn.model.result import TrialResult
from sojourn.model.row import explanation
from sojourn.model.run_result import RunResult
from sojourn.model.tokens import usage

COLUMNS: dict[str, type] = {
    "run": str,
    "trial": int,
    "test": str,
    "provider": str,
    "prompt": str,
    "repeat": int,
    "turn": int,
    "outcome": str,
    "score": float,
    "reason": str,
    "output": object,
    "error": str,
    "latency_ms": float,
    "cost": float,
    "tokens": int,
    "session": str,
    "lane": str,
    "started": float,
    "ended": float,
}
"""What every record has, and of which type it is; behind them come `vars.NAME` and `scores.NAME`.

`repeat` counts from 1, `turn` is 0 where a test has none, `started` and `ended` are seconds from the run's beginning.
"""


def records(result: RunResult) -> Iterator[dict[str, Any]]:
    """Yield a record a trial, in file order; secrets in vars are blanked."""
    for each in result.results.in_order():
        record = _known(result, each)
        record |= {f"vars.{name}": value for name, value in redacted_vars(each.case.vars).items()}
        record |= {f"scores.{name}": float(score) for name, score in each.named_scores.items()}
        yield record


def _known(result: RunResult, each: TrialResult) -> dict[str, Any]:
    trial = each.trial
    ran = each.ended > each.started
    return {
        "run": result.run_id,
        "trial": trial.index,
        "test": trial.name,
        "provider": trial.column.provider.name,
        "prompt": trial.column.prompt.label,
        "repeat": trial.repeat + 1,
        "turn": trial.turn,
        "outcome": each.outcome.value,
        "score": float(each.score),
        "reason": each.reason,
        "output": each.reply.output if each.reply else None,
        "error": explanation(each),
        "latency_ms": each.latency_ms,
        "cost": (each.reply.cost if each.reply else None) or 0.0,
        "tokens": int(usage(each)["total"]),
        "session": each.session_id,
        "lane": trial.lane,
        "started": each.started - result.began if ran else None,
        "ended": each.ended - result.began if ran else None,
    }
