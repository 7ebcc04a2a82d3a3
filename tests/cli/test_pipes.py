"""The command line goes on when nobody reads what it shows."""

import json
import os
import subprocess
import sys
from pathlib import Path

SUITE = {
    "prompts": ["{{q}}"],
    "providers": ["file://loud.py"],
    "tests": [{"vars": {"q": "yes"}}, {"vars": {"q": "no"}, "assert": [{"type": "equals", "value": "yes"}]}],
    "extensions": ["file://loud.py:hook"],
}
LOUD = """
def hook(name, context):
    print(name)
def call_api(prompt, options, context):
    print("loud " * 20_000)
    return {"output": prompt}
"""


def test_a_run_whose_reader_has_left_ends_as_any_other(tmp_path: Path) -> None:
    """With its output closed at the other end, all tests run, results are written, and the exit code stands."""
    (tmp_path / "promptfooconfig.yaml").write_text(json.dumps(SUITE), encoding="utf-8")
    (tmp_path / "loud.py").write_text(LOUD, encoding="utf-8")
    reading, writing = os.pipe()
    os.close(reading)

    command = [sys.executable, "-m", "sojourn", "eval", "-o", "out.json"]
    environ = {**os.environ, "SOJOURN_HOME": str(tmp_path / "home")}
    ended = subprocess.run(command, cwd=tmp_path, env=environ, stdout=writing, stderr=writing, timeout=60, check=False)
    os.close(writing)

    assert ended.returncode == 100
    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"]["results"]
    assert [row["outcome"] for row in rows] == ["passed", "failed"]
