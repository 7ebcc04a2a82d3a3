"""Tools, and the choice among them, from OpenAI's shape into that of another service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sojourn.model.suite import JsonDict

FORMATS = ("openai", "anthropic", "bedrock", "google")

_CHOICES: Mapping[str, JsonDict] = {
    "anthropic": {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}},
    "bedrock": {"auto": {"auto": {}}, "none": None, "required": {"any": {}}},
    "google": {
        word: {"functionCallingConfig": {"mode": mode}}
        for word, mode in (("auto", "AUTO"), ("none", "NONE"), ("required", "ANY"))
    },
    "responses": {},
}
"""What a choice in one word is in other forms; OpenAI's Responses service has the words of its chats."""

_NO_PARAMETERS = {"type": "object", "properties": {}}
_NOT_GOOGLES = ("$ref", "$schema", "additionalProperties", "default")
"""Keys of a schema that Google's services refuse."""


def shaped_tools(tools: Any, form: str) -> Any:
    """Return tools as services of a form want them; a tool that is not in OpenAI's shape stays as it is."""
    if form not in _CHOICES or not isinstance(tools, list):
        return tools
    if form == "google":
        declared = [_declared(each["function"]) for each in tools if _is_function(each)]
        others = [each for each in tools if not _is_function(each)]
        return [{"functionDeclarations": declared}, *others] if declared else tools
    make = {"anthropic": _of_anthropic, "bedrock": _of_bedrock, "responses": _unwrapped}[form]
    return [make(each["function"]) if _is_function(each) else each for each in tools]


def shaped_choice(choice: Any, form: str) -> Any:
    """Return the choice as services of a form want it, None where they have no word for it; others stay as they are."""
    if form not in _CHOICES:
        return choice
    if isinstance(choice, str):
        return _CHOICES[form].get(choice, choice)
    if not _is_function(choice):
        return choice
    name = choice["function"]["name"]
    if form == "google":
        return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}
    named = {"anthropic": {"type": "tool", "name": name}, "responses": {"type": "function", "name": name}}
    return named.get(form, {"tool": {"name": name}})


def _is_function(said: Any) -> bool:
    function = said.get("function") if isinstance(said, Mapping) and said.get("type") == "function" else None
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)


def _named(function: JsonDict) -> JsonDict:
    return {key: function[key] for key in ("name", "description") if function.get(key)}


def _of_anthropic(function: JsonDict) -> JsonDict:
    return {**_named(function), "input_schema": function.get("parameters") or _NO_PARAMETERS}


def _unwrapped(function: JsonDict) -> JsonDict:
    return {"type": "function", **function}


def _of_bedrock(function: JsonDict) -> JsonDict:
    return {"toolSpec": {**_named(function), "inputSchema": {"json": function.get("parameters") or _NO_PARAMETERS}}}


def _declared(function: JsonDict) -> JsonDict:
    parameters = function.get("parameters")
    return _named(function) | ({"parameters": _of_google(parameters)} if parameters else {})


def _of_google(schema: Any) -> Any:
    """Write types in capitals, and leave out what Google's services refuse, at any depth."""
    if not isinstance(schema, Mapping):
        return schema
    made = {key: value for key, value in schema.items() if key not in _NOT_GOOGLES}
    if isinstance(made.get("type"), str):
        made["type"] = made["type"].upper()
    if isinstance(made.get("properties"), Mapping):
        made["properties"] = {name: _of_google(value) for name, value in made["properties"].items()}
    if "items" in made:
        made["items"] = _of_google(made["items"])
    return made
