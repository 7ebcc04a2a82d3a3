"""What the items of an answer of OpenAI's Responses service say, in promptfoo's words."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sojourn.model.suite import JsonDict
from sojourn.template.jsontext import json_text
from sojourn.template.values import to_text


def said(items: list[JsonDict], config: JsonDict) -> Any:
    """Return what the items of an answer say: a refusal, text, or the JSON that a schema asked for."""
    if refused := refusals(items):
        return refused[-1]
    output = "\n".join(text for item in items if (text := _text(item, config)))
    if is_schema(config.get("response_format")):
        with contextlib.suppress(ValueError):
            return json.loads(output)
    return output


def is_schema(wanted: Any) -> bool:
    """Tell whether an answer is read as the JSON that a schema asked for: never for a file, as in promptfoo's chats."""
    return isinstance(wanted, Mapping) and wanted.get("type") == "json_schema"


def refusals(items: Iterable[JsonDict]) -> list[str]:
    """Return the texts by which a model refuses."""
    return [str(each.get("refusal") or "") for each in _contents(items) if each.get("type") == "refusal"]


def sources(items: Iterable[JsonDict]) -> list[Any]:
    """Return the sources that texts cite."""
    texts = (each for each in _contents(items) if each.get("type") == "output_text")
    return [one for each in texts for one in each.get("annotations") or []]


def text_item(text: str) -> JsonDict:
    """Return a text as an item of such an answer."""
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


def _contents(items: Iterable[JsonDict]) -> Iterable[JsonDict]:
    return (each for item in items if item.get("type") == "message" for each in item.get("content") or [])


def _text(item: JsonDict, config: JsonDict) -> str:
    """Return what one item says; items that nobody has words for say nothing."""
    kind = item.get("type")
    if kind == "reasoning" and config.get("showThinking") is False:
        return ""
    tell = _TELLERS.get(str(kind))
    return tell(item) if tell else ""


def _message(item: JsonDict) -> str:
    return "".join(str(each.get("text") or "") for each in _contents([item]) if each.get("type") == "output_text")


def _thought(item: JsonDict) -> str:
    told = "\n".join(str(each.get("text") or "") for each in item.get("summary") or [])
    return f"Reasoning: {told}" if told else ""


def _search(item: JsonDict) -> str:
    action = item.get("action")
    if not isinstance(action, dict):
        return _failed(f"Web Search Call (status: {item.get('status') or 'unknown'})", item)
    kind = action.get("type")
    words = {
        "search": f'Web Search: "{_sought(action, "query", "queries")}"',
        "open_page": f"Opening page: {to_text(action.get('url') or '')}",
        "find_in_page": f'Finding in page: "{_sought(action, "query", "pattern")}"',
    }
    return _failed(words.get(str(kind), f"Web action: {kind}"), item)


def _sought(action: JsonDict, *keys: str) -> str:
    found = next((action[key] for key in keys if action.get(key)), "")
    return ", ".join(map(to_text, found)) if isinstance(found, list) else to_text(found)


def _code(item: JsonDict) -> str:
    return _failed(f"Code Interpreter: {item.get('code') or 'Running code...'}", item)


def _failed(text: str, item: JsonDict) -> str:
    error = item.get("error")
    return f"{text} (Error: {to_text(error)})" if item.get("status") == "failed" and error else text


def _listed(item: JsonDict) -> str:
    return f"MCP Tools from {item.get('server_label')}: {json_text(item.get('tools') or [], '  ')}"


def _called(item: JsonDict) -> str:
    error = item.get("error")
    if error:
        return f"MCP Tool Error ({item.get('name')}): {error if isinstance(error, str) else json_text(error)}"
    return f"MCP Tool Result ({item.get('name')}): {to_text(item.get('output'))}"


def _asked_for(item: JsonDict) -> str:
    name = f"{item.get('server_label')}.{item.get('name')}"
    return f"MCP Approval Required for {name}: {to_text(item.get('arguments'))}"


_TELLERS: dict[str, Callable[[JsonDict], str]] = {
    "message": _message,
    "reasoning": _thought,
    "function_call": json_text,
    "tool_result": json_text,
    "web_search_call": _search,
    "code_interpreter_call": _code,
    "mcp_list_tools": _listed,
    "mcp_call": _called,
    "mcp_approval_request": _asked_for,
}
