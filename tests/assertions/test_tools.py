from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.verdict import Verdict

Judge = Callable[..., Verdict]
BOOK = {
    "name": "book",
    "parameters": {"type": "object", "required": ["seats"], "properties": {"seats": {"type": "integer"}}},
}
TOOLS = [{"type": "function", "function": BOOK}]


def call(arguments: str, name: str = "book") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("output", "passed"),
    [
        ([call('{"seats": 2}')], True),
        ({"tool_calls": [call('{"seats": 2}')]}, True),
        ([call('{"seats": "two"}')], False),
        ([call('{"seats": 2,')], False),
        ([call("{}", "unknown")], False),
        ([], False),
        ("words", False),
        ("MCP Tool Result (search): found", True),
        ("MCP Tool Error (search): down", False),
    ],
)
def test_tools_calls(judge: Judge, tmp_path: Path, output: Any, *, passed: bool) -> None:
    """Each call must name a configured tool and give arguments that fit; the tools may be in a file."""
    (tmp_path / "tools.json").write_text(json.dumps(TOOLS))
    for config in ({"tools": TOOLS}, {"tools": "file://tools.json"}):
        assert judge("is-valid-openai-tools-call", output, provider={"config": config}).passed is passed


def test_function_calls(judge: Judge) -> None:
    """A single call, in the shapes of OpenAI and Google, is checked against functions and tools."""
    for config in ({"functions": [BOOK]}, {"tools": TOOLS}, {"tools": [{"functionDeclarations": [BOOK]}]}):
        for output in (
            {"name": "book", "arguments": '{"seats": 1}'},
            '{"function_call": {"name": "book", "arguments": "{\\"seats\\": 1}"}}',
            [{"functionCall": {"name": "book", "args": {"seats": 1}}}],
        ):
            assert judge("is-valid-function-call", output, provider={"config": config}).passed
        assert not judge(
            "is-valid-openai-function-call", {"name": "book", "arguments": "{}"}, provider={"config": config}
        ).passed
    assert not judge("is-valid-function-call", "words", provider={"config": {"functions": [BOOK]}}).passed
    assert not judge("is-valid-function-call", {"name": "book"}).passed


@pytest.mark.parametrize(
    ("output", "score"),
    [
        ({"tool_calls": [call("{}", "a")]}, 1.0),
        ([{"type": "tool_use", "name": "a"}, {"type": "text", "text": "hi"}], 1.0),
        ([{"functionCall": {"name": "a"}}, {"functionCall": {"name": "b"}}], 2 / 3),
        ({"toolCall": {"functionCalls": [{"name": "a"}]}}, 1.0),
        ('text\n{"type": "tool_use", "name": "a"}\n', 1.0),
        ('see\n  {\n "type": "function_call",\n "name": "a"\n}\t\n[1\n{"functionCall": {"name": "b"}}', 2 / 3),
        ('{"type": "tool_use", "name": "a"} for example', 0.0),
        ({"type": "function_call", "name": "a", "arguments": "{}"}, 1.0),
        ([{"name": "a"}], 1.0),
        ({"name": "a"}, 0.0),
        ("I will use a", 0.0),
    ],
)
def test_f1_of_tool_calls(judge: Judge, output: Any, score: float) -> None:
    """The names of called tools are found in the shapes of every provider."""
    verdict = judge("tool-call-f1", output, value=["a"], threshold=0.7)
    assert verdict.score == pytest.approx(score)
    assert verdict.passed is (score >= 0.7)


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("skill-used", "lint", True),
        ("skill-used", ["lint", "review"], True),
        ("skill-used", ["lint", "deploy"], False),
        ("not-skill-used", "deploy", True),
        ("not-skill-used", ["lint", "deploy"], False),
        ("skill-used", {"pattern": "li*", "min": 2}, True),
        ("skill-used", {"name": "lint", "max": 1}, False),
        ("skill-used", {"name": "deploy", "max": 1}, True),
        ("not-skill-used", {"pattern": "x*"}, True),
    ],
)
def test_skills(judge: Judge, name: str, value: Any, *, passed: bool) -> None:
    """Skills are counted by name or pattern; those that ended in an error do not count."""
    calls = [{"name": "lint"}, {"name": "lint"}, {"name": "review"}, {"name": "deploy", "is_error": True}]
    verdict = judge(name, reply=Reply(output="x", metadata={"skillCalls": calls}), value=value)
    assert (verdict.passed, verdict.final) == (passed, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("skill-used", None),
        ("skill-used", {"min": 1}),
        ("skill-used", {"name": "a", "min": -1}),
        ("skill-used", {"name": "a", "min": 2, "max": 1}),
        ("not-skill-used", {"name": "a", "min": 1}),
        ("tool-call-f1", []),
    ],
)
def test_unclear_demands_are_no_verdict(judge: Judge, name: str, value: Any) -> None:
    """A demand that cannot be understood is a ClaimError."""
    with pytest.raises(ClaimError):
        judge(name, "x", value=value)
