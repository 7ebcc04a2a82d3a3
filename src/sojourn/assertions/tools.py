"""Assertions on tool calls: whether they are valid, whether they are the right ones, which skills were used."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sojourn.assertions.foreseen import foreseen_by
from sojourn.assertions.reading import parse_json, text_of
from sojourn.assertions.schemas import schema_check
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, failing, judged, passing
from sojourn.protocols import ClaimContext
from sojourn.template.jsontext import json_text
from sojourn.template.values import to_text

_BLOCK = re.compile(r"^[^\S\n]*(?=[{\[])", re.MULTILINE)
_END = re.compile(r"[^\S\n]*$", re.MULTILINE)
_DECODER = json.JSONDecoder()


def openai_tools_call(_claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when every tool call of the output names a configured tool and its arguments fit the tool's schema."""
    text = text_of(reply)
    if found := re.search(r"MCP Tool (Result|Error) \(([^)]*)\)(?:: (.+))?", text):
        passed = "MCP Tool Error" not in text
        return judged(passed, float(passed), f"The MCP tool {found[2]} failed: {found[3] or 'no reason told'}")
    output = reply.output
    calls = output.get("tool_calls") if isinstance(output, Mapping) else output
    if not isinstance(calls, list) or not calls or not all(_is_call(call) for call in calls):
        return failing(f"The output is no list of tool calls: {text[:200]}")
    tools = _configured(context, "tools")
    if not tools:
        return failing("The output calls tools, but the provider's config has no tools")
    functions = [tool.get("function") for tool in tools if tool.get("type") == "function"]
    wrong = [_wrong(call["function"], functions) for call in calls]
    return next((failing(one) for one in wrong if one), passing())


def _is_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, Mapping) else None
    return isinstance(function, Mapping) and all(isinstance(function.get(key), str) for key in ("name", "arguments"))


