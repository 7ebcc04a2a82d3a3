"""The straight line of one trial: before-hooks, question, answer, verdicts, after-hooks."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from msgspec import structs

from sojourn.config import cases
from sojourn.engine.asking import ask, render
from sojourn.engine.hiding import cleaned
from sojourn.engine.judging import judge
from sojourn.engine.lanes import Visit
from sojourn.engine.setting import Account, Setting
from sojourn.engine.settling import session_of, settle
from sojourn.engine.stopping import Brake, OverdueError
from sojourn.errors import (
    CodeDiedError,
    CodeError,
    HookError,
    SessionError,
    SessionLostError,
    SkipTrial,
    SojournError,
    StopRun,
)
from sojourn.languages.sharing import MARKER as STATE
from sojourn.lifecycle.hooks import Scope
from sojourn.model.plan import Trial
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.row import row
from sojourn.model.secrecy import Secrets
from sojourn.model.suite import JsonDict


class Fate(Enum):
    """What becomes of a trial that has ended: its row stays; it leaves none; it is to be run again, alone.

    FATAL: its row stays, and it brought down a process with all that lived there.
    """

    STAYS = "stays"
    FATAL = "fatal"
    VOID = "void"
    AGAIN = "again"


class Ended(NamedTuple):
    """A trial that is over, and what becomes of it."""

    result: TrialResult
    fate: Fate


async def run_trial(trial: Trial, visit: Visit, setting: Setting, brake: Brake) -> Ended:
    """Run one trial; whatever happens becomes part of the result.

    It is to be run again where its process died under it through no fault that is known to be its own.
    """
    account = Account(trial, trial.case, started=setting.clock(), phase=Phase.OPEN)
    unclean: list[str] = []
    try:
        if not trial.needs:
            return await _in_sessions(account, visit, setting, brake)
        async with brake.section() as opening, setting.house.visit(trial, unclean) as lent:
            opening.release()
            account.markers, account.sessions = lent
            result, fate = await _in_sessions(account, visit, setting, brake)
            if result.outcome in (Outcome.FAILED, Outcome.ERROR):
                result = await _looked_at(result, setting)
            if account.sessions:  # what they hold, such as a token, is known since they are open
                result = cleaned(result, Secrets.of({}, account.sessions))
    except OverdueError:
        account.broke(f"cut short: {brake.cut}")
        result, fate = await settle(account, setting), _fate_of_cut(brake)
    except SessionError as error:
        account.broke(str(error))
        lost = isinstance(error, SessionLostError)
        result, fate = await settle(account, setting), Fate.AGAIN if lost else Fate.STAYS
    left = tuple(Trouble(phase=Phase.CLOSE, what=each) for each in unclean)
    return Ended(structs.replace(result, notes=result.notes + left) if left else result, fate)


async def _looked_at(result: TrialResult, setting: Setting) -> TrialResult:
    """Keep what the sessions of a trial that did not pass have seen of it, and, if that is asked for, themselves."""
    if setting.suite.options.keep_sessions:
        setting.house.keep(result.trial)
    seen = await setting.house.evidence(result.trial)
    if not seen:
        return result
    ended = {name: each["ended"] for name, each in seen.items() if isinstance(each, Mapping) and each.get("ended")}
    why = "; ".join(f"session {name!r}: {what}" for name, what in ended.items())
    return structs.replace(_because(result, why) if why else result, metadata={**result.metadata, "evidence": seen})


def _because(result: TrialResult, why: str) -> TrialResult:
    """Say beside what went wrong that a session had come to its end."""
    if result.trouble is not None:
        return structs.replace(result, trouble=structs.replace(result.trouble, what=f"{result.trouble.what} ({why})"))
    if result.reply is not None and result.reply.error:
        return structs.replace(result, reply=structs.replace(result.reply, error=f"{result.reply.error} ({why})"))
    return structs.replace(result, reason=f"{result.reason} ({why})")


async def _in_sessions(account: Account, visit: Visit, setting: Setting, brake: Brake) -> Ended:
    """Run a trial whose sessions are open; its after-hooks run whatever happens."""
    scope = Scope(account.printed)
    account.phase = Phase.BEFORE
    result: TrialResult | None = None
    fate = Fate.STAYS
    try:
        result = await _go(account, visit, setting, brake, scope)
    except OverdueError:
        account.broke(_overdue(account, setting, brake, scope))
        fate = _fate_of_cut(brake)
    except SkipTrial as skip:
        account.skipped = skip.what
    except StopRun as asked:
        brake.stop(f"a hook: {asked.what}")
        account.broke(f"called off: {asked.what}")
        fate = Fate.VOID
    except CodeError as error:
        account.broke(str(error), error.trace)
        account.printed.append(error.printed)
        if isinstance(error, CodeDiedError):
            fate = Fate.FATAL if error.guilty else Fate.VOID if brake.interrupted else Fate.AGAIN
    except HookError as error:
        account.broke(str(error), getattr(error.__cause__, "trace", ""))
    except SojournError as error:
        account.broke(str(error))
    except Exception as error:  # noqa: BLE001  a plug may raise anything; it costs this trial alone
        account.broke(f"{type(error).__name__}: {error}", traceback.format_exc())
    result = result or await settle(account, setting)
    return Ended(await _after(account, result, setting, brake, scope), fate)


def _fate_of_cut(brake: Brake) -> Fate:
    """Tell what a trial that was cut short comes to: an interrupt leaves no rows of its own, a time limit does."""
    return Fate.VOID if brake.interrupted else Fate.STAYS


def _overdue(account: Account, setting: Setting, brake: Brake, scope: Scope) -> str:
    """Say what a trial was doing when its time was up."""
    doing = f", in {setting.hooks.last_begun('beforeEach', scope)}" if account.phase is Phase.BEFORE else ""
    why = f"cut short: {brake.cut}" if brake.cut else f"timed out after {setting.suite.options.timeout_ms:g} ms"
    return why + doing


async def _go(account: Account, visit: Visit, setting: Setting, brake: Brake, scope: Scope) -> TrialResult:
    """Take a trial to its verdicts. Its time does not run while it waits for a session that another trial has."""
    limit = setting.suite.options.timeout_ms
    left = limit / 1000 if limit else None
    if setting.hooks.has("beforeEach"):
        async with brake.section(left) as before:
            await _before(account, setting, scope)
        left = before.left
    if not setting.learner.knows(visit, session_of(account)):
        async with brake.section():
            await setting.learner.turn(visit)
    async with brake.section(left):
        question = await render(account, setting)
        account.reply = await ask(account, setting, question)
        if not account.reply.error and account.trouble is None:
            account.verdicts = await judge(account, setting, account.reply)
        return await settle(account, setting)


async def _before(account: Account, setting: Setting, scope: Scope) -> None:
    context = {"test": account.case.raw, **_identity(account, setting)}
    changed = await setting.hooks.before("beforeEach", context, "test", scope)
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
        "state": STATE,
    }


async def _after(account: Account, result: TrialResult, setting: Setting, brake: Brake, scope: Scope) -> TrialResult:
    """Run the after-hooks; they may add named scores and metadata, and what breaks in them is a note."""
    if not setting.hooks.has("afterEach"):
        return result
    context = {
        "test": account.case.raw,
        "result": row(result, setting.run_id, redact=False),
        **_identity(account, setting),
    }
    broken, stop = await setting.hooks.after("afterEach", context, scope, _merge)
    if stop:
        brake.stop(f"a hook: {stop}")
    notes = tuple(Trouble(phase=Phase.AFTER, what=str(error)) for error in broken)
    result = structs.replace(result, notes=result.notes + notes, printed="".join(account.printed))
    return _with_hooks(result, context["result"])


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
        reply = structs.replace(reply, metadata=seen["response"]["metadata"])
    return structs.replace(result, named_scores=seen["namedScores"], metadata=seen["metadata"], reply=reply)
