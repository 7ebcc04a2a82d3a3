"""A trace read as what an agent did: a step for each span, of a type and with the names that it may be called by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

_NO_NAME = ("result", "output", "definition")
_NO_ARGUMENTS = ("result", "output", "error", "status")
_ARGUMENTS = ("arguments", "args", "input")
_SEARCHES = frozenset({"search", "find", "lookup", "retrieve", "retrieval"})
_SHELLS = frozenset({"exec_command", "local_shell", "shell"})
_NOTHING = object()


class Step(msgspec.Struct, frozen=True):
    """One thing that an agent did; `arguments` is `MISSING` where none were told."""

    type: str
    name: str
    names: frozenset[str]
    arguments: Any = _NOTHING

    def __str__(self) -> str:
        return f"{self.type}:{self.name}"


MISSING = _NOTHING


def step_of(span: Mapping[str, Any], shells: Iterable[str] = ()) -> Step:
    """Read a span as a step: a tool, a command, a search, reasoning, a message, or a mere span.

    `shells` are tools that run commands, besides those that everybody knows.
    """
    running = _SHELLS.union(shells)
    title = str(span.get("name") or "")
    told = span.get("attributes")
    attributes: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    tool = _tool(title, attributes)
    arguments = _arguments(attributes)
    command = _command(title, attributes, arguments, is_shell=tool.lower() in running)
    if command and (not tool or tool.lower() in running):
        names = {title, command, command.split()[0], tool or command}
        return Step("command", command, frozenset(names), arguments if tool else MISSING)
    if tool:
        return Step("tool", tool, frozenset({title, tool}), arguments)
    query = _query(title, attributes)
    if query:
        return Step("search", query, frozenset({title, query}))
    item = attributes.get("codex.item.type")
    if item == "reasoning" or re.match(r"reasoning(?:[_\s]|$)", title, re.IGNORECASE):
        return Step("reasoning", title, frozenset({title, "reasoning"}))
    if item == "agent_message" or title in ("agent response", "send input"):
        return Step("message", title, frozenset({title, "message"}))
    return Step("span", title, frozenset({title}))


def _tool(title: str, attributes: Mapping[str, Any]) -> str:
    for key in sorted(attributes, key=lambda key: not key.lower().endswith("name")):
        value = attributes[key]
        if not isinstance(value, str) or not value.strip() or _is_data(value):
            continue
        if _names_a_tool(key.lower()):
            return value.strip()
    return title.rpartition("/")[2].strip() if title.startswith("mcp ") and "/" in title else ""


def _names_a_tool(key: str) -> bool:
    """Tell whether an attribute is the name of a tool: `tool_name`, `function.name`, or `tool` as a part of its own."""
    if key.endswith("name") or not _holds(key, _NO_NAME):
        letters = "".join(filter(str.isalpha, key))
        named = _holds(letters, ("toolname", "toolcallname", "functionname"))
        return named or "tool" in re.split("[._]", key)
    return False


def _holds(text: str, words: Iterable[str]) -> bool:
    return any(word in text for word in words)


def _is_data(text: str) -> bool:
    return text.lstrip().startswith(("{", "[")) and isinstance(_parsed(text), dict | list)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value.strip()


def _arguments(attributes: Mapping[str, Any]) -> Any:
    named = (key for key in attributes if key.lower().endswith(_ARGUMENTS))
    placed = (key for key in attributes if not set(_ARGUMENTS).isdisjoint(re.split("[._]", key.lower())))
    for key in [*named, *placed]:
        value = attributes[key]
        if not _holds(key.lower(), _NO_ARGUMENTS) and value is not None and value != "":
            return _parsed(value)
    return MISSING


def _command(title: str, attributes: Mapping[str, Any], arguments: Any, *, is_shell: bool) -> str:
    for key, value in attributes.items():
        named = "command" in key and not _holds(key.lower(), _NO_NAME)
        if named and isinstance(value, str) and value.strip():
            return value.strip()
    if is_shell and isinstance(arguments, Mapping):
        told = next((arguments[key] for key in ("cmd", "command", "commands") if key in arguments), "")
        return " ".join(map(str, told)).strip() if isinstance(told, list) else str(told).strip()
    return title.removeprefix("exec ").strip() if title.startswith("exec ") else ""


def _query(title: str, attributes: Mapping[str, Any]) -> str:
    for key in ("codex.search.query", "search.query", "search_query"):
        if isinstance(attributes.get(key), str) and attributes[key].strip():
            return str(attributes[key]).strip()
    told = attributes.get("query")
    if isinstance(told, str) and told.strip() and any(map(_is_search, (title, *attributes))):
        return told.strip()
    return title.removeprefix("search ").strip('" ') if title.startswith("search ") else ""


def _is_search(name: str) -> bool:
    return not _SEARCHES.isdisjoint(re.split(r"[\s._:/-]", name.lower()))


def told_briefly(steps: Iterable[Step]) -> str:
    """Name steps for people, or say that there are none."""
    return ", ".join(map(str, steps)) or "(none)"
