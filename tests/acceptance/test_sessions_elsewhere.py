"""Sessions in providers of languages in which none live: their handles."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import pytest

from tests.acceptance.suites import Evaluate, asked

GO = """package main

type object = map[string]interface{}

func CallApi(prompt string, options object, ctx object) (object, error) {
	sessions := ctx["sessions"].(object)
	return object{"output": sessions["db"]}, nil
}
"""
RUBY = "def call_api(prompt, options, context)\n  { 'output' => context['sessions']['db'] }\nend\n"
PROGRAM = "import json, sys; print(json.dumps(json.loads(sys.argv[3])['sessions']['db']))"


@pytest.mark.parametrize(
    ("entry", "files", "needs"),
    [
        ("file://bot.go", {"bot.go": GO}, "go"),
        ("file://bot.rb", {"bot.rb": RUBY}, "ruby"),
        (f"exec:{sys.executable} bot.py", {"bot.py": PROGRAM}, sys.executable),
    ],
)
def test_a_session_is_its_handle(evaluate: Evaluate, entry: str, files: dict[str, str], needs: str) -> None:
    """Go, Ruby and programs are given what a session says of itself, and nothing of ours around it."""
    if shutil.which(needs) is None:
        pytest.skip(f"needs {needs}")
    provider = {"id": entry, "sessions": ["db"]}
    run = evaluate(asked("hi", providers=[provider], sessions={"db": {"kind": "sqlite"}}), files)

    [output] = run.outputs
    told: dict[str, Any] = json.loads(output) if isinstance(output, str) else output
    assert list(told) == ["path"], run.shown
