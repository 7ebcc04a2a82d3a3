"""The suites that are measured, written small; JSON, so that reading them is not what is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CODE = """
import asyncio
import time
import uuid


def noop(prompt, options, context):
    return {"output": prompt}


async def sleep100(prompt, options, context):
    begun = time.time()
    await asyncio.sleep(0.1)
    session = context["vars"].get("sessionId")
    told = {"sessionId": session} if session else {}
    return {"output": f"{prompt} @{begun:.4f}-{time.time():.4f}", **told}


class Thread:
    def open(self):
        self.turns = 0


async def turn(prompt, options, context):
    begun = time.time()
    thread = context["sessions"]["thread"]
    thread.turns += 1
    number = thread.turns
    await asyncio.sleep(0.02)
    return {"output": f"turn {number} of {prompt} @{begun:.4f}-{time.time():.4f}"}


def own_session(hook_name, context):
    if hook_name == "beforeEach":
        test = context["test"]
        return {"test": {**test, "vars": {**test["vars"], "sessionId": uuid.uuid4().hex}}}
"""


def conversations(count: int, turns: int) -> dict[str, Any]:
    """Return what makes a suite of so many conversations, each with a session of its own and turns in order."""
    told = [
        {"vars": {"n": number}, "assert": [{"type": "contains", "value": f"turn {number + 1} of case {number}"}]}
        for number in range(turns)
    ]
    return {
        "providers": [{"id": "file://measured.py:turn", "sessions": ["thread"]}],
        "sessions": {"thread": {"kind": "file://measured.py:Thread", "scope": "conversation"}},
        "tests": [{"turns": told} for _ in range(count)],
    }


def write_rows(folder: Path, count: int) -> None:
    """Write a suite of so many CSV rows with three assertions each."""
    folder.mkdir(parents=True)
    suite = {"prompts": ["{{question}} {{answer}}"], "providers": ["echo"], "tests": "file://tests.csv"}
    (folder / "promptfooconfig.json").write_text(json.dumps(suite))
    rows = [
        f"what is {number},answer {number},contains: {number},icontains: WHAT,not-contains: zz{number}"
        for number in range(count)
    ]
    (folder / "tests.csv").write_text("\n".join(["question,answer,__expected1,__expected2,__expected3", *rows, ""]))


def write_yaml(folder: Path, count: int) -> None:
    """Write a suite whose tests stand in the YAML file itself, with two vars and three assertions each."""
    folder.mkdir(parents=True)
    tests = "".join(
        f"  - description: test {number}\n    vars:\n      question: what is {number}\n"
        f"      answer: 'answer {number}'\n    assert:\n      - type: contains\n        value: '{number}'\n"
        f"      - type: icontains\n        value: WHAT\n      - type: not-contains\n        value: zz{number}\n"
        for number in range(count)
    )
    head = "prompts: ['{{question}} {{answer}}']\nproviders: [echo]\ntests:\n"
    (folder / "promptfooconfig.yaml").write_text(head + tests)


def write(folder: Path, count: int, provider: str, **more: Any) -> None:
    """Write a suite of so many tests of one provider into a new folder."""
    folder.mkdir(parents=True)
    (folder / "measured.py").write_text(CODE)
    (folder / "tests.jsonl").write_text(
        "".join(
            json.dumps({"vars": {"n": number}, "assert": [{"type": "contains", "value": f"case {number}"}]}) + "\n"
            for number in range(count)
        )
    )
    suite = {"prompts": ["case {{n}}"], "providers": [provider], "tests": "file://tests.jsonl", **more}
    (folder / "promptfooconfig.json").write_text(json.dumps(suite))
