"""What came of each column (a provider with a prompt), in promptfoo's `metrics`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sojourn.model.plan import Column
from sojourn.model.redaction import redacted
from sojourn.model.result import Outcome, RunResult, TrialResult
from sojourn.model.tokens import total, usage
from sojourn.model.verdict import Verdict


def prompts(result: RunResult) -> list[dict[str, Any]]:
    """Return the columns as promptfoo's completed prompts, each with its metrics."""
    trials: dict[int, list[TrialResult]] = {column.index: [] for column in result.columns}
    for trial in result.results:
        trials.setdefault(trial.trial.column.index, []).append(trial)
    return [
        {**_prompt(column), "metrics": metrics(trials[column.index], result.derived.get(column.index, {}))}
        for column in result.columns
    ]


def _prompt(column: Column) -> dict[str, Any]:
    prompt = column.prompt
    made: dict[str, Any] = {"id": prompt.id, "raw": prompt.raw, "label": prompt.label, "provider": column.provider.name}
    if prompt.config is not None:
        made["config"] = redacted(prompt.config)
    return made


def metrics(trials: list[TrialResult], derived: Any = ()) -> dict[str, Any]:
    """Add up the trials of one column; `derived` metrics are laid over the named scores."""
    outcomes = Counter(trial.outcome for trial in trials)
    judged = Counter(passed for trial in trials for passed in _judged(trial.verdicts))
    scores, counts, weights = _named(trials)
    return {
        "score": sum(trial.score for trial in trials),
        "testPassCount": outcomes[Outcome.PASSED],
        "testFailCount": outcomes[Outcome.FAILED],
        "testErrorCount": outcomes[Outcome.ERROR],
        "testSkipCount": outcomes[Outcome.SKIPPED],
        "assertPassCount": judged[True],
        "assertFailCount": judged[False],
        "totalLatencyMs": round(sum(trial.latency_ms for trial in trials), 3),
        "tokenUsage": total(usage(trial) for trial in trials),
        "namedScores": {**scores, **dict(derived)},
        "namedScoresCount": counts,
        "namedScoreWeights": weights,
        "cost": sum((trial.reply.cost or 0) for trial in trials if trial.reply),
    }


def _judged(verdicts: Iterable[Verdict]) -> Iterable[bool]:
    for verdict in verdicts:
        yield verdict.passed
        yield from _judged(verdict.parts)


def _named(trials: list[TrialResult]) -> tuple[dict[str, float], dict[str, int], dict[str, float]]:
    scores: dict[str, float] = {}
    weights: dict[str, float] = {}
    counts: Counter[str] = Counter()
    for trial in trials:
        if not trial.named_scores:
            continue
        measured = Counter(_measured(trial.verdicts))
        for name, score in trial.named_scores.items():
            weight = trial.named_weights.get(name, 1)
            scores[name] = scores.get(name, 0) + score * weight
            weights[name] = weights.get(name, 0) + weight
            counts[name] += measured[name] or 1
    return scores, dict(counts), weights


def _measured(verdicts: Iterable[Verdict]) -> Iterable[str]:
    for verdict in verdicts:
        if verdict.claim is not None and verdict.claim.metric:
            yield verdict.claim.metric
        yield from verdict.named_scores
        yield from _measured(verdict.parts)
