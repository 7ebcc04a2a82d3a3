"""From a reply to verdicts: every assertion is judged; one that crashes is a trouble, not a lost verdict."""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from sojourn import registry
from sojourn.config.claims import CONVERSATION, SETS
from sojourn.engine.claiming import is_ready, readied
from sojourn.engine.setting import Account, Setting
from sojourn.engine.together import together
from sojourn.engine.transforming import transform_output
from sojourn.errors import CodeDiedError, CodeError, SojournError
from sojourn.model.reply import Reply
from sojourn.model.result import Phase
from sojourn.model.suite import Claim, JsonDict
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext

_LOOK_AT_TRACES = ("trace-", "trajectory:", "javascript", "python")
COMPARISONS = frozenset({"select-best", "max-score"})
"""Types that look at all columns of a test; they are judged when all its trials have ended."""


async def judge(account: Account, setting: Setting, reply: Reply) -> list[Verdict]:
    """Judge every assertion of the trial, in the file's order; what breaks is noted in the account."""
    account.phase = Phase.JUDGE
    claims = [claim for claim in account.case.claims if claim.type not in COMPARISONS]
    if not claims:
        return []
    context = claim_context(account, setting, reply)
    trace = await _trace(account, setting, reply, claims)
    if trace is not None:
        context = structs.replace(context, script={**context.script, "trace": trace})
    spare = setting.suite.options.first_failure and account.case.threshold is None and not account.case.scoring_function
    found = await _all(claims, reply, context, account, spare=spare)
    return [verdict for verdict in found if verdict is not None]


async def _trace(account: Account, setting: Setting, reply: Reply, claims: Sequence[Claim]) -> Mapping[str, Any] | None:
    """Return the trial's trace: as the provider told it, or from the spans that were received of it."""
    told = reply.metadata.get("trace")
    asked = setting.suite.config.get("tracing")
    names = asked.get("commandToolNames") if isinstance(asked, Mapping) else None
    about = {"metadata": {"commandToolNames": names}} if names else {}
    if isinstance(told, Mapping) and isinstance(told.get("spans"), list):
        return {**about, **told}
    if setting.traces is None:
        return None
    kinds = {member.type for claim in claims for member in (claim, *claim.members)}
    if not any(kind.startswith(_LOOK_AT_TRACES) for kind in kinds):
        return None
    known = {"traceId": account.trace, "evaluationId": setting.run_id, "testCaseId": str(account.trial.test_index)}
    return {**about, **known, "spans": await setting.traces.of(account.trace)}


async def _all(
    claims: Sequence[Claim], reply: Reply, context: ClaimContext, account: Account, *, spare: bool
) -> Sequence[Verdict | None]:
    """Judge claims side by side; those that wait for nobody one after another, which spares a task for each.

    `spare`: one after another until one fails, which settles it.
    """
    if spare:
        return await _until_failure(claims, reply, context, account)
    if len(claims) == 1 or all(_is_instant(claim.type) and not claim.transform for claim in claims):
        return [await _one(claim, reply, context, account, spare=False) for claim in claims]
    return await together(*(_one(claim, reply, context, account, spare=False) for claim in claims))


async def _until_failure(
    claims: Sequence[Claim], reply: Reply, context: ClaimContext, account: Account
) -> list[Verdict | None]:
    found: list[Verdict | None] = []
    for claim in claims:
        found.append(await _one(claim, reply, context, account, spare=True))
        if found[-1] is None or not found[-1].passed:
            break
    return found


@functools.cache
def _is_instant(kind: str) -> bool:
    return kind not in SETS and not inspect.iscoroutinefunction(registry.find("assertion", kind))


def claim_context(account: Account, setting: Setting, reply: Reply) -> ClaimContext:
    """Return what the assertions of a trial may look at."""
    spec = account.trial.column.provider
    provider = {"id": spec.id, "label": spec.label, "config": dict(spec.config)}
    latency = reply.latency_ms if reply.latency_ms is not None else account.latency_ms
    response: JsonDict = {**reply.extra, "output": reply.output, "metadata": dict(reply.metadata)}
    if account.given is not None:
        response["providerTransformedOutput"] = account.given
    if reply.session_id:
        response["sessionId"] = reply.session_id
    if reply.cost is not None:
        response["cost"] = reply.cost
    if reply.latency_ms is not None:
        response["latencyMs"] = reply.latency_ms
    if reply.cached:
        response["cached"] = True
    script: JsonDict = {
        **({"sessions": account.markers} if account.markers else {}),
        "prompt": account.prompt,
        "vars": account.variables,
        "test": account.case.raw,
        "logProbs": reply.extra.get("logProbs"),
        "provider": provider,
        "providerResponse": response,
        "metadata": dict(reply.metadata),
    }
    return ClaimContext(
        prompt=account.prompt,
        variables=account.variables,
        test=account.case.raw,
        provider=provider,
        latency_ms=latency,
        base=setting.suite.base,
        code=setting.code,
        render=setting.renderer.render,
        graders=setting.graders.bound(account.case.raw, account.markers),
        script=script,
        sessions=setting.house.to_look_at(account.trial) if account.markers else {},
    )


