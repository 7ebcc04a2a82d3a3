"""A whole run as promptfoo writes it down; its rows are left out, so that writers can stream them in.

Added to promptfoo's keys: `results.stats.skipped` and `sojourn`, which tells what promptfoo has no word for: how
lanes were found, session races and leaks, unsteady tests, repeats that count as one, the shard, what broke the run as
a whole, what was not run, what the hooks of the whole run printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sojourn.model.metrics import prompts
from sojourn.model.redaction import redacted
from sojourn.model.repeats import Repeats, repeats
from sojourn.model.result import Outcome
from sojourn.model.run_result import Race, RunResult
from sojourn.model.tokens import total

Document = dict[str, Any]


def document(result: RunResult, stamp: Document) -> Document:
    """Return the run's document with an empty `results.results`; `stamp` is its `metadata`: who wrote it, and when."""
    columns = prompts(result)
    return {
        "evalId": result.run_id,
        "results": {
            "version": 3,
            "timestamp": result.created,
            "prompts": columns,
            "stats": _stats(result, columns),
            "results": [],
        },
        "config": redacted(result.plan.suite.config),
        "shareableUrl": None,
        "metadata": {**stamp, "evaluationCreatedAt": result.created},
        "vars": result.results.tally.variables,
        "runtimeOptions": _options(result),
        "sojourn": _told_besides(result),
    }


def _stats(result: RunResult, columns: list[Document]) -> Document:
    return {
        "successes": result.count(Outcome.PASSED),
        "failures": result.count(Outcome.FAILED),
        "errors": result.count(Outcome.ERROR),
        "skipped": result.count(Outcome.SKIPPED),
        "tokenUsage": total(column["metrics"]["tokenUsage"] for column in columns),
        "durationMs": round(result.duration_ms),
        "evaluationDurationMs": round(result.duration_ms),
    }


def sessions(result: RunResult) -> list[Document]:
    """Return the sessions that trials were seen to use, each with how many trials used it."""
    return [{"sessionId": session, "trials": count} for session, count in result.results.tally.sessions.items()]


def _options(result: RunResult) -> Document:
    options = result.plan.suite.options
    return {
        "repeat": options.repeat,
        "maxConcurrency": result.plan.jobs,
        "delay": options.delay_ms,
        "cache": options.cache,
    }


def _told_besides(result: RunResult) -> Document:
    return {
        "sessions": sessions(result),
        "lanes": [{"key": lane.key, "why": lane.why, "trials": len(lane.trials)} for lane in _declared(result)],
        "learnt": result.learnt,
        "races": [_race(race) for race in result.races],
        "leaks": result.leaks,
        "unsteady": result.unsteady,
        "repeats": [_repeats(group) for group in repeats(result)],
        "shard": list(result.plan.suite.options.shard or ()) or None,
        "troubles": [{"phase": trouble.phase.value, "message": str(trouble)} for trouble in result.troubles],
        "stopped": result.stopped,
        "interrupted": result.interrupted,
        "unrun": result.unrun,
        "printed": result.printed,
    }


def _repeats(group: Repeats) -> Document:
    return {
        "test": group.name,
        "promptIdx": group.first.column.index,
        "testIdxs": list(dict.fromkeys(each.trial.test_index for each in group.results)),
        "passed": group.passed,
        "judged": group.judged,
        "wanted": group.wanted,
        "enough": group.is_enough,
    }


def _declared(result: RunResult) -> Iterable[Any]:
    return (lane for lane in (*result.plan.first, *result.plan.lanes) if len(lane.trials) > 1)


def _race(race: Race) -> Document:
    return {"sessionId": race.session_id, "trials": [_place(race.first), _place(race.second)]}


def _place(trial: Any) -> Document:
    return {"testIdx": trial.test_index, "promptIdx": trial.column.index, "repeatIndex": trial.repeat}
