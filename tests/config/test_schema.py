"""The schema for editors, held against every configuration that there is."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from sojourn.api import load
from sojourn.cli.app import run
from sojourn.config.files import parse_data
from sojourn.config.flags import Flags
from sojourn.config.schema import schema
from sojourn.errors import SojournError

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "src" / "sojourn" / "examples").glob("*/promptfooconfig*.yaml"))
CASES = sorted((ROOT / "tests" / "conformance" / "cases").glob("*/*/promptfooconfig.yaml"))

CHECK = fastjsonschema.compile(schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_example_is_as_the_schema_says(path: Path) -> None:
    """No editor points at anything in an example."""
    CHECK(parse_data(path.read_text(encoding="utf-8"), str(path), path.name))


def is_sound(path: Path) -> bool:
    """Whether nothing in a suite is wrong, and nothing doubtful."""
    try:
        asyncio.run(load([path.name], Flags(strict=True), cwd=path.parent, environ=os.environ))
    except SojournError:
        return False
    return True


def test_what_can_be_run_is_as_the_schema_says() -> None:
    """Of all suites that promptfoo was tried with, those in which Sojourn finds nothing wrong are right for editors."""
    sound = [path for path in CASES if is_sound(path)]
    assert len(sound) > len(CASES) / 2
    for path in sound:
        try:
            CHECK(parse_data(path.read_text(encoding="utf-8"), str(path), path.name))
        except fastjsonschema.JsonSchemaException as error:
            pytest.fail(f"{path.parent.name}: {error}")


RIGHT: dict[str, Any] = {"providers": ["echo"], "prompts": ["{{q}}"]}


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"test": []}, "data"),
        ({"tests": [{"asserts": []}]}, "data.tests[0]"),
        ({"tests": [{"assert": [{"type": "containz", "value": "x"}]}]}, "data.tests[0].assert[0].type"),
        ({"tests": [{"assert": [{"type": "contains", "values": "x"}]}]}, "data.tests[0].assert[0]"),
        (
            {"tests": [{"assert": [{"type": "assert-set", "assert": [{"typ": "x"}]}]}]},
            "data.tests[0].assert[0].assert[0]",
        ),
        ({"tests": [{"turns": [{"var": {}}]}]}, "data.tests[0].turns[0]"),
        ({"tests": [{"options": {"repeat": 0}}]}, "data.tests[0].options.repeat"),
        ({"tests": {"path": "x.py", "conf": {}}}, "data.tests"),
        ({"defaultTest": {"var": {}}}, "data.defaultTest"),
        ({"providers": [{"id": "echo", "lable": "x"}]}, "data.providers[0]"),
        ({"providers": [{"echo": {"lable": "x"}}]}, "data.providers[0].echo"),
        ({"providers": [7]}, "data.providers[0]"),
        ({"prompts": [{"raw": "x", "lable": "y"}]}, "data.prompts[0]"),
        ({"scenarios": [{"configs": []}]}, "data.scenarios[0]"),
        ({"sessions": {"db": {"kind": "sqlite", "scope": "suite"}}}, "data.sessions.db.scope"),
        ({"sessions": {"db": {"kind": "sqlite", "pool": {"maximum": 2}}}}, "data.sessions.db.pool"),
        ({"evaluateOptions": {"maxConcurency": 2}}, "data.evaluateOptions"),
        ({"commandLineOptions": {"table": "no"}}, "data.commandLineOptions.table"),
        ({"derivedMetrics": [{"nam": "x"}]}, "data.derivedMetrics[0]"),
    ],
)
def test_a_slip_is_pointed_at(wrong: dict[str, Any], place: str) -> None:
    """A wrong key, word or type is found where it stands."""
    CHECK(RIGHT)
    with pytest.raises(fastjsonschema.JsonSchemaValueException) as found:
        CHECK({**RIGHT, **wrong})
    assert found.value.name == place


@pytest.mark.parametrize(
    "right",
    [
        {"tests": ["file://more.csv", {"path": "x.py:make", "config": {"n": 3}}], "x-own": 1},
        {
            "tests": [
                {"vars": None, "options": {"temperature": 0.5}, "assert": [{"type": "not-contains", "value": "x"}]}
            ]
        },
        {"tests": [{"assert": [{"$ref": "#/assertionTemplates/polite"}]}]},
        {"providers": [{"openai:gpt-4.1": {"config": {"temperature": 0}}}, {"echo": None}]},
        {"sessions": "file://sessions.py"},
    ],
)
def test_what_is_right_is_let_be(right: dict[str, Any]) -> None:
    """References, files, options for the provider, keys left empty."""
    CHECK({**RIGHT, **right})


def test_the_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """`sojourn schema` prints what editors read."""
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(schema()))
