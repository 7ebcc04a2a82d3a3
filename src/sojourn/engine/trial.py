"""The straight line of one trial: before-hooks, question, answer, verdicts, after-hooks."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from sojourn.config import cases
from sojourn.engine.asking import ask, render
from sojourn.engine.judging import judge
from sojourn.engine.lanes import Visit
from sojourn.engine.setting import Account, Setting
from sojourn.engine.settling import session_of, settle
from sojourn.errors import CodeDiedError, CodeError, HookError, SessionError, SkipTrial, SojournError, StopRun
from sojourn.lifecycle.hooks import Started
from sojourn.model.plan import Trial
from sojourn.model.result import Phase, TrialResult, Trouble
from sojourn.model.row import row
from sojourn.model.suite import JsonDict


async def run_trial(trial: Trial, visit: Visit, setting: Setting, *, again: bool = False) -> TrialResult:
    """Run one trial; whatever happens becomes part of the result.

    Raises CodeDiedError where the trial's process died under it through no fault that is known to be its own, unless
    this is it run `again`; and StopRun where a hook asks for it.
    """
    account = Account(trial, trial.case, started=setting.clock(), phase=Phase.OPEN)
    unclean: list[str] = []
    try:
        async with setting.house.visit(trial, unclean) as (account.markers, account.sessions):
            result = await _in_sessions(account, visit, setting, again=again)
    except SessionError as error:
        account.broke(str(error))
        result = await settle(account, setting)
    except asyncio.CancelledError:
        _uncancel()
        account.broke(f"cut short: {setting.cut or 'cancelled'}")
        result = await settle(account, setting)
    left = tuple(Trouble(phase=Phase.CLOSE, what=each) for each in unclean)
    return dataclasses.replace(result, notes=result.notes + left) if left else result


async def _in_sessions(account: Account, visit: Visit, setting: Setting, *, again: bool) -> TrialResult:
    """Run a trial whose sessions are open."""
    started: Started = set()
    account.phase = Phase.BEFORE
    try:
        async with asyncio.timeout(_seconds(setting.suite.options.timeout_ms)):
            await _go(account, visit, setting, started)
    except TimeoutError:
        account.broke(f"timed out after {setting.suite.options.timeout_ms:g} ms")
    except asyncio.CancelledError:
        _uncancel()
        account.broke(f"cut short: {setting.cut or 'cancelled'}")
    except SkipTrial as skip:
        account.skipped = skip.what
    except CodeDiedError as error:
        if not error.guilty and not again:
            raise
        _code_broke(account, error)
    except CodeError as error:
        _code_broke(account, error)
    except HookError as error:
        account.broke(str(error), getattr(error.__cause__, "trace", ""))
    except StopRun:
        raise
    except SojournError as error:
        account.broke(str(error))
    result = await settle(account, setting)
    return await _after(account, result, setting, started)


def _seconds(milliseconds: float) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def _uncancel() -> None:
    """Go on after a cancellation: the after-hooks are still to run."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _code_broke(account: Account, error: CodeError) -> None:
    account.broke(str(error), error.trace)
    account.printed.append(error.printed)


async def _go(account: Account, visit: Visit, setting: Setting, started: Started) -> None:
    if setting.hooks.has("beforeEach"):
        await _before(account, setting, started)
    await setting.learner.know(visit, session_of(account))
    question = await render(account, setting)
    account.reply = await ask(account, setting, question)
    if not account.reply.error and account.trouble is None:
        account.verdicts = await judge(account, setting, account.reply)


async def _before(account: Account, setting: Setting, started: Started) -> None:
    context = {"test": account.case.raw, **_identity(account, setting)}
    changed = await setting.hooks.before("beforeEach", context, "test", started)
    if changed["test"] is not account.case.raw:
        account.case = cases.read_case(changed["test"], setting.suite.base)


def _identity(account: Account, setting: Setting) -> JsonDict:
    """Return which trial this is and the sessions it has: keys that promptfoo does not give its hooks."""
    trial, column = account.trial, account.trial.column
    return {
        **({"sessions": account.markers} if account.markers else {}),
        "provider": {"id": column.provider.id, "label": column.provider.label},
        "prompt": {"raw": column.prompt.raw, "label": column.prompt.label},
        "testIdx": trial.test_index,
        "promptIdx": column.index,
        "repeatIndex": trial.repeat,
        "evalId": setting.run_id,
        "run": {"id": setting.run_id, "tmp": str(setting.folder)},
    }


async def _after(account: Account, result: TrialResult, setting: Setting, started: Started) -> TrialResult:
    """Run the after-hooks; they may add named scores and metadata, and what breaks in them is a note."""
    if not setting.hooks.has("afterEach"):
        return result
    context = {
        "test": account.case.raw,
        "result": row(result, setting.run_id, redact=False),
        **_identity(account, setting),
    }
    try:
        broken = await setting.hooks.after("afterEach", context, started, _merge)
    except CodeDiedError as error:
        broken = [HookError("afterEach", str(error.where), error.what)]
    notes = tuple(Trouble(phase=Phase.AFTER, what=str(error)) for error in broken)
    return _with_hooks(dataclasses.replace(result, notes=result.notes + notes), context["result"])


def _merge(context: JsonDict, answer: Any) -> JsonDict:
    """Take what an afterEach hook may change into the row that later hooks see; all else is ignored."""
    told = answer.get("result") if isinstance(answer, Mapping) else None
    if not isinstance(told, Mapping):
        return context
    seen = context["result"]
    scores = told.get("namedScores")
    if isinstance(scores, Mapping):
        seen["namedScores"] = {**seen["namedScores"], **{k: v for k, v in scores.items() if _is_score(v)}}
    if isinstance(told.get("metadata"), Mapping):
        seen["metadata"] = {**seen["metadata"], **told["metadata"]}
    response = told.get("response")
    if isinstance(response, Mapping) and isinstance(response.get("metadata"), Mapping) and "response" in seen:
        before = seen["response"].get("metadata") or {}
        seen["response"]["metadata"] = {**before, **response["metadata"]}
    return context


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _with_hooks(result: TrialResult, seen: JsonDict) -> TrialResult:
    reply = result.reply
    if reply is not None and "metadata" in seen.get("response", {}):
        reply = dataclasses.replace(reply, metadata=seen["response"]["metadata"])
    return dataclasses.replace(result, named_scores=seen["namedScores"], metadata=seen["metadata"], reply=reply)
