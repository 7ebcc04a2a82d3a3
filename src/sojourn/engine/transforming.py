"""Users' transforms: of a reply's output, of an assertion's output, of a test's vars."""

from __future__ import annotations

import uuid
from typing import Any

from msgspec import structs

from sojourn.engine.setting import Account, Setting
from sojourn.errors import CodeError
from sojourn.model.reference import Reference, Role
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict
from sojourn.protocols import Code


def reference(text: str, base: str, role: Role) -> Reference:
    """Return the function that a transform names, or its inline JavaScript."""
    found = Reference.parse(text, base=base, role=role) if text.startswith("file://") else None
    return found or Reference.inline("javascript", text, role=role)


async def transformed(account: Account, setting: Setting, reply: Reply) -> Reply:
    """Return the reply after the provider's and then the test's transform. Raises CodeError."""
    options = account.case.options
    own, tests = account.trial.column.provider.transform, options.get("transform") or options.get("postprocess")
    account.given = output = reply.output
    if not own and not tests:
        return reply
    prompt = account.trial.column.prompt
    told: JsonDict = {"raw": prompt.raw, "label": prompt.label, "template": prompt.raw}
    if config := {**(prompt.config or {}), **account.prompt_config}:
        told["config"] = config
    context: JsonDict = {"vars": account.variables, "prompt": told, "metadata": dict(reply.metadata)}
    if own:
        account.given = output = await transform_output(setting.code, own, setting.suite.base, output, context)
    if tests:
        output = await transform_output(setting.code, tests, setting.suite.base, output, context)
    return reply if output is reply.output else structs.replace(reply, output=output)


async def transform_output(code: Code, text: str, base: str, output: Any, context: JsonDict) -> Any:
    """Apply one transform to an output; null is refused, as it would pass for an answer."""
    target = reference(text, base, "transform")
    value = (await code.call(target, output, context)).value
    if value is None:
        raise CodeError("the transform returned nothing", where=str(target))
    return value


async def transform_vars(code: Code, base: str, test: JsonDict, variables: JsonDict) -> JsonDict:
    """Apply a test's `transformVars`; each repeat has a uuid of its own. Raises CodeError."""
    text = (test.get("options") or {})["transformVars"]
    context = {"uuid": str(uuid.uuid4()), "prompt": {}, "metadata": test.get("metadata") or {}}
    target = reference(text, base, "transform_vars")
    value = (await code.call(target, variables, context)).value
    if not isinstance(value, dict):
        raise CodeError(f"transformVars returned {type(value).__name__}, not the vars", where=str(target))
    return value
