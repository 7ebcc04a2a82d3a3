"""Whether a JavaScript regular expression matches, at a price that is known beforehand.

Python's engine cannot be stopped. A pattern that could take too long on this text runs in a process of its own; one
that Python's engine cannot run at all goes to JavaScript.
"""

from __future__ import annotations

import asyncio
import json
import sys

from sojourn.errors import ClaimError, CodeError
from sojourn.model.reference import Reference
from sojourn.protocols import ClaimContext
from sojourn.template.regexp import ForeignError, Regex
from sojourn.template.units import wide

_AFFORDABLE = 3e8
_SECONDS = 5.0
_CHILD = "import json,re,sys;p,t=json.load(sys.stdin);print(bool(re.search(p,t)))"


async def matches(pattern: str, text: str, context: ClaimContext) -> bool:
    """Search a text for a pattern; raises `re.error` where the pattern is none, ClaimError where it takes too long."""
    try:
        regex = Regex(pattern)
    except ForeignError:
        return await _in_javascript(pattern, text, context)
    units = wide(text)
    if regex.cost(units) <= _AFFORDABLE:
        return regex.compiled.search(units) is not None
    return await _apart(regex, units)


async def _apart(regex: Regex, text: str) -> bool:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-ISc", _CHILD, stdin=pipe, stdout=pipe)
    question = json.dumps([regex.compiled.pattern, text]).encode()
    try:
        answer, _ = await asyncio.wait_for(child.communicate(question), _SECONDS)
    except TimeoutError as error:
        raise ClaimError(f"{regex} runs longer than {_SECONDS:g} s on this output", todo="simplify it") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return answer.strip() == b"True"


async def _in_javascript(pattern: str, text: str, context: ClaimContext) -> bool:
    code = Reference.inline("javascript", "new RegExp(context.pattern).test(output)", role="assertion")
    try:
        return bool((await context.code.call(code, text, {"pattern": pattern})).value)
    except CodeError as error:
        raise ClaimError(f"/{pattern}/ needs JavaScript, which is not to be had: {error}") from error