def function_call(_claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the function call of the output names a configured function and its arguments fit the schema."""
    calls = list(_function_calls(reply.output))
    if not calls:
        return failing(f"The output is no function call: {text_of(reply)[:200]}")
    functions = [*_configured(context, "functions"), *_declared(_configured(context, "tools"))]
    if not functions:
        return failing("The output calls a function, but the provider's config has no functions")
    wrong = [_wrong(call, functions) for call in calls]
    return next((failing(one) for one in wrong if one), passing())


def _function_calls(output: Any) -> Iterator[Mapping[str, Any]]:
    """Give the calls in the shapes of OpenAI (`name`, `arguments`) and of Google (`functionCall`)."""
    if isinstance(output, str):
        try:
            output = parse_json(output)
        except ValueError:
            return
    for one in output if isinstance(output, list) else [output]:
        if not isinstance(one, Mapping):
            continue
        call = next((one[key] for key in ("function_call", "functionCall", "function") if one.get(key)), one)
        if isinstance(call, Mapping) and isinstance(call.get("name"), str):
            yield call


def _declared(tools: list[Any]) -> Iterator[Any]:
    for tool in tools:
        yield from tool.get("functionDeclarations") or tool.get("function_declarations") or []
        if tool.get("function"):
            yield tool["function"]


def _wrong(call: Mapping[str, Any], functions: list[Any]) -> str:
    """Say what is wrong with a call, or nothing."""
    name = call["name"]
    function = next((one for one in functions if isinstance(one, Mapping) and one.get("name") == name), None)
    if function is None:
        return f'The output calls "{name}", which is not configured'
    arguments = call.get("arguments", call.get("args", {}))
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments)
        except ValueError as error:
            return f'The arguments of "{name}" are no JSON: {error}'
    if not function.get("parameters"):
        return ""
    wrong = schema_check(function["parameters"])(arguments)
    return f'The arguments of "{name}" do not fit its schema: {wrong}' if wrong else ""


def _configured(context: ClaimContext, key: str) -> list[Any]:
    """Return the tools of the provider's config, from their file if they are in one."""
    config = context.provider.get("config") or {}
    found = config.get(key)
    if isinstance(found, str) and found.startswith("file://"):
        found = _load(Path(context.base, context.render(found.removeprefix("file://"), context.variables)))
    entries = found if isinstance(found, list) else []  # one that was a file may be several
    flat = (one for each in entries for one in (each if isinstance(each, list) else [each]))
    return [one for one in flat if isinstance(one, Mapping)]


def _load(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        return parse_json(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ClaimError(f"the tools cannot be read from {path}: {error}") from error


def _expected(claim: Claim) -> set[str]:
    value = claim.value.split(",") if isinstance(claim.value, str) else claim.value
    if not isinstance(value, list) or not value:
        raise ClaimError("tool-call-f1 needs a list of tool names, or a text with commas")
    return {to_text(one).strip() for one in value}


@foreseen_by(_expected)
def tool_call_f1(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the called tools are the expected ones: the F1 of the two sets reaches 1, or the threshold."""
    expected = _expected(claim)
    called = _called(reply.output)
    shared = len(expected & called)
    score = 2 * shared / (len(expected) + len(called)) if shared else 0.0
    threshold = 1 if claim.threshold is None else claim.threshold
    passed = score >= threshold - 1e-12
    seen = f"expected {', '.join(sorted(expected))}; called {', '.join(sorted(called)) or 'none'}"
    return judged(passed, score, f"The F1 of the tool calls {score:.3f} is less than {to_text(threshold)}: {seen}")


def _called(output: Any) -> set[str]:
    """Return the names of the tools that an output calls, in any of the shapes that providers use."""
    if not isinstance(output, str):
        return set(_names(output))
    try:
        return set(_names(parse_json(output)))
    except ValueError:
        return {name for block in _blocks(output) for name in _names(block)}


def _blocks(text: str) -> Iterator[Any]:
    """Give the JSON among other words: each piece begins a line and ends one, and may go over several."""
    at = 0
    while found := _BLOCK.search(text, at):
        begin = found.end()
        at = begin + 1
        try:
            block, end = _DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        if _END.match(text, end):
            at = end
            yield block


def _names(output: Any) -> Iterator[str]:
    if isinstance(output, list):
        for item in output:
            yield from _block(item, plain=True)
    elif isinstance(output, Mapping) and isinstance(output.get("tool_calls"), list):
        for call in output["tool_calls"]:
            yield from _block(call, plain=True)
    elif isinstance(output, Mapping) and isinstance(output.get("toolCall"), Mapping):
        for call in output["toolCall"].get("functionCalls") or []:
            yield from _block(call, plain=True)
    else:
        yield from _block(output, plain=False)


def _block(block: Any, *, plain: bool) -> Iterator[str]:
    """Give the name in one block; a bare `name` counts only where a call must stand."""
    if not isinstance(block, Mapping):
        return
    call = block.get("functionCall") or (block.get("function") if plain else None) or block
    counts = call is not block or plain or block.get("type") in ("tool_use", "function_call")
    if counts and isinstance(call, Mapping) and isinstance(call.get("name"), str):
        yield call["name"]


def _skills(claim: Claim) -> list[str] | _Uses:
    """Return the names that must be used, or how often some must; raises ClaimError."""
    value = [claim.value] if isinstance(claim.value, str) else claim.value
    if isinstance(value, list) and value and all(isinstance(one, str) and one.strip() for one in value):
        return [one.strip() for one in value]
    if isinstance(value, Mapping):
        return _uses(claim, value)
    raise ClaimError("skill-used needs a name, a list of names, or an object with name or pattern")


@foreseen_by(_skills)
def skill_used(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the skills of the value were used: all names, or between `min` and `max` uses of a name or pattern."""
    calls = reply.metadata.get("skillCalls")
    used = [
        call["name"]
        for call in (calls if isinstance(calls, list) else [])
        if isinstance(call, Mapping) and isinstance(call.get("name"), str) and call.get("is_error") is not True
    ]
    wanted = _skills(claim)
    return _all_used(claim, wanted, used) if isinstance(wanted, list) else _times_used(claim, wanted, used)


def _all_used(claim: Claim, wanted: list[str], used: list[str]) -> Verdict:
    """`not-` forbids every one of the names, not only all of them together."""
    missing = [one for one in wanted if one not in used]
    passed = len(missing) == len(wanted) if claim.negated else not missing
    seen = f"used: {', '.join(used) or 'none'}"
    word = "forbidden" if claim.negated else "required"
    return Verdict(passed=passed, score=float(passed), reason=f"{word} skills: {', '.join(wanted)}; {seen}", final=True)


class _Uses(NamedTuple):
    """Which skill is meant, by name or pattern, and how often it must be used."""

    name: str
    pattern: str
    low: int | None
    high: int | None


def _uses(claim: Claim, value: Mapping[str, Any]) -> _Uses:
    name, pattern = str(value.get("name") or "").strip(), str(value.get("pattern") or "").strip()
    if not name and not pattern:
        raise ClaimError("skill-used needs a name or a pattern")
    low, high = _bound(value, "min"), _bound(value, "max")
    if low is not None and high is not None and high < low:
        raise ClaimError(f"skill-used: min {low} is more than max {high}")
    if claim.negated and (low is not None or high):
        raise ClaimError("not-skill-used takes a name or a pattern, without min and max")
    return _Uses(name, pattern, low, high)


def _times_used(claim: Claim, uses: _Uses, used: list[str]) -> Verdict:
    name, pattern, low, high = uses
    found = [one for one in used if (not name or one == name) and (not pattern or fnmatch.fnmatchcase(one, pattern))]
    least = low if low is not None else (0 if high is not None else 1)
    passed = not found if claim.negated else least <= len(found) <= (len(found) if high is None else high)
    reason = f'"{pattern or name}" was used {len(found)} times; used: {", ".join(used) or "none"}'
    return Verdict(passed=passed, score=float(passed), reason=reason, final=True)


def _bound(value: Mapping[str, Any], key: str) -> int | None:
    found = value.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise ClaimError(f"skill-used: {key} must be a whole number from 0, not {json_text(found)}")
    return found
