"""What is counted of a run while it goes on, so that its results need not be looked through for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sojourn.model.result import TrialResult
from sojourn.model.tokens import add_usage, nothing_used, usage
from sojourn.model.verdict import Verdict


class ColumnTally:
    """What came of one column, in promptfoo's `metrics`."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.named_scores: dict[str, float] = {}
        self._named_weights: dict[str, float] = {}
        self._named_counts: Counter[str] = Counter()
        self._judged: Counter[bool] = Counter()
        self._tokens = nothing_used()
        self._score: float = 0
        self._latency_ms: float = 0
        self._cost: float = 0

    def add(self, result: TrialResult) -> None:
        """Count a trial of the column."""
        self.outcomes[result.outcome.value] += 1
        self._judge(result.verdicts)
        self._score += result.score
        self._latency_ms += result.latency_ms
        self._cost += (result.reply.cost or 0) if result.reply else 0
        add_usage(self._tokens, usage(result))
        if result.named_scores:
            self._add_named(result)

    def _judge(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            self._judged[verdict.passed] += 1
            if verdict.parts:
                self._judge(verdict.parts)

    def _add_named(self, result: TrialResult) -> None:
        measured = Counter(_measured(result.verdicts))
        for name, score in result.named_scores.items():
            weight = result.named_weights.get(name, 1)
            self.named_scores[name] = self.named_scores.get(name, 0) + score * weight
            self._named_weights[name] = self._named_weights.get(name, 0) + weight
            self._named_counts[name] += measured[name] or 1

    def metrics(self, derived: Mapping[str, float]) -> dict[str, Any]:
        """Return the metrics; `derived` ones are laid over the named scores."""
        return {
            "score": self._score,
            "testPassCount": self.outcomes["passed"],
            "testFailCount": self.outcomes["failed"],
            "testErrorCount": self.outcomes["error"],
            "testSkipCount": self.outcomes["skipped"],
            "assertPassCount": self._judged[True],
            "assertFailCount": self._judged[False],
            "totalLatencyMs": round(self._latency_ms, 3),
            "tokenUsage": self._tokens,
            "namedScores": {**self.named_scores, **derived},
            "namedScoresCount": dict(self._named_counts),
            "namedScoreWeights": self._named_weights,
            "cost": self._cost,
        }


def _measured(verdicts: Iterable[Verdict]) -> Iterable[str]:
    for verdict in verdicts:
        if verdict.claim is not None and verdict.claim.metric:
            yield verdict.claim.metric
        yield from verdict.named_scores
        yield from _measured(verdict.parts)


class Tally:
    """What came of the trials so far.

    `outcomes` counts them by the outcome's word, `columns` holds what came of each column by its index, `sessions` how
    many trials each session was seen in. `remarkable` are the indices of trials that did not pass or printed something,
    `unclean` those with notes; `unbegun` counts those for which something could not be set up. `is_described`: some
    have names or turns.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.columns: dict[int, ColumnTally] = {}
        self.sessions: dict[str, int] = {}
        self.remarkable: set[int] = set()
        self.unclean: set[int] = set()
        self.unbegun = 0
        self.is_described = False
        self._variables: dict[str, tuple[int, int]] = {}

    def add(self, result: TrialResult) -> None:
        """Count a trial."""
        index = result.trial.index
        self.outcomes[result.outcome.value] += 1
        self.column(result.trial.column.index).add(result)
        if result.session_id:
            self.sessions[result.session_id] = self.sessions.get(result.session_id, 0) + 1
        if not result.passed or result.printed:
            self.remarkable.add(index)
        self.is_described = self.is_described or bool(result.case.description or result.trial.turn)
        if result.notes:
            self.unclean.add(index)
        self.unbegun += result.trouble is not None and result.trouble.phase.is_set_up
        for place, name in enumerate(result.case.vars):
            known = self._variables.get(name)
            if known is None or (index <= known[0] and (index, place) < known):
                self._variables[name] = (index, place)

    def column(self, index: int) -> ColumnTally:
        """Return what came of a column so far."""
        if index not in self.columns:
            self.columns[index] = ColumnTally()
        return self.columns[index]

    @property
    def variables(self) -> list[str]:
        """The names of all vars, in the order in which tests bring them up."""
        return [str(name) for name in sorted(self._variables, key=self._variables.__getitem__)]
