"""Forms of an answer, schemas and tools, from files and of a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.suites import Evaluate
from tests.providers.conftest import Ask
from tests.providers.models import TOOL, asked_model, message
from tests.providers.service import Service

FORM = {"type": "json_schema", "json_schema": {"name": "f", "strict": True, "schema": "file://schema.yaml"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "number"}}}


def in_files(folder: Path) -> str:
    """Write the form of an answer to a file, and its schema to another."""
    (folder / "form-w.json").write_text(json.dumps(FORM))
    (folder / "schema.yaml").write_text(json.dumps(SCHEMA))
    return "file://./form-{{word}}.json"


def test_form_from_a_file(ask: Ask, service: Service, tmp_path: Path) -> None:
    """A chat is sent what is in the files; what it answers stays a text."""
    form = in_files(tmp_path)
    reply = asked_model(ask, service, "openai:chat:gpt-4o", message('{"a": 1}'), response_format=form)

    sent = {"type": "json_schema", "json_schema": {"name": "f", "strict": True, "schema": SCHEMA}}
    assert service.bodies[0]["response_format"] == sent
    assert reply.output == '{"a": 1}'


def test_form_of_a_response_from_a_file(ask: Ask, service: Service, tmp_path: Path) -> None:
    """A response is read as JSON there."""
    form = in_files(tmp_path)
    answer = {"output": [{"type": "message", "content": [{"type": "output_text", "text": '{"a": 1}'}]}]}
    reply = asked_model(ask, service, "openai:responses:gpt-4o", answer, response_format=form)

    sent = {"type": "json_schema", "name": "f", "strict": True, "schema": SCHEMA}
    assert service.bodies[0]["text"] == {"format": sent}
    assert reply.output == {"a": 1}


def test_schema_beside_its_type(ask: Ask, service: Service, tmp_path: Path) -> None:
    """A schema need not be wrapped; one that is no form at all is not sent to the Responses service."""
    in_files(tmp_path)
    bare = {"type": "json_schema", "name": "b", "schema": "file://schema.yaml"}
    asked_model(ask, service, "openai:responses:gpt-4o", {"output": []}, response_format=bare)
    asked_model(ask, service, "openai:responses:gpt-4o", {"output": []}, response_format="file://schema.yaml")

    sent = {"type": "json_schema", "name": "b", "strict": True, "schema": SCHEMA}
    assert [body.get("text") for body in service.bodies] == [{"format": sent}, None]


def test_form_and_tools_of_a_test(evaluate: Evaluate, service: Service) -> None:
    """A test names its own files, from the suite's folder."""
    service.will(body=message('{"a": 1}'))
    model = {"id": "openai:chat:m", "config": {"apiBaseUrl": service.url, "apiKey": "k"}}
    options = {"response_format": "file://form-w.json", "tools": "file://tools.json"}
    claim = {"type": "javascript", "value": "output === '{\"a\": 1}'"}
    tests = [{"options": options, "assert": [claim]}]
    files = {"form-w.json": json.dumps(FORM), "schema.yaml": json.dumps(SCHEMA), "tools.json": json.dumps([TOOL])}
    run = evaluate({"providers": [model], "prompts": ["p"], "tests": tests}, files)

    assert [row["success"] for row in run.rows] == [True]
    assert service.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert service.bodies[0]["tools"] == [TOOL]


def test_each_of_several_files_may_hold_several_tools(evaluate: Evaluate, service: Service) -> None:
    """They are sent as one list, from a provider's configuration and from a test, and assertions know them all."""
    answer = message(None, tool_calls=[{"type": "function", "function": {"name": "two", "arguments": "{}"}}])
    one, two, three = ({"type": "function", "function": {"name": name}} for name in ("one", "two", "three"))
    listed = ["file://one.json", "file://more.json"]
    model = {"id": "openai:chat:m", "config": {"apiBaseUrl": service.url, "apiKey": "k", "tools": listed}}
    valid = [{"type": "is-valid-openai-tools-call"}]
    tests = [{"vars": {"x": 1}, "assert": valid}, {"vars": {"x": 2}, "options": {"tools": listed}}]
    files = {"one.json": json.dumps(one), "more.json": json.dumps([two, three])}
    service.will(body=answer)
    run = evaluate({"providers": [model], "prompts": ["p {{x}}"], "tests": tests}, files)

    assert run.rows[0]["success"]
    assert [body["tools"] for body in service.bodies] == [[one, two, three]] * 2


def test_files_that_a_tests_vars_name(evaluate: Evaluate, service: Service) -> None:
    """In a provider's configuration, too, the vars of a test may say which file is meant; others are unharmed."""
    service.will(body=message('{"a": 1}'))
    form = {**FORM, "json_schema": {"name": "f", "schema": "file://{{form}}.yaml"}}
    config = {"apiBaseUrl": service.url, "apiKey": "k", "tools": "file://{{form}}.json", "response_format": form}
    tests = [{"vars": {"form": "schema"}}, {"vars": {"form": "none"}}]
    files = {"schema.yaml": json.dumps(SCHEMA), "schema.json": json.dumps([TOOL])}
    suite = {"providers": [{"id": "openai:chat:m", "config": config}], "prompts": ["p"], "tests": tests}
    run = evaluate(suite, files)

    assert run.outcomes == ["passed", "error"]
    assert service.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert service.bodies[0]["tools"] == [TOOL]
    assert run.rows[1]["error"] == "file://none.json cannot be read: No such file or directory"


def test_form_that_is_not_there(evaluate: Evaluate, ask: Ask, service: Service) -> None:
    """A file that is not there is told of at once, or in the row where a test names it."""
    reply = asked_model(ask, service, "openai:chat:m", message(), response_format="file://no-{{word}}.json")
    assert reply.error == "file://no-w.json cannot be read: No such file or directory"
    model = {"id": "openai:chat:m", "config": {"response_format": "file://none.json"}}
    assert "no such file: none.json" in evaluate({"providers": [model], "prompts": ["p"]}, {}).shown


@pytest.mark.parametrize(("effort", "sent"), [("low", None), ("none", 0.5)])
def test_a_model_that_thinks_is_not_told_how_to_sample(ask: Ask, service: Service, effort: str, sent: Any) -> None:
    """The Responses service refuses `top_p` beside thinking, so that it goes along only where there is none."""
    asked_model(ask, service, "openai:responses:gpt-5.1", {}, reasoning={"effort": effort}, top_p=0.5)

    assert service.bodies[0].get("top_p") == sent
