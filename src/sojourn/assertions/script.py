"""Assertions that users write in Python, JavaScript or Ruby, inline or in a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from sojourn.assertions.reading import text_value
from sojourn.assertions.results import broken, lenient_verdict, strict_verdict
from sojourn.errors import ClaimError, CodeDiedError, CodeError
from sojourn.languages.packages import packaged
from sojourn.languages.ruby import call_ruby, ruby_function, run_ruby
from sojourn.model.reference import Reference, Tongue
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext


async def python(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Judge by Python code: an expression, a body that returns, or a function in a file."""
    return await _judged(claim, reply, context, _reference(claim, context, "python"), lenient_verdict)


async def javascript(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Judge by JavaScript code: an expression, a body that returns, or a function in a file."""
    return await _judged(claim, reply, context, _reference(claim, context, "javascript"), strict_verdict)


def _reference(claim: Claim, context: ClaimContext, tongue: Tongue) -> Reference:
    source = text_value(claim)
    if package := packaged(source, context.base, "assertion"):
        return package
    if source.startswith("file://"):
        found = Reference.parse(source, base=context.base, role="assertion")
        if found is None:
            raise ClaimError(f"{source} is no Python or JavaScript file")
        return found
    if not source.strip():
        raise ClaimError(f"{claim.type} needs code as its value")
    return Reference.inline(tongue, source if tongue == "python" else source.rstrip(), role="assertion")


async def _judged(
    claim: Claim,
    reply: Reply,
    context: ClaimContext,
    reference: Reference,
    read: Callable[[Claim, Any], Verdict],
) -> Verdict:
    """Judge by what the code returns. Code that breaks says no; as in promptfoo, a JavaScript file makes an error."""
    try:
        called = await context.code.call(reference, reply.output, context.script)
    except CodeDiedError:
        raise
    except CodeError as error:
        if reference.path and reference.tongue == "javascript":
            raise
        trace = f"\n{error.trace}" if error.trace else ""
        return broken(f"{reference} broke: {error}{trace}")
    return read(claim, called.value)


async def ruby(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Judge by Ruby code: its last value, or what a function in a file returns."""
    source = text_value(claim)
    function = ruby_function(source, context.base, "get_assert") if source.startswith("file://") else None
    try:
        if function is not None:
            called = await call_ruby(function, [reply.output, context.script], os.environ)
        else:
            called = await run_ruby(source, [reply.output, context.script], os.environ)
    except CodeError as error:
        return broken(f"{function or 'inline ruby'} broke: {error}")
    return lenient_verdict(claim, called.value)