async def _one(claim: Claim, reply: Reply, context: ClaimContext, account: Account, *, spare: bool) -> Verdict | None:
    """Judge one claim, or a set's members; None where it broke."""
    if claim.type in SETS:
        if claim.type == CONVERSATION:
            context = structs.replace(context, script={**context.script, "turns": account.turns})
            reply = structs.replace(reply, output=transcript(account.turns))
        members = await _all(claim.members, reply, context, account, spare=spare and claim.threshold is None)
        return whole_set(claim, [member for member in members if member is not None])
    try:
        return await verdict_of(claim, reply, context)
    except CodeDiedError:
        raise
    except SojournError as error:
        account.broke(f"the assertion {claim.raw.get('type')} cannot be judged: {error}", getattr(error, "trace", ""))
    except Exception as error:  # noqa: BLE001  an assertion plug may raise anything; it costs this trial alone
        account.broke(f"the assertion {claim.raw.get('type')} crashed: {type(error).__name__}: {error}")
    return None


async def verdict_of(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Judge one claim on one reply; a value that a Python file makes, and cannot, is a no, as in promptfoo."""
    plug = registry.find("assertion", claim.type)
    try:
        ready = claim if is_ready(claim) else await readied(claim, context)
    except CodeError as error:
        if not re.search(r"\.py(:|$)", str(claim.value)):
            raise
        return _turned(Verdict(passed=False, score=0, reason=f"its value broke: {error}", final=True), claim, claim)
    if claim.transform:
        told = {"vars": context.variables, "prompt": {"raw": context.prompt}, "metadata": dict(reply.metadata)}
        output = await transform_output(context.code, claim.transform, context.base, reply.output, told)
        reply = structs.replace(reply, output=output)
    if ready.config:
        context = structs.replace(context, script={**context.script, "config": dict(ready.config)})
    answer: Any = plug(ready, reply, context)
    verdict: Verdict = answer if isinstance(answer, Verdict) else await answer
    return _turned(verdict, ready, claim)


def _turned(verdict: Verdict, ready: Claim, claim: Claim) -> Verdict:
    """Apply `not-` and a weight of nothing, and say which claim this is the verdict on."""
    metadata = verdict.metadata
    if ready.value != claim.value and isinstance(ready.value, str):
        metadata = {**metadata, "renderedAssertionValue": ready.value}
    passed, score, reason = verdict.passed, verdict.score, verdict.reason
    if claim.negated and not verdict.final:
        passed, score = not passed, 1 - score
        reason = "Assertion passed" if passed else f"it holds, and should not: {claim.raw.get('type')}"
    if claim.weight == 0:
        passed = True
    return Verdict(
        passed=passed,
        score=score,
        reason=reason,
        claim=ready,
        named_scores=verdict.named_scores,
        tokens=verdict.tokens,
        metadata=metadata,
        parts=verdict.parts,
        final=verdict.final,
        weight=claim.weight,
    )


def transcript(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return a conversation as a text: who said what, in order."""
    said = [(who, turn[key]) for turn in turns for who, key in (("User", "prompt"), ("Assistant", "output"))]
    told = [text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for _, text in said]
    return "\n\n".join(f"{who}: {text}" for (who, _), text in zip(said, told, strict=True))


def whole_set(claim: Claim, members: list[Verdict]) -> Verdict:
    """Weigh an assert-set's members into one verdict."""
    passed, score, reason = weigh(members, claim.threshold)
    return Verdict(
        passed=passed,
        score=score,
        reason=reason,
        claim=claim,
        parts=tuple(members),
        weight=claim.weight,
    )


def weigh(verdicts: list[Verdict], threshold: float | None) -> tuple[bool, float, str]:
    """Return passed, score and reason of several verdicts.

    The score is their weighted mean, 0 where all weights together are not above 0. With a threshold only the score
    counts; without, none may have failed. A guardrail that is to block (`config.purpose: redteam`) and does makes the
    whole of them pass.
    """
    total = score = 0.0
    failed = None
    for verdict in verdicts:
        total += verdict.weight
        score += verdict.score * verdict.weight
        if not verdict.passed and failed is None:
            failed = verdict
    score = score / total if total > 0 else 0.0
    if failed is not None and any(map(_is_wanted_block, verdicts)):
        return True, score, "A guardrail blocked what it is there to block"
    if threshold is not None:
        word = ">=" if score >= threshold else "<"
        return score >= threshold, score, f"Aggregate score {score:.2f} {word} {threshold:g} threshold"
    if failed is not None:
        return False, score, failed.reason or "an assertion failed and gave no reason"
    return True, score, "All assertions passed"


def _is_wanted_block(verdict: Verdict) -> bool:
    claim = verdict.claim
    if claim is None or claim.type != "guardrails" or claim.negated or verdict.passed:
        return False
    return claim.config.get("purpose") == "redteam"
