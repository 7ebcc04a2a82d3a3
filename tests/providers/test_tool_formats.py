from __future__ import annotations

from typing import Any

import pytest

from sojourn.providers.tool_formats import shaped_choice, shaped_tools

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
CITY = {"type": "function", "function": {"name": "city", "description": "D", "strict": True, "parameters": SCHEMA}}
BARE = {"type": "function", "function": {"name": "bare"}}
NONE: dict[str, Any] = {"type": "object", "properties": {}}
OWN = {"type": "web_search_1", "name": "web_search"}
GOOGLES = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}


@pytest.mark.parametrize(
    ("form", "tools"),
    [
        ("openai", [CITY, BARE, OWN]),
        (
            "anthropic",
            [
                {"name": "city", "description": "D", "input_schema": SCHEMA},
                {"name": "bare", "input_schema": NONE},
                OWN,
            ],
        ),
        (
            "bedrock",
            [
                {"toolSpec": {"name": "city", "description": "D", "inputSchema": {"json": SCHEMA}}},
                {"toolSpec": {"name": "bare", "inputSchema": {"json": NONE}}},
                OWN,
            ],
        ),
        (
            "responses",
            [
                {"type": "function", "name": "city", "description": "D", "strict": True, "parameters": SCHEMA},
                {"type": "function", "name": "bare"},
                OWN,
            ],
        ),
        (
            "google",
            [
                {
                    "functionDeclarations": [
                        {"name": "city", "description": "D", "parameters": GOOGLES},
                        {"name": "bare"},
                    ]
                },
                OWN,
            ],
        ),
    ],
)
def test_tools_take_the_shape_of_a_service(form: str, tools: list[Any]) -> None:
    """What is in OpenAI's shape is put into that of the service; what is not stays as it is, and so do texts."""
    assert shaped_tools([CITY, BARE, OWN], form) == tools
    assert shaped_tools([OWN], form) == [OWN]
    assert shaped_tools("{{tools}}", form) == "{{tools}}"


def test_google_gets_schemas_that_it_takes_at_any_depth() -> None:
    """Types stand in capitals, and keys that are refused are gone; a property may have the name of such a key."""
    inner = {"type": "object", "properties": {"default": {"type": "boolean", "default": True, "enum": [True]}}}
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "array", "items": inner, "$schema": "s"}},
    }
    [made] = shaped_tools([tool], "google")
    assert made["functionDeclarations"][0]["parameters"] == {
        "type": "ARRAY",
        "items": {"type": "OBJECT", "properties": {"default": {"type": "BOOLEAN", "enum": [True]}}},
    }


@pytest.mark.parametrize(
    ("form", "made"),
    [
        ("openai", ["auto", "none", "required", {"type": "function", "function": {"name": "f"}}]),
        ("anthropic", [{"type": "auto"}, {"type": "none"}, {"type": "any"}, {"type": "tool", "name": "f"}]),
        ("responses", ["auto", "none", "required", {"type": "function", "name": "f"}]),
        ("bedrock", [{"auto": {}}, None, {"any": {}}, {"tool": {"name": "f"}}]),
        (
            "google",
            [
                {"functionCallingConfig": {"mode": "AUTO"}},
                {"functionCallingConfig": {"mode": "NONE"}},
                {"functionCallingConfig": {"mode": "ANY"}},
                {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            ],
        ),
    ],
)
def test_the_choice_takes_the_shape_of_a_service(form: str, made: list[Any]) -> None:
    """Each of OpenAI's choices has its counterpart; another stays as it is."""
    choices = ["auto", "none", "required", {"type": "function", "function": {"name": "f"}}]
    assert [shaped_choice(choice, form) for choice in choices] == made
    assert [shaped_choice(other, form) for other in ("x", {"type": "any"}, None)] == ["x", {"type": "any"}, None]
