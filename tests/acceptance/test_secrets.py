"""A planted key turns up nowhere, whatever users' code does with it."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.suites import Evaluate

KEY = "sk-Pl4nt3d-k3y-9876"
OTHER = "c0nf1gured-s3cret-5555"

BOT = """
import base64, os, sqlite3, sys
key = os.environ["MY_API_KEY"]
def stored():
    with sqlite3.connect(os.path.join(os.environ["SOJOURN_HOME"], "runs.sqlite")) as store:
        [[count]] = store.execute("SELECT count(*) FROM trials").fetchall()
    store.close()
    return count
def call_api(prompt, options, context):
    other = options["config"]["apiKey"]
    print("calling with", key, other)
    sys.stderr.write(f"and with {key}\\n")
    while prompt.startswith("hi") and not stored(): pass
    if "fail" in prompt:
        raise ValueError(f"401 for {key}")
    basic = base64.b64encode(f"me:{key}".encode()).decode()
    return {"output": f"{prompt} {key} {basic} {other}", "metadata": {"header": f"Bearer {key}"}}
def get_assert(output, context):
    return {"pass": "odd" not in output, "score": 1, "reason": f"{key} is in it"}
class Box:
    def open(self): return None
    def handle(self): return {"id": key}
    def close(self): raise ValueError(f"cannot close with {key}")
def around(hook, context):
    if hook == "beforeAll": print("hook", key)
    if hook == "afterAll":
        assert any(key in str(row) for row in context["results"])
        raise ValueError(f"after all {key}")
"""
FILES = {"bot.py": BOT}
EVERY = ("out.csv", "out.html", "out.jsonl", "out.junit.xml", "out.md", "out.txt", "out.xml", "out.yaml")


@pytest.mark.parametrize("extensions", [["file://bot.py:around"], []], ids=["results in memory", "read back"])
def test_it_is_in_no_file_and_on_no_screen(evaluate: Evaluate, tmp_path: Path, extensions: list[str]) -> None:
    """Answers, reasons, errors, prints, handles, metadata and prompts: the key is blanked in every output."""
    ended = evaluate(
        {
            "prompts": ["{{q}} {{env.MY_API_KEY}}"],
            "providers": [{"id": "file://bot.py", "config": {"apiKey": OTHER}, "sessions": ["box"]}],
            "sessions": {"box": {"kind": "file://bot.py:Box", "scope": "trial"}},
            "extensions": extensions,
            "tests": [
                {
                    "description": f"says {KEY}",
                    "vars": {"q": "odd"},
                    "assert": [{"type": "python", "value": "file://bot.py"}],
                },
                {"vars": {"q": f"fail {KEY}"}, "assert": [{"type": "contains", "value": KEY}]},
                {"vars": {"q": "hi"}, "assert": [{"type": "not-contains", "value": KEY}]},
            ],
        },
        FILES,
        "-o",
        *EVERY,
        "--var",
        f"mine={KEY}",
        MY_API_KEY=KEY,
    )
    assert ended.outcomes == ["failed", "error", "failed"]
    hidden = [
        KEY,
        OTHER,
        base64.b64encode(KEY.encode()).decode()[:20],
        base64.b64encode(f"me:{KEY}".encode()).decode()[6:20],
    ]
    assert [each for each in hidden if each in ended.shown] == []
    assert "[REDACTED]" in ended.shown
    suite = {ended.folder / "bot.py", ended.folder / "promptfooconfig.yaml"}
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path not in suite]
    assert {path.name for path in written} >= {"out.json", *EVERY, "runs.sqlite"}
    found = [(path.name, each) for path in written for each in hidden if each.encode() in path.read_bytes()]
    assert found == []
    with sqlite3.connect(tmp_path / "home" / "runs.sqlite") as store:
        told = (
            store.execute("SELECT asked, document FROM runs").fetchall()
            + store.execute("SELECT row FROM rows").fetchall()
        )
    store.close()
    assert "[REDACTED]" in str(told)
