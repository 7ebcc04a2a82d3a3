"""When all trials of a test have ended: `select-best` and `max-score` compare its columns."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

from msgspec import structs

from sojourn import registry
from sojourn.engine.claiming import readied
from sojourn.engine.judging import COMPARISONS, claim_context
from sojourn.engine.setting import Account, Setting
from sojourn.engine.settling import named_scores
from sojourn.errors import SojournError
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.run_result import RunResult
from sojourn.model.suite import Case, Claim
from sojourn.model.verdict import Verdict


async def compare(result: RunResult, setting: Setting) -> None:
    """Judge the comparisons of every test whose columns have all ended, and weigh them into its results, in place."""
    tests: dict[int, list[TrialResult]] = {}
    for each in result.results.held:
        if is_compared(each.case):
            tests.setdefault(each.trial.test_index, []).append(each)
    planned = Counter(trial.test_index for trial in result.plan.trials) if tests else {}
    for test, rows in tests.items():
        if len(rows) < planned[test]:
            continue
        # promptfoo's order, which a grader sees: who has failed already comes first.
        rows.sort(key=lambda each: (each.passed, each.trial.column.index))
        for claim in rows[0].case.claims:
            if claim.type in COMPARISONS:
                rows = await _compared(claim, rows, setting)  # noqa: PLW2901  each comparison sees the one before
        for changed in rows:
            result.results.replace(changed)


def is_compared(case: Case) -> bool:
    """Whether what comes of a test is compared with others once all have ended."""
    return any(claim.type in COMPARISONS for claim in case.claims)


def withdraw_uncompared(result: RunResult) -> None:
    """Take back the rows that a comparison was not made for: nobody can say whether they pass."""
    for each in result.results.held:
        if _is_owed(each):
            result.results.withdraw(each.trial.index)
            result.unrun += 1


def _is_owed(result: TrialResult) -> bool:
    asked = sum(claim.type in COMPARISONS for claim in result.case.claims)
    made = sum(verdict.claim is not None and verdict.claim.type in COMPARISONS for verdict in result.verdicts)
    return made < asked and result.outcome in (Outcome.PASSED, Outcome.FAILED)


async def _compared(claim: Claim, rows: list[TrialResult], setting: Setting) -> list[TrialResult]:
    judged = [each for each in rows if each.outcome in (Outcome.PASSED, Outcome.FAILED)]
    if not judged:
        return rows
    try:
        verdicts = await _verdicts(claim, judged, setting)
        came = [_weighed(each, verdict) for each, verdict in zip(judged, verdicts, strict=True)]
    except SojournError as error:
        trouble = Trouble(phase=Phase.JUDGE, what=f"{claim.type} cannot be judged: {error}")
        came = [structs.replace(each, outcome=Outcome.ERROR, score=0.0, trouble=trouble) for each in judged]
    changed = {each.trial.index: each for each in came}
    return [changed.get(each.trial.index, each) for each in rows]


async def _verdicts(claim: Claim, results: list[TrialResult], setting: Setting) -> list[Verdict]:
    first = results[0]
    account = Account(first.trial, first.case, variables=dict(first.case.vars), prompt=str(first.prompt))
    context = claim_context(account, setting, first.reply or Reply())
    ready = await readied(claim, context)
    plug = registry.find("assertion", claim.type)
    answer: Any = plug(ready, [each.reply or Reply() for each in results], [list(e.verdicts) for e in results], context)
    found: list[Verdict] = await answer if inspect.isawaitable(answer) else answer
    return [structs.replace(verdict, claim=ready, weight=claim.weight) for verdict in found]


def _weighed(result: TrialResult, verdict: Verdict) -> TrialResult:
    """Add a comparison's verdict: it has no share in the score, but whoever loses has none."""
    scores, weights = named_scores([verdict])
    result = structs.replace(
        result,
        verdicts=(*result.verdicts, verdict),
        named_scores={**result.named_scores, **scores},
        named_weights={**result.named_weights, **weights},
    )
    if verdict.passed:
        return result
    return structs.replace(result, outcome=Outcome.FAILED, score=0, reason=verdict.reason)
