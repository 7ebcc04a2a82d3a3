"""`functionToolCallbacks`: functions of the suite's that a model may call; what they return is the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Tools
from sojourn.providers.expressions import Broken, Expression
from sojourn.providers.openai_items import said, text_item
from sojourn.template.values import to_text

KEY = "functionToolCallbacks"


class Callbacks:
    """By the name of the function: `file://tools.js:name`, `file://tools.py:name`, or a function in JavaScript."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        written = spec.config.get(KEY) or {}
        if not isinstance(written, Mapping):
            raise ProviderError(f"{KEY} must map names to functions, not {written!r}")
        base = spec.base or str(tools.base)
        self._functions = {
            str(name): Expression(f"{KEY}.{name}", each, "tool", tools, base) for name, each in written.items()
        }

    async def answered(self, reply: Reply) -> Reply:
        """Return the reply with what the called functions returned as its output; one that breaks leaves it be."""
        results: list[str] = []
        for name, arguments in _calls(reply.output) if self._functions else ():
            if name not in self._functions:
                continue
            try:
                results.append(_told(await self._functions[name](arguments)))
            except Broken as broken:
                return structs.replace(reply, printed=f"{reply.printed}{broken}\n")
        return structs.replace(reply, output="\n".join(results)) if results else reply

    async def answered_items(self, reply: Reply, config: JsonDict) -> Reply:
        """Return a reply of the Responses service with what functions returned in the place of the calls to them.

        One that breaks leaves its own call be.
        """
        items = (reply.extra.get("raw") or {}).get("output") or []
        if not any(self._has(item) for item in items):
            return reply
        told, printed = [], reply.printed
        for item in items:
            try:
                told.append(text_item(await self._result(item)) if self._has(item) else item)
            except Broken as broken:
                told.append(item)
                printed += f"{broken}\n"
        return structs.replace(reply, output=said(told, config), printed=printed)

    def _has(self, item: JsonDict) -> bool:
        return item.get("type") == "function_call" and item.get("name") in self._functions

    async def _result(self, item: JsonDict) -> str:
        return _told(await self._functions[item["name"]](item.get("arguments")))


def _calls(output: Any) -> list[tuple[str, Any]]:
    """Return names and arguments of the calls in a model's answer, in whichever of OpenAI's shapes."""
    if isinstance(output, Mapping) and not ("name" in output and "arguments" in output):
        output = output.get("tool_calls") or [output.get("function_call")]
    calls = output if isinstance(output, list) else [output]
    told = [call.get("function") or call for call in calls if isinstance(call, Mapping)]
    return [(str(call.get("name")), call.get("arguments")) for call in told if isinstance(call, Mapping)]


def _told(value: Any) -> str:
    if value is None:
        return ""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, dict | list)
        else to_text(value)
    )
