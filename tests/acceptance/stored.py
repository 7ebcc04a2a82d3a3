"""A suite whose runs are stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Ask = Callable[..., tuple[int, str]]

BOT = """
import os
def call_api(prompt, options, context):
    with open("calls", "a") as calls:
        calls.write(prompt + "\\n")
    if prompt in os.environ.get("BREAKS", ""):
        raise ValueError("it is down")
    print("asked", prompt)
    return {"output": prompt + os.environ.get("MORE", "")}
"""
SUITE: dict[str, Any] = {
    "description": "three words",
    "prompts": ["{{q}}"],
    "providers": ["file://bot.py"],
    "tests": [{"vars": {"q": word}, "assert": [{"type": "equals", "value": word}]} for word in ("one", "two", "six")],
}
FILES = {"bot.py": BOT}


def read_document(path: Path) -> dict[str, Any]:
    """Read a written run, without what two writings of it need not share."""
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    read["metadata"].pop("exportedAt")
    for column in read["results"]["prompts"]:
        column["metrics"].pop("totalLatencyMs")  # rows are rounded
    read["results"]["results"].sort(key=lambda row: (row["testIdx"], row["promptIdx"]))
    return read
