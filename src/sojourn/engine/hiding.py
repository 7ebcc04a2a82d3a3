"""Results as others may see them: the values of the run's secrets are blanked in what leaves it, and stay within."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from sojourn.encoding import encode
from sojourn.engine.stripping import stripped, without_prompts
from sojourn.model.plan import Column, Lane, Plan, Trial
from sojourn.model.result import TrialResult
from sojourn.model.row import row
from sojourn.model.run_result import Race, RunResult
from sojourn.model.secrecy import Secrets
from sojourn.model.suite import RunOptions

_TEXTS = ("troubles", "races", "leaks", "unsteady", "printed", "learnt", "stopped", "derived")


def shown(result: TrialResult, secrets: Secrets, options: RunOptions) -> TrialResult:
    """Return a trial's result without the secrets in it, and without what the options leave out; else the same."""
    return stripped(cleaned(result, secrets), options.stripped)


def cleaned(result: TrialResult, secrets: Secrets) -> TrialResult:
    """Return a trial's result without the secrets in it; without any, the same."""
    if not secrets.any or not secrets.touches(encode(row(result, "", redact=False)).decode()):
        return result
    clean = secrets.clean(result)
    trial = result.trial
    return structs.replace(clean, trial=_trial(trial, secrets))


def hidden(plan: Plan, secrets: Secrets) -> Plan:
    """Return a plan that is to be shown without secrets: no name of a trial or lane holds one."""
    if not secrets.any:
        return plan

    def seen(lane: Lane) -> Lane:
        trials = tuple(_trial(each, secrets) if secrets.touches(each.name) else each for each in lane.trials)
        return structs.replace(_lane(lane, secrets), trials=trials)

    return structs.replace(plan, lanes=tuple(map(seen, plan.lanes)), first=tuple(map(seen, plan.first)))


def _trial(trial: Trial, secrets: Secrets) -> Trial:
    """Return a trial whose name and column hold no secret; its test is as it was planned, and is not shown."""
    case = structs.replace(trial.case, description=secrets.text(trial.case.description))
    variant = secrets.text(trial.variant)
    return structs.replace(trial, column=_column(trial.column, secrets), case=case, variant=variant)


def hide(result: RunResult, secrets: Secrets) -> None:
    """Take the secrets out of the result of a run that is over."""
    options = result.plan.suite.options
    if secrets.any or options.stripped:
        result.results = result.results.changed(lambda each: shown(each, secrets, options))
        result.columns = without_prompts(result.columns, options.stripped)
    if not secrets.any:
        return
    for name in _TEXTS:
        setattr(result, name, secrets.clean(getattr(result, name)))
    result.races = [_race(each, secrets) for each in result.races]
    result.columns = tuple(_column(column, secrets) for column in result.columns)
    result.plan = _plan(result.plan, secrets)


def _race(race: Race, secrets: Secrets) -> Race:
    return structs.replace(race, first=_trial(race.first, secrets), second=_trial(race.second, secrets))


def _column(column: Column, secrets: Secrets) -> Column:
    prompt, provider = column.prompt, column.provider
    seen = structs.replace(provider, id=secrets.text(provider.id), label=secrets.text(provider.label))
    return structs.replace(column, prompt=secrets.clean(prompt), provider=seen)


def _plan(plan: Plan, secrets: Secrets) -> Plan:
    told: dict[str, Any] = {"description": plan.suite.description, "config": plan.suite.config}
    return structs.replace(
        plan,
        suite=structs.replace(plan.suite, **secrets.clean(told)),
        columns=tuple(_column(column, secrets) for column in plan.columns),
        lanes=tuple(_lane(lane, secrets) for lane in plan.lanes),
        first=tuple(_lane(lane, secrets) for lane in plan.first),
    )


def _lane(lane: Lane, secrets: Secrets) -> Lane:
    if secrets.touches(lane.key) or secrets.touches(lane.why):
        return structs.replace(lane, key=secrets.text(lane.key), why=secrets.text(lane.why))
    return lane
